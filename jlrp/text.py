"""Text and paths that are safe to show, and suggestions for unknown words."""

import difflib
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

JOINERS = "\u200c\u200d"
"""Letters that scripts and emoji need between others. They do nothing else."""


def printable(text: str) -> str:
    """Put a text on one line and replace by "\ufffd" what is no letter, sign or space.

    Example:
        >>> printable("caf\\u00e9\\x1b[31m\\u202e\\n"), printable("a\\u00a0b")
        ('café\ufffd[31m\ufffd\ufffd', 'a b')
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def printable_path(path: Path | str) -> str:
    """Put a path on one line, as `printable` does.

    Example:
        >>> printable_path("photos/a\\nb.png")
        'photos/a�b.png'
    """
    return printable(os.fsencode(path).decode("utf-8", "replace"))


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean "…"?` with a leading space, or nothing if no known word is close.

    Example:
        >>> suggestion("tabbi", ["tabby", "tench"])
        ' Did you mean "tabby"?'
    """
    close = difflib.get_close_matches(word, list(known), n=1) if len(word) < 100 else []
    return f' Did you mean "{close[0]}"?' if close else ""


def _shown(letter: str) -> str:
    if letter.isprintable() or letter in JOINERS:
        return letter
    return (
        " "
        if letter == "\t" or unicodedata.category(letter) == "Zs"
        else "\N{REPLACEMENT CHARACTER}"
    )
