"""The error for files that cannot be read."""

MAX_LETTERS = 1000
"""The greatest length of an error's sentence."""


class LoadError(ValueError):
    r"""A file cannot be read as a model.

    The text is one sentence: the file, what is wrong with it, and what to do. It may quote the
    file. So it has one line of at most 1,000 printable letters.

    Args:
        sentence: The text. Other letters are replaced, and a longer text is cut.

    Example:
        >>> import ir
        >>> issubclass(ir.LoadError, ValueError)
        True
        >>> str(ir.LoadError("has the layer 'a\nb'."))
        "has the layer 'a b'."
    """

    __module__ = "ir"  # a traceback shows the name that users import

    def __init__(self, sentence: str) -> None:
        cut = sentence if len(sentence) <= MAX_LETTERS else f"{sentence[: MAX_LETTERS - 1]}…"
        super().__init__("".join(map(_printable, cut)))


def _printable(letter: str) -> str:
    """Replace a letter that is not printable."""
    if letter.isprintable():
        return letter
    return " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}"
