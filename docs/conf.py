"""How `make docs` builds the site: pages from `docs/`, the reference from the docstrings.

Nothing comes from a network.
"""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import jlrp

for name in ("jax", "traitlets"):
    logging.getLogger(name).setLevel(logging.WARNING)  # devices, and the notebook's kernel

project = "jlrp"
html_title = f"jlrp {jlrp.__version__}"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "extensions.bars",
    "extensions.links",
]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_render_image_options = {"alt": "the picture that this cell makes", "scale": "50%"}
exclude_patterns = ["extensions"]
# JSON with … in it, and lines that are not quite Python
suppress_warnings = ["misc.highlighting_failure"]

default_role = "code"  # docstrings write code in single backticks
napoleon_attr_annotations = False  # signatures have the types
napoleon_use_ivar = True
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
toc_object_entries = False
