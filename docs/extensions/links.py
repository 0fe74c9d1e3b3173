"""Links from public names in code, such as `jlrp.ZPlus`, to their place in the reference."""

from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref

import ir
import jlrp

PUBLIC = {f"{module.__name__}.{name}" for module in (ir, jlrp) for name in module.__all__}


def link(app: Any, document: nodes.document) -> None:
    """Turn code that is a public name and nothing else into a link, unless it is in one."""
    page = app.env.current_document.docname
    for code in list(document.findall(nodes.literal)):
        linked = isinstance(code.parent, nodes.reference | pending_xref | nodes.title)
        if code.astext() in PUBLIC and not linked:
            target = {"refdomain": "py", "reftype": "obj", "reftarget": code.astext()}
            code.replace_self(pending_xref("", code.deepcopy(), **target, refdoc=page))


def setup(app: Any) -> dict[str, bool]:
    """Enter it into Sphinx."""
    app.connect("doctree-read", link)
    return {"parallel_read_safe": True}
