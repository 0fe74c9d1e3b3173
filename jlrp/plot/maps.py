"""From relevance to maps: how channels are pooled, and the limit of the colour scale."""

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Maps = NDArray[np.float64]
"""Relevance maps: (N, height, width)."""

Pooling = Literal["sum", "norm"]
"""How the channels of a pixel become one number: their sum, or their Euclidean norm, which has no sign."""

Scaling = Literal["all", "row", "column", "image"]
"""Which maps share one limit: all, those of a row, those of a column (or group of columns), or none."""

SCALINGS: tuple[Scaling, ...] = ("all", "row", "column", "image")
POOLINGS: tuple[Pooling, ...] = ("sum", "norm")


def channel_sum(relevance: ArrayLike, channel_axis: int = -1) -> NDArray[np.float64]:
    """The relevance of each pixel: the sum over its channels, in float64.

    >>> channel_sum([[[1.0, -3.0]]]).tolist()
    [[-2.0]]
    """
    return pooled(relevance, "sum", channel_axis)


def pooled(relevance: ArrayLike, pooling: Pooling = "sum", channel_axis: int = -1) -> NDArray[np.float64]:
    """The relevance of each pixel, in float64: Σ_c R_c (`"sum"`), or √(Σ_c R_c²) (`"norm"`), which is never negative.

    The sum keeps the total relevance; the norm shows also where channels cancel. (…, C, …) → (…, …).

    >>> pooled([[[3.0, -4.0]]], "sum").tolist(), pooled([[[3.0, -4.0]]], "norm").tolist()
    ([[-1.0]], [[5.0]])
    """
    values = np.asarray(relevance, np.float64)
    if pooling not in POOLINGS:
        raise ValueError(f"pooling is {' or '.join(map(repr, POOLINGS))}, not {pooling!r}.")
    total = values.sum(channel_axis) if pooling == "sum" else np.sqrt(np.square(values).sum(channel_axis))
    return np.asarray(total)


def limit(values: ArrayLike, percentile: float = 100.0) -> float:
    """The relevance shown in full colour: a percentile of the absolute values, 100 for their maximum.

    Where that percentile is 0, as in a map with few values, the maximum; where all values are 0, 1.

    >>> limit([-4.0, 1.0, 0.0]), limit([0.0, 0.0])
    (4.0, 1.0)
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"percentile is from 0 to 100, not {percentile:g}.")
    sizes = np.abs(np.asarray(values, np.float64))
    if sizes.size == 0:
        return 1.0
    return float(np.percentile(sizes, percentile)) or float(sizes.max()) or 1.0


def limits(
    maps: Sequence[Sequence[ArrayLike]],
    scaling: Scaling = "all",
    percentile: float = 100.0,
    groups: Sequence[Hashable] | None = None,
) -> list[list[float]]:
    """The limit of every map of a table: rows of maps → rows of limits.

    scaling: `"all"`: one limit for all maps; `"row"`: one for each row; `"column"`: one for each column, or for columns
        of one group; `"image"`: each map its own. percentile: see `limit`. groups: one name a column.

    >>> table = [[[[1.0]], [[2.0]]], [[[3.0]], [[-4.0]]]]
    >>> limits(table, "all"), limits(table, "row"), limits(table, "column")
    ([[4.0, 4.0], [4.0, 4.0]], [[2.0, 2.0], [4.0, 4.0]], [[3.0, 4.0], [3.0, 4.0]])
    """
    require_scaling(scaling)
    sharing: dict[Any, list[NDArray[np.float64]]] = {}
    keys = [[_shared(scaling, row, column, groups) for column in range(len(line))] for row, line in enumerate(maps)]
    for line, names in zip(maps, keys, strict=True):
        for values, key in zip(line, names, strict=True):
            sharing.setdefault(key, []).append(np.ravel(np.asarray(values, np.float64)))
    found = {key: limit(np.concatenate(together), percentile) for key, together in sharing.items()}
    return [[found[key] for key in line] for line in keys]


def require_scaling(scaling: str) -> None:
    """`ValueError` that lists the scalings where this is none.

    >>> require_scaling("row")
    """
    if scaling not in SCALINGS:
        raise ValueError(f"scaling is one of {', '.join(map(repr, SCALINGS))}, not {scaling!r}.")


def _shared(scaling: Scaling, row: int, column: int, groups: Sequence[Hashable] | None) -> tuple[Any, ...]:
    """What maps with one limit have in common."""
    group = column if groups is None else groups[column]
    return {"all": (), "row": (row,), "column": (group,), "image": (row, column)}[scaling]
