"""What the site needs beyond what Sphinx has: the docstrings' way of writing, links by name, the notebook."""
