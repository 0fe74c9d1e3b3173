"""Pictures of relevance: heatmaps, overlays and grids. Needs matplotlib and pillow (`pip install "jlrp[cli]"`).

The colours are matplotlib's "bwr": exactly white at zero, pure red at the most positive, pure blue at the most negative,
and linear between, so that twice the relevance looks twice as strong. ("seismic" is darkest, not most vivid, at
its ends; "RdBu_r" is off-white in the middle.) The scale is symmetric: one limit serves both signs.

Figures are drawn without pyplot and its global state: the functions return `Figure` objects, `png` makes a file's bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
"""A picture: (height, width, 3), or (height, width) in grey."""

COLOURS: Colormap = colormaps["bwr"].resampled(511)  # an odd number, so that zero has a colour of its own: white
POSITIVE, NEGATIVE = (255, 0, 0), (0, 0, 255)
GREY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as pillow's convert("L")


def channel_sum(relevance: ArrayLike, channel_axis: int = -1) -> NDArray[np.float64]:
    """The relevance of each pixel: the sum over its channels, in float64.

    >>> channel_sum([[[1.0, -3.0]]]).tolist()
    [[-2.0]]
    """
    return np.asarray(relevance, np.float64).sum(axis=channel_axis)


def limit(values: ArrayLike, percentile: float = 100.0) -> float:
    """The relevance shown in full colour: a percentile of the absolute values, 100 for their maximum.

    Where that percentile is 0, as in a map with few values, the maximum; where all values are 0, 1.

    >>> limit([-4.0, 1.0, 0.0]), limit([0.0, 0.0])
    (4.0, 1.0)
    """
    sizes = np.abs(np.asarray(values, np.float64))
    if sizes.size == 0:
        return 1.0
    return float(np.percentile(sizes, percentile)) or float(sizes.max()) or 1.0


def colours(values: ArrayLike, full: float) -> Pixels:
    """Values as colours: white at 0, pure red from `full` up, pure blue from `-full` down. (…) → (…, 3).

    >>> colours([0.0, 2.0, -5.0], full=2.0).tolist()
    [[255, 255, 255], [255, 0, 0], [0, 0, 255]]
    """
    position = (np.asarray(values, np.float64) / full + 1) / 2
    return np.asarray(COLOURS(np.clip(position, 0, 1), bytes=True)[..., :3], np.uint8)


def overlay(image: Pixels, values: ArrayLike, full: float, strength: float = 0.85) -> Pixels:
    """The image in grey with relevance laid over it in red and blue.

    image: (height, width, 3) or (height, width).
    values: relevance, (height, width).
    full: the relevance that covers the image the most, see `limit`.
    strength: how much of the image is covered there. Where there is no relevance the image stays as it is, in grey.
    """
    grey = np.asarray(image, np.float64)
    if grey.ndim == 3:
        grey = grey @ np.asarray(GREY_WEIGHTS) if grey.shape[-1] == 3 else grey[..., 0]
    share = np.clip(np.asarray(values, np.float64) / full, -1, 1)[..., None]
    cover = strength * np.abs(share)
    blended = (1 - cover) * grey[..., None] + cover * np.where(share > 0, POSITIVE, NEGATIVE)
    return np.rint(blended).astype(np.uint8)


def enlarged(pixels: Pixels, least: int = 256) -> Pixels:
    """The picture with every pixel repeated, a whole number of times, until its shorter side has at least `least`."""
    times = -(-least // min(pixels.shape[:2]))
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def heatmap(values: ArrayLike, full: float, title: str, note: str = "") -> Figure:
    """One relevance map with its colour bar; `note` is the small line under it."""
    values = np.asarray(values, np.float64)
    figure = _figure(5.2, 5.2 * min(max(values.shape[0] / values.shape[1], 0.5), 1.6) * 0.85 + 0.6)
    axes = figure.add_subplot()
    _plain_title(axes, title, fontsize=11)
    mappable = _relevance(axes, values, full)
    _colour_bar(figure, mappable, axes, values, location="right")
    if note:
        axes.set_xlabel(note, fontsize=7, parse_math=False)
    return figure


@dataclass(frozen=True)
class Column:
    """A column of `grid`: maps that share one colour scale with all columns of the same `group`."""

    group: str
    heading: str
    values: Sequence[ArrayLike]
    titles: Sequence[str]


def grid(
    images: Sequence[Pixels], titles: Sequence[str], columns: Sequence[Column], caption: str, percentile: float = 100.0
) -> Figure:
    """A row per image: the image itself, then its relevance map in every column.

    columns: neighbours of one group stand under one heading, share one colour scale (the `percentile` of the absolute
        values of the group) and have one colour bar below.
    caption: what to read from the colours, above all.
    """
    groups = list(dict.fromkeys(column.group for column in columns))
    spans = [[c for c in columns if c.group == group] for group in groups]
    cell = 1.35
    figure = _figure(cell * (1 + len(columns)) + 1.0, cell * 1.16 * len(images) + 1.9)
    figure.suptitle(caption, fontsize=10, linespacing=1.5)
    parts = figure.subfigures(1, 1 + len(groups), width_ratios=[1.0, *(len(span) * 1.02 for span in spans)], squeeze=False)[0]
    _image_column(parts[0], images, titles)
    for part, group, span in zip(parts[1:], groups, spans, strict=True):
        _map_columns(part, group, span, percentile)
    return figure


def png(picture: Figure | Pixels) -> bytes:
    """The picture as the bytes of a PNG file, the same for the same picture."""
    buffer = BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(buffer, format="png", metadata={"Software": None})
    else:
        Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def _image_column(part: Any, images: Sequence[Pixels], titles: Sequence[str]) -> None:
    part.suptitle("image", fontsize=10)
    panels = part.subplots(len(images), 1, squeeze=False)
    for axes, image, title in zip(panels[:, 0], images, titles, strict=True):
        _bare(axes)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        _plain_title(axes, title, fontsize=8)
    _space_for_colour_bar(part, panels)


def _map_columns(part: Any, group: str, columns: Sequence[Column], percentile: float) -> None:
    part.suptitle(group, fontsize=10, fontweight="bold")
    everything = np.stack([np.asarray(values, np.float64) for column in columns for values in column.values])
    full = limit(everything, percentile)
    panels = part.subplots(len(columns[0].values), len(columns), squeeze=False)
    for side, column in enumerate(columns):
        for axes, values, title in zip(panels[:, side], column.values, column.titles, strict=True):
            mappable = _relevance(axes, np.asarray(values, np.float64), full)
            _plain_title(axes, title, fontsize=8)
        panels[-1, side].set_xlabel(column.heading, fontsize=8, parse_math=False)
    _colour_bar(part, mappable, panels, everything, location="bottom")


def _space_for_colour_bar(part: Any, panels: NDArray[Any]) -> None:
    """An invisible colour bar, so that rows line up with those of the parts that have one."""
    panels[-1, 0].set_xlabel(" ", fontsize=8)
    empty = part.colorbar(panels[0, 0].images[0], ax=panels, location="bottom", shrink=0.9, aspect=25, pad=0.01)
    empty.set_label(" ", fontsize=8)
    empty.ax.tick_params(labelsize=7)
    empty.ax.set_visible(False)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _relevance(axes: Axes, values: NDArray[np.float64], full: float) -> AxesImage:
    _bare(axes)
    return axes.imshow(values, cmap=COLOURS, norm=Normalize(-full, full), interpolation="nearest")


def _colour_bar(figure: Any, mappable: AxesImage, axes: Any, values: NDArray[np.float64], location: str) -> None:
    """A bar with an arrow at an end where `values` go beyond it."""
    above, below = values.max() > (mappable.norm.vmax or 0), values.min() < (mappable.norm.vmin or 0)
    extend = "both" if above and below else "max" if above else "min" if below else "neither"
    bar = figure.colorbar(mappable, ax=axes, location=location, shrink=0.9, aspect=25, pad=0.01 if location == "bottom" else 0.03, extend=extend)
    bar.set_label("relevance: red for, blue against the class", fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])


def _plain_title(axes: Axes, text: str, fontsize: float) -> None:
    """A title as written: a `$` in a class's name is no formula."""
    axes.set_title(text, fontsize=fontsize, parse_math=False)
