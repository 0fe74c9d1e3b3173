"""Absolute values in docstrings: reStructuredText would take the bars of |R| for a substitution."""

import re
from typing import Any

PARTS = re.compile(r"^ *>>> .*?(?=\n *\n|\Z)|`[^`]*`|\|", re.DOTALL | re.MULTILINE)
"""An example with its output, code in backticks, or a bar."""


def escaped(text: str) -> str:
    r"""A docstring whose bars outside of code have no meaning.

    Example:
        >>> print(escaped("The sum |R| of `|x|`."))
        The sum \|R\| of `|x|`.
    """
    return PARTS.sub(lambda match: r"\|" if match[0] == "|" else match[0], text)


def process(app: Any, what: str, name: str, subject: Any, options: Any, lines: list[str]) -> None:
    """Escape the bars of a docstring, when Sphinx has read its lines."""
    lines[:] = escaped("\n".join(lines)).split("\n")


def setup(app: Any) -> dict[str, bool]:
    """Enter it into Sphinx."""
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
