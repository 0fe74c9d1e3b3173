"""What stands in pages of Markdown: blocks of code that run, and commands that exist."""

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

import typer

from jlrp.cli import program


class Block(NamedTuple):
    """A fenced block: what stands behind its fence, its text, and the line that it begins at."""

    kind: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    found = re.finditer(r"^```(\S*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(match[1], match[2], text.count("\n", 0, match.start()) + 2) for match in found]


def run(text: str, page: str) -> int:
    """Run the Python blocks of a page, one after the other; how many there were.

    A block without a kind behind one of Python is what that prints.
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


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command (`$ …`) in the console blocks of a page, what follows a # left out."""
    for block in blocks(text):
        if block.kind == "console":
            for line in block.text.replace("\\\n", " ").splitlines():
                if line.startswith("$ "):
                    yield shlex.split(line[2:], comments=True)


def unknown(words: list[str]) -> list[str]:
    """What a `jlrp` command line has that the program does not: its command, or options of it."""
    known = typer.main.get_command(program).commands
    if words[1] not in known:
        return words[1:2]
    options = {name for parameter in known[words[1]].params for name in parameter.opts + parameter.secondary_opts}
    given = words[2 : words.index("|")] if "|" in words else words[2:]
    return [word for word in given if word.startswith("-") and word.partition("=")[0] not in options]
