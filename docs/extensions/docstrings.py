"""Docstrings as they are written here, as the reStructuredText that Sphinx reads.

A docstring has paragraphs, examples (`>>>`), lists (`- …`), and lines `name: what it is`, whose continuation may be
indented. Code stands in single backticks. Nothing else is markup: `*`, `_` and `|` are what they are. From its first
section (`Args:`, `Returns:`, `Raises:`, …) a docstring is Google's, which napoleon reads.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

ENTRY = re.compile(r"(?P<names>[a-z]\w*(?:, [a-z]\w*)*): (?P<rest>.*)")
LISTED = re.compile(r"- (?P<rest>.*)")
ROW = re.compile(r"(?P<cell>`[^`]+`)  +(?P<rest>.*)")
SECTION = re.compile(r"(Source|Returns|Raises|Differs)\b")
GOOGLE = ("Args:", "Attributes:", "Returns:", "Raises:", "Warns:", "Example:", "References:")
FIELD = re.compile(r"(?P<name>    [\w.*]+): (?P<rest>.*)")


def converted(lines: Iterable[str]) -> list[str]:
    """The lines of a docstring as reStructuredText.

    >>> converted(["Fold `x_i`.", "", "low, high: bounds,", "    per channel."])
    ['Fold ``x_i``.', '', '- **low, high**: bounds, per channel.', '']
    """
    result: list[str] = []
    for block in blocks(lines):
        if block[0].lstrip().startswith(">>>"):
            result += [*block, ""]
            continue
        for part in parts(block):
            if result and result[-1] and not (part.startswith("- ") and result[-1].startswith("- ")):
                result.append("")
            result.append(part)
        result.append("")
    return result


def blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """What stands between empty lines."""
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def parts(block: Iterable[str]) -> Iterator[str]:
    """The paragraphs and list items of a block, each on one line."""
    logical: list[tuple[str, str]] = []
    for line in block:
        before, so_far = logical[-1] if logical else ("", ".")
        ended = so_far.endswith((".", ":"))
        kind = "" if line[0] == " " else _begins(line)
        if kind == "entry" and before == "text" and not ended:
            kind = ""  # the middle of a sentence
        if not kind and before not in ("", "text") and ended and line[0].isupper():
            kind = "text"  # a sentence after a list
        if kind or not logical:
            logical.append((kind or "text", line.strip()))
        else:
            logical[-1] = (before, f"{so_far} {line.strip()}")
    for kind, text in logical:
        yield _item(kind, text)


def _begins(line: str) -> str:
    """What kind of part a line begins; nothing where it goes on with the one before."""
    patterns = {"entry": ENTRY, "list": LISTED, "row": ROW, "text": SECTION}
    return next((kind for kind, pattern in patterns.items() if pattern.match(line)), "")


def _item(kind: str, text: str) -> str:
    if kind == "entry" and (found := ENTRY.match(text)):
        return f"- **{escaped(found['names'])}**: {inline(found['rest'])}"
    if kind == "list":
        return f"- {inline(text[2:])}"
    if kind == "row" and (found := ROW.match(text)):
        return f"- {inline(found['cell'])}: {inline(found['rest'])}"
    return inline(text)


def inline(text: str) -> str:
    """Single backticks as double ones, everything else without meaning.

    >>> inline("`W`-like: a*b")
    '``W``-like: a\\\\*b'
    """
    pieces = text.split("`")
    result = escaped(pieces[0])
    for index, piece in enumerate(pieces[1:], start=1):
        if index % 2:
            gap = "\\ " if result[-1:].isalnum() else ""
            result += f"{gap}``{piece}``"
        else:
            gap = "\\ " if piece[:1].isalnum() else ""
            result += gap + escaped(piece)
    return result


def escaped(text: str) -> str:
    """Text in which no letter is markup."""
    return re.sub(r"([\\*|_])", r"\\\1", text)


def google(lines: Iterable[str]) -> list[str]:
    """Google's sections of a docstring as reStructuredText."""
    from sphinx.ext.napoleon import Config, GoogleDocstring  # the tests of this file need no Sphinx

    prepared, code = [], False
    for line in lines:
        code = line.lstrip().startswith(">>>") or (code and bool(line.strip()))
        field = FIELD.fullmatch(line)
        if code or line in GOOGLE:
            prepared.append(line)
        elif field is not None:
            prepared.append(f"{field['name']}: {inline(field['rest'])}")
        else:
            prepared.append(line[: len(line) - len(line.lstrip())] + inline(line.lstrip()))
    return GoogleDocstring(prepared, Config(napoleon_use_ivar=True, napoleon_use_rtype=False)).lines()


def process(app: Any, what: str, name: str, subject: Any, options: Any, lines: list[str]) -> None:
    """What Sphinx calls with the lines of each docstring."""
    first = next((index for index, line in enumerate(lines) if line in GOOGLE), len(lines))
    lines[:] = [*converted(lines[:first]), *(google(lines[first:]) if first < len(lines) else ())]


def setup(app: Any) -> dict[str, bool]:
    """Enter it into Sphinx."""
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
