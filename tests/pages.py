"""Run the code of Markdown pages and notebooks, and check their commands."""

import ast
import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import typer

from jlrp.cli import program


class Block(NamedTuple):
    """A fenced block: the word after the fence, the text, and the number of its first line."""

    kind: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    found = re.finditer(r"^```(\S*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(match[1], match[2], text.count("\n", 0, match.start()) + 2) for match in found]


def run(text: str, page: str) -> int:
    """Run the Python blocks of a page one after the other and return their number.

    A block without a kind after a Python block is what that block prints.
    """
    names: dict = {"__name__": "__main__"}
    printed, count = "", 0
    for block in blocks(text):
        if block.kind == "python":
            output = io.StringIO()
            code = compile("\n" * (block.line - 1) + block.text, page, "exec")
            with contextlib.redirect_stdout(output):
                exec(code, names)
            printed, count = output.getvalue(), count + 1
        elif not block.kind and count:
            assert printed.rstrip() == block.text.rstrip(), f"{page}, line {block.line}"
    return count


def run_notebook(notebook: dict[str, Any]) -> list[tuple[str, Any]]:
    """Run the code cells of a notebook; return what each prints and its last line's value.

    Example:
        >>> cells = [{"cell_type": "code", "source": ["x = 2\\n", "print(x)\\n", "x + 1"]}]
        >>> run_notebook({"cells": cells})
        [('2\\n', 3)]
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    results = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            tree = ast.parse("".join(cell["source"]))
            if not isinstance(tree.body[-1], ast.Expr):
                tree.body += ast.parse("None").body
            last = tree.body.pop()
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(tree, "notebook", "exec"), names)
                value = eval(compile(ast.Expression(last.value), "notebook", "eval"), names)
            results.append((output.getvalue(), value))
    return results


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command (`$ …`) in the console blocks of a page, without comments."""
    for block in blocks(text):
        if block.kind == "console":
            for line in block.text.replace("\\\n", " ").splitlines():
                if line.startswith("$ "):
                    yield shlex.split(line[2:], comments=True)


def unknown(words: list[str]) -> list[str]:
    """The words of a `jlrp` command line that the program does not know: command or options."""
    known = typer.main.get_command(program).commands
    if words[1] not in known:
        return words[1:2]
    options = {
        name
        for parameter in known[words[1]].params
        for name in parameter.opts + parameter.secondary_opts
    }
    given = words[2 : words.index("|")] if "|" in words else words[2:]
    return [
        word for word in given if word.startswith("-") and word.partition("=")[0] not in options
    ]
