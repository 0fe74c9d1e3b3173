"""Relevance of volumes: a row of slices for each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.colour import Pixels, colour_map
from jlrp.plot.maps import Pooling, Scaling
from jlrp.plot.parts import Axes, as_explanation, only
from jlrp.plot.table import Look, Row, Table
from jlrp.propagation.explanation import Explanation


def slices(
    values: ArrayLike | Explanation,
    volume: ArrayLike | None = None,
    title: str | Sequence[str] = "",
    *,
    axes: Axes | None = None,
    count: int = 6,
    percentile: float = 100.0,
    cmap: str = "bwr",
    pooling: Pooling = "sum",
    scaling: Scaling = "all",
    notes: Sequence[str] | None = None,
) -> Figure:
    """Relevance of volumes as slices across their depth, a row for each volume.

    Args:
        values: An explanation of volumes, or an array whose axes are named.
        volume: The volumes themselves, as the model was given them; they lie in grey under their relevance, each from
            its least to its greatest value.
        title: Left of each row; for N volumes a sequence of N. By default the explanation's classes.
        axes: The names of an array's axes, such as `("image", "depth", "row", "column", "channel")`.
        count: How many slices are shown of each volume, evenly spaced.
        percentile: Full colour is for this percentile of `|R|` over the slices that share a scale, see `limit`.
        cmap: A name in `COLOUR_MAPS`.
        pooling: How a voxel's channels become one number, see `pooled`.
        scaling: Which slices share a scale: `"all"`, those of a volume (`"row"`), of a `"column"`, or none (`"image"`).
        notes: What is written on each volume; by default a sentence where the relevance shows nothing.

    Returns:
        The figure.

    Raises:
        ValueError: The axes are unclear or not those of volumes, or something does not fit the volumes.

    Example:
        >>> names = ("image", "depth", "row", "column", "channel")
        >>> figure = slices(np.ones((2, 9, 4, 4, 1)), title=["one", "two"], axes=names, count=3)
        >>> [text.get_text() for text in figure.texts][:4]
        ['one', 'slice 1', 'slice 4', 'slice 7']
    """
    part = only(as_explanation(values, axes), "volume")
    shown = evenly(part.values.shape[1], count)
    maps = part.pooled(pooling)[:, shown]
    given = zip(maps, part.inputs(volume), part.titled(title), part.noted(notes), strict=True)
    rows = [
        Row(
            maps=list(row),
            titles=[f"slice {index}" for index in shown],
            label=label,
            under=[] if voxels is None else list(_greys(voxels)[shown]),
            notes=[note, *[""] * (len(shown) - 1)],
        )
        for row, voxels, label, note in given
    ]
    return Table(rows, [("", "")] * len(shown), Look(colour_map(cmap), percentile, scaling)).draw()


def evenly(depth: int, count: int) -> list[int]:
    """The middles of `count` parts of a depth, or all slices where there are no more.

    >>> evenly(9, 3), evenly(2, 6)
    ([1, 4, 7], [0, 1])
    """
    if count < 1:
        raise ValueError(f"count is how many slices are shown, 1 or more, not {count}.")
    count = min(depth, count)
    return [int((index + 0.5) * depth / count) for index in range(count)]


def _greys(volume: NDArray[Any]) -> Pixels:
    """A volume (depth, row, column, channel) as greys, channels averaged."""
    values = np.asarray(volume, np.float64).mean(-1)
    least, most = values.min(), values.max()
    return np.asarray(np.rint(255 * (values - least) / ((most - least) or 1.0)), np.uint8)
