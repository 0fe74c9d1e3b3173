"""What goes wrong when a file is read."""

LONGEST = 1000


class LoadError(ValueError):
    """A file that cannot be read as a model: one sentence with the file, what is wrong with it and what to do.

    Files are quoted in it, so it is kept to one line of letters that can be shown, 1,000 at most.

    >>> import ir
    >>> issubclass(ir.LoadError, ValueError)
    True
    >>> str(ir.LoadError("has the layer 'a\\nb'."))
    "has the layer 'a b'."
    """

    __module__ = "ir"  # a traceback shows the name that users import

    def __init__(self, sentence: str) -> None:
        cut = sentence if len(sentence) <= LONGEST else f"{sentence[: LONGEST - 1]}…"
        super().__init__("".join(map(_shown, cut)))


def _shown(letter: str) -> str:
    return letter if letter.isprintable() else " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}"
