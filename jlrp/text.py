"""Text from files, as it may be shown: on a terminal, in a picture, in a page."""

import unicodedata

JOINERS = "\u200c\u200d"
"""What scripts and emoji need between letters, and what does nothing else."""


def printable(text: str) -> str:
    """A text on one line: what is no letter, sign or space, such as what a terminal obeys, is replaced by "\ufffd".

    >>> printable("caf\\u00e9\\x1b[31m\\u202e\\n"), printable("a\\u00a0b")
    ('café\ufffd[31m\ufffd\ufffd', 'a b')
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(letter: str) -> str:
    if letter.isprintable() or letter in JOINERS:
        return letter
    return " " if letter == "\t" or unicodedata.category(letter) == "Zs" else "\N{REPLACEMENT CHARACTER}"
