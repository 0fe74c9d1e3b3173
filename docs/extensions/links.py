"""Public names in code, such as `jlrp.ZPlus`, lead to their place in the reference."""

from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref

import ir
import jlrp

PUBLIC = {f"{module.__name__}.{name}" for module in (ir, jlrp) for name in module.__all__}


def link(app: Any, document: nodes.document) -> None:
    """Turn code that is a public name and nothing else into a link, unless it stands in one."""
    for code in list(document.findall(nodes.literal)):
        if code.astext() in PUBLIC and not isinstance(
            code.parent, nodes.reference | pending_xref | nodes.title
        ):
            page = app.env.current_document.docname
            found = pending_xref(
                "",
                code.deepcopy(),
                refdomain="py",
                reftype="obj",
                reftarget=code.astext(),
                refdoc=page,
            )
            code.replace_self(found)


def setup(app: Any) -> dict[str, bool]:
    """Enter it into Sphinx."""
    app.connect("doctree-read", link)
    return {"parallel_read_safe": True}
