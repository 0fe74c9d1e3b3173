"""The notebook as a page: its cells run in order, each with what it printed and shows."""

import ast
import base64
import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Ran(NamedTuple):
    """A cell that ran: its kind (`markdown` or `code`), its text, what it printed, and the value of its last line."""

    kind: str
    text: str
    printed: str = ""
    value: Any = None


def run(notebook: dict[str, Any], name: str = "notebook") -> Iterator[Ran]:
    """The cells of a notebook, run in order in one namespace; an exception ends it.

    >>> cells = [{"cell_type": "code", "source": ["x = 2\\n", "print(x)\\n", "x + 1"]}]
    >>> [(cell.printed, cell.value) for cell in run({"cells": cells})]
    [('2\\n', 3)]
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                value = _value(text, name, names)
            yield Ran("code", text, printed.getvalue(), value)
        else:
            yield Ran("markdown", text)


def _value(text: str, name: str, names: dict[str, Any]) -> Any:
    """Run a cell; the value of its last statement if that is an expression."""
    tree = ast.parse(text, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), name, "eval"), names)


def as_markdown(notebook: dict[str, Any], name: str = "notebook") -> str:
    """The notebook, run, as Markdown for MyST."""
    parts: list[str] = []
    for cell in run(notebook, name):
        if cell.kind == "markdown":
            parts.append(cell.text)
            continue
        parts.append(f"```python\n{cell.text}\n```")
        if cell.printed:
            parts.append(f"```text\n{cell.printed.rstrip()}\n```")
        if cell.value is not None:
            parts.append(shown(cell.value))
    return "\n\n".join(parts) + "\n"


def shown(value: Any) -> str:
    """A value as a notebook shows it: as HTML, as a picture, or as text."""
    html = getattr(value, "_repr_html_", lambda: None)()
    if html is None and hasattr(value, "_repr_png_"):
        picture = base64.b64encode(value._repr_png_()).decode()
        width = f"width:{value.size[0] // 2}px;max-width:100%" if hasattr(value, "size") else "max-width:100%"
        html = f'<img alt="the picture that this cell makes" style="{width}" src="data:image/png;base64,{picture}">'
    return f"```text\n{value!r}\n```" if html is None else f"````{{raw}} html\n<div>{html}</div>\n````"


def setup(app: Any) -> dict[str, bool]:
    """Enter it into Sphinx."""
    from myst_parser.parsers.sphinx_ import MystParser

    class NotebookParser(MystParser):
        supported = ("ipynb",)

        def parse(self, inputstring: str, document: Any) -> None:
            super().parse(as_markdown(json.loads(inputstring), Path(document["source"]).name), document)

    app.add_source_suffix(".ipynb", "ipynb")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}
