"""Products by Einstein's rule: the equation that two ops have, and the lengths of its letters."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ir.ops.base import Op, Shape


@dataclass(frozen=True)
class ByLetters(Op):
    """Base of the ops whose axes have letters, as in NumPy's `einsum`.

    Attributes:
        equation: The axes of two factors and of the output by letters, as `"nqd,nkd->nqk"`.
    """

    equation: str

    keeps_axes = False
    positions = False

    @property
    def letters(self) -> tuple[str, str, str]:
        """The letters of the first factor, of the second, and of the output."""
        found = parsed(self.equation)
        assert found is not None  # `__post_init__` of the ops
        return found

    def _made(self, first: Shape, second: Shape) -> Shape | None:
        """The output's shape, from those of the factors; `None` where they do not fit."""
        *factors, output = self.letters
        lengths = _lengths(zip(factors, (first, second), strict=True))
        if lengths is None or not set(output) <= set(lengths):
            return None
        return tuple(lengths[letter] for letter in output)


def parsed(equation: str) -> tuple[str, str, str] | None:
    """The letters of two factors and their product; `None` where an equation has none.

    >>> parsed("nqd,nkd->nqk"), parsed("nqd")
    (('nqd', 'nkd', 'nqk'), None)
    """
    found = re.fullmatch(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)", equation)
    if found is None:
        return None
    first, second, output = found.groups()
    return first, second, output


def _lengths(factors: Iterable[tuple[str, Shape]]) -> dict[str, int | None] | None:
    """The length of each letter; `None` where a letter has two, or their number is not the rank."""
    found: dict[str, int | None] = {}
    for letters, shape in factors:
        if len(letters) != len(shape):
            return None
        for letter, length in zip(letters, shape, strict=True):
            known = found.get(letter)
            if known is not None and length is not None and known != length:
                return None
            found[letter] = length if known is None else known
    return found
