"""How `make docs` builds the site: pages from `docs/`, the reference from the docstrings, nothing from a network."""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import jlrp

logging.getLogger("jax").setLevel(logging.WARNING)  # which devices there are is no matter of the site

project = "jlrp"
html_title = f"jlrp {jlrp.__version__}"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "extensions.docstrings", "extensions.links", "extensions.notebook"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["extensions"]
suppress_warnings = ["misc.highlighting_failure"]  # JSON with … in it, and lines that are not quite Python

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
toc_object_entries = False
