"""From relevance to maps: pooled channels, limits of the scale, and relevance over images."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.colour import Pixels, colour_map, colours
from jlrp.plot.parts import Axes, image_axes, part_of
from jlrp.propagation.explanation import Explanation

Maps = NDArray[np.float64]
"""Relevance maps: (N, H, W)."""

Pooling = Literal["sum", "norm"]
"""How the channels of a pixel become one number."""

Scaling = Literal["all", "row", "column", "image"]
"""Which maps share one limit: all, those of a row, those of a column or group, or none."""

POOLINGS: tuple[Pooling, ...] = ("sum", "norm")
SCALINGS: tuple[Scaling, ...] = ("all", "row", "column", "image")
GREY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as pillow's convert("L")


def pooled(
    relevance: ArrayLike,
    pooling: Pooling = "sum",
    channel_axis: int = -1,
) -> NDArray[np.float64]:
    """The relevance of each pixel: Σ_c R_c (`"sum"`) or √(Σ_c R_c²) (`"norm"`).

    The sum keeps the total relevance. The norm is never negative; it shows also where channels
    cancel.

    Args:
        relevance: Real numbers with an axis of channels, (…, C, …).
        pooling: `"sum"` or `"norm"`; `ValueError` for another.
        channel_axis: The axis of the channels.

    Returns:
        The array without that axis, in float64.

    Example:
        >>> pooled([[[3.0, -4.0]]], "sum").tolist(), pooled([[[3.0, -4.0]]], "norm").tolist()
        ([[-1.0]], [[5.0]])
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling is 'sum' or 'norm', not {pooling!r}.")
    pool: Any = np.sum if pooling == "sum" else np.linalg.norm
    return np.asarray(pool(np.asarray(relevance, np.float64), axis=channel_axis))


def channel_sum(relevance: ArrayLike, channel_axis: int = -1) -> NDArray[np.float64]:
    """The relevance of each pixel, Σ_c R_c, in float64: `pooled` with `"sum"`.

    Example:
        >>> channel_sum([[[1.0, -3.0]]]).tolist()
        [[-2.0]]
    """
    return pooled(relevance, "sum", channel_axis)


def as_maps(
    relevance: ArrayLike | Explanation,
    pooling: Pooling = "sum",
    axes: Axes | None = None,
) -> Maps:
    """Relevance of images as maps in float64, (N, H, W), with pooled channels.

    Args:
        relevance: An explanation of images, or an array of real numbers, of NumPy, JAX or nested
            sequences. An array of 4 dimensions is (N, H, W, C) unless `axes` says otherwise.
        pooling: How channels become one number, see `pooled`.
        axes: The names of the array's axes, such as `("image", "channel", "row", "column")`.

    Returns:
        One map for each image; classes or conditions come first, row by row.

    Raises:
        ValueError: The axes are unclear or not those of images, or a value is not a finite number.

    Example:
        >>> as_maps(np.ones((2, 4, 5, 3))).shape, as_maps([[1.0]], axes=("row", "column")).shape
        ((2, 4, 5), (1, 1, 1))
    """
    values = np.asarray(part_of(relevance, "image", axes).values, np.float64)
    broken = np.count_nonzero(~np.isfinite(values))
    if broken:
        count = f"{values.size} values of relevance to draw"
        raise ValueError(f"Of the {count}, {broken} are not finite.")
    return pooled(values, pooling)


def limit(values: ArrayLike, percentile: float = 100.0) -> float:
    """The relevance shown in full colour: a percentile of |values|.

    Args:
        values: Any shape.
        percentile: From 0 to 100, the maximum; `ValueError` beyond.

    Returns:
        The percentile; where it is 0, as in a map with few values, the maximum; where all values
        are 0, 1.

    Example:
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
    """The limit of every map of a table.

    Args:
        maps: Rows of maps.
        scaling: `"all"`: one limit for all maps; `"row"`: one for each row; `"column"`: one for
            each column, or for the columns of one group; `"image"`: each map its own. `ValueError`
            for another.
        percentile: See `limit`.
        groups: A name for each column.

    Returns:
        Rows of limits.

    Example:
        >>> table = [[[[1.0]], [[2.0]]], [[[3.0]], [[-4.0]]]]
        >>> limits(table, "all"), limits(table, "row"), limits(table, "column")
        ([[4.0, 4.0], [4.0, 4.0]], [[2.0, 2.0], [4.0, 4.0]], [[3.0, 4.0], [3.0, 4.0]])
    """
    if scaling not in SCALINGS:
        raise ValueError(f"scaling is one of {', '.join(map(repr, SCALINGS))}, not {scaling!r}.")

    def key(row: int, column: int) -> Any:
        group = column if groups is None else groups[column]
        return {"all": (), "row": row, "column": group, "image": (row, column)}[scaling]

    sharing = defaultdict(list)
    for row, line in enumerate(maps):
        for column, values in enumerate(line):
            sharing[key(row, column)].append(np.ravel(np.asarray(values, np.float64)))
    limit_of = {each: limit(np.concatenate(some), percentile) for each, some in sharing.items()}
    shape = enumerate(map(len, maps))
    return [[limit_of[key(row, column)] for column in range(size)] for row, size in shape]


def as_pixels(image: ArrayLike) -> Pixels:
    """An image as pixels from 0 to 255, in grey (H, W) or in colour (H, W, 3).

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3): whole numbers from 0 to 255 or floats from 0 to 1.

    Raises:
        ValueError: The numbers or the shape are others.

    Example:
        >>> as_pixels([[0.0, 1.0]]).tolist(), as_pixels(np.zeros((4, 5, 1), np.uint8)).shape
        ([[0, 255]], (4, 5))
    """
    values = np.asarray(image)
    shape = values.shape
    if values.ndim not in (2, 3) or (values.ndim == 3 and shape[-1] not in (1, 3)) or 0 in shape:
        allowed = "(H, W), (H, W, 1) or (H, W, 3)"
        raise ValueError(f"An image has the shape {allowed}, and this has {shape}.")
    most = 255.0 if values.dtype.kind in "iub" else 1.0
    numbers = values.astype(np.float64)
    if not (numbers.min() >= 0 and numbers.max() <= most):  # also where there is a NaN
        scope = f"{values.dtype} from {numbers.min():g} to {numbers.max():g}"
        raise ValueError(
            "An image holds whole numbers from 0 to 255 or floats from 0 to 1, and this "
            f"{scope}: draw the pixels, not the model's input."
        )
    pixels = np.rint(numbers * (255 / most)).astype(np.uint8)
    return pixels[..., 0] if shape[2:] == (1,) else pixels


def overlay(
    image: ArrayLike,
    values: ArrayLike,
    full: float | None = None,
    strength: float = 0.85,
    cmap: str = "bwr",
    pooling: Pooling = "sum",
) -> Pixels:
    """The image in grey with relevance over it in colour: (1 − c) grey + c colour.

    c = strength · |R| / full, at most `strength`. A signed map covers with the colours of its two
    ends, a sequential map with the colour of |R|.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3), see `as_pixels`.
        values: Relevance of the same height and width, (H, W), (H, W, C), or (N, H, W, C) for
            several maps over one image.
        full: The relevance that covers the image the most; by default the maximum of |values|.
        strength: How much of the image it covers, 0 to 1.
        cmap: A name in `COLOUR_MAPS`.
        pooling: How channels become one number, see `pooled`.

    Returns:
        (H, W, 3), or (N, H, W, 3) of several maps.

    Raises:
        ValueError: Relevance and image differ in size, or one of them cannot be drawn.

    Example:
        >>> overlay([[100, 100]], [[1.0, 0.0]], full=1.0, strength=0.8).tolist()
        [[[224, 20, 20], [100, 100, 100]]]
    """
    maps, grey = as_maps(values, pooling, image_axes(values)), as_pixels(image).astype(np.float64)
    grey = grey @ np.asarray(GREY_WEIGHTS) if grey.ndim == 3 else grey
    if maps.shape[1:] != grey.shape:
        own, other = ("{} × {} pixels".format(*shape) for shape in (maps.shape[1:], grey.shape))
        raise ValueError(f"Relevance of {own} cannot lie over an image of {other}.")
    share = np.clip(maps / (limit(maps) if full is None else full), -1, 1)
    cover = strength * np.abs(share)[..., None]
    over = colours(np.sign(share) if colour_map(cmap).signed else share, 1.0, cmap)
    blended = np.rint((1 - cover) * grey[..., None] + cover * over).astype(np.uint8)
    return blended if np.ndim(values) == 4 else blended[0]


def enlarged(pixels: Pixels, least: int = 320) -> Pixels:
    """The picture with every pixel repeated until its shorter side has at least `least`.

    Example:
        >>> enlarged(np.zeros((2, 3), np.uint8), least=5).shape
        (6, 9)
    """
    times = -(-least // min(pixels.shape[:2]))
    return pixels.repeat(times, axis=0).repeat(times, axis=1)
