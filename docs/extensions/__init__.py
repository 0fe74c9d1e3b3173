"""What the site needs beyond Sphinx and its extensions: links from public names in code, and bars."""
