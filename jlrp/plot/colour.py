"""Colour maps for relevance, and values as colours.

A signed map has one colour for zero and goes from there to one colour for each sign, so that its
scale is symmetric. A sequential map shows |R|. The tests measure what readers with a colour vision
deficiency see: they simulate the colours for deuteranopes, protanopes and tritanopes (Machado,
Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
2009) and compare them in CIELAB.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize
from numpy.typing import ArrayLike, NDArray

Pixels = NDArray[np.uint8]
"""A picture: (H, W, 3), or (H, W) in grey."""

LEVELS = 511  # an odd number, so that zero has a colour of its own
BLUE, ORANGE = "#0079cb", "#c85000"  # of one lightness, CIELAB L* = 49.5


@dataclass(frozen=True)
class ColourMap:
    """A colour map for relevance; `COLOUR_MAPS` has them by name.

    Attributes:
        name: matplotlib's name, but for `blue_orange`.
        about: What the map is for, in a sentence.
        signed: Whether it shows R from −limit to limit, or |R| from 0 to limit.
        safe: Whether all readers, also with one of the three colour vision deficiencies, can tell
            the signs apart from a quarter of the limit up, and see the strongest relevance as the
            strongest. Of a sequential map: whether more is lighter to all of them.
        balanced: Whether both signs are equally light, so that neither stands out, and a print
            without colour shows |R|.

    Example:
        >>> COLOUR_MAPS["bwr"].safe, COLOUR_MAPS["bwr"].balanced, COLOUR_MAPS["magma"].signed
        (True, False, False)
    """

    name: str
    about: str
    signed: bool = True
    safe: bool = True
    balanced: bool = True

    @cached_property
    def table(self) -> Colormap:
        """Matplotlib's object, with an odd number of colours.

        Each is a whole number of 255ths and a quarter more. So it is the same where such numbers
        are rounded, as in `colours`, and where they are cut off, as in matplotlib's bitmaps.
        """
        if self.name == "blue_orange":
            ends = [BLUE, "#ffffff", ORANGE]
            table: Colormap = LinearSegmentedColormap.from_list(self.name, ends, LEVELS)
        else:
            table = colormaps[self.name].resampled(LEVELS)
        levels = np.rint(255 * np.asarray(table(np.arange(LEVELS)))[:, :3])
        return ListedColormap(np.minimum((levels + 0.25) / 255, 1.0), self.name)

    def norm(self, full: float) -> Normalize:
        """From what is drawn to the position in the map, 0 to 1."""
        return Normalize(-full if self.signed else 0.0, full)

    def drawn(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """R itself, or |R|."""
        return values if self.signed else np.abs(values)

    def positions(self, values: ArrayLike, full: float) -> NDArray[np.float64]:
        """Where relevance is in the map, 0 to 1."""
        share = self.drawn(np.asarray(values, np.float64) / full)
        return np.asarray(np.clip((share + 1) / 2 if self.signed else share, 0, 1))


COLOUR_MAPS = {
    each.name: each
    for each in (
        ColourMap(
            "bwr",
            "Blue, white, red, pure at the ends: the most common; its red is lighter.",
            balanced=False,
        ),
        ColourMap(
            "blue_orange",
            "Blue, white, orange of one lightness: for any reader, and for print.",
        ),
        ColourMap(
            "coolwarm",
            "Blue, grey, red, softer (Moreland 2009): zero is light grey, not white.",
        ),
        ColourMap(
            "seismic",
            "Blue, white, red, dark at the ends: half the limit looks stronger than all of it.",
            safe=False,
            balanced=False,
        ),
        ColourMap(
            "magma",
            "Black through red to pale yellow: |R| alone, without its sign.",
            signed=False,
        ),
    )
}
"""The colour maps by name. The default, `bwr`, is linear, so that twice the relevance looks twice
as strong; so is `blue_orange`.

>>> [name for name, each in COLOUR_MAPS.items() if each.safe and each.balanced]
['blue_orange', 'coolwarm', 'magma']
"""

COLOURS = COLOUR_MAPS["bwr"].table


def colour_map(name: str) -> ColourMap:
    """The colour map of a name.

    Raises:
        ValueError: There is none; the message lists the names.

    Example:
        >>> colour_map("blue_orange").signed
        True
    """
    if name not in COLOUR_MAPS:
        raise ValueError(f"There is no colour map {name!r}: choose from {', '.join(COLOUR_MAPS)}.")
    return COLOUR_MAPS[name]


def colours(values: ArrayLike, full: float, cmap: str = "bwr") -> Pixels:
    """Values as colours: white at 0, pure red from `full` up, pure blue from `-full` down.

    Args:
        values: Any shape, any numbers; infinities have the colours of the limits.
        full: The relevance shown in full colour, above 0, see `limit`.
        cmap: A name in `COLOUR_MAPS`; a sequential map shows |values|.

    Returns:
        Colours from 0 to 255, (…) → (…, 3).

    Example:
        >>> colours([0.0, 2.0, -5.0], full=2.0).tolist()
        [[255, 255, 255], [255, 0, 0], [0, 0, 255]]
        >>> colours([0.0, 2.0, -5.0], full=2.0, cmap="magma").tolist()
        [[0, 0, 4], [252, 253, 191], [252, 253, 191]]
    """
    chosen = colour_map(cmap)
    shares = np.asarray(chosen.table(chosen.positions(values, full)))[..., :3]
    return np.rint(255 * shares).astype(np.uint8)


NEGATIVE, POSITIVE = (tuple(map(int, end)) for end in colours([-1.0, 1.0], 1.0))
