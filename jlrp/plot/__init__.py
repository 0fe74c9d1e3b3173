"""Pictures of relevance: heatmaps, overlays and grids. Needs matplotlib and pillow (`pip install "jlrp[cli]"`).

The colours are matplotlib's "bwr": exactly white at zero, pure red at the most positive value, pure blue at the most
negative, and linear between, so that twice the relevance looks twice as strong. ("seismic" is darkest, not most vivid,
at its ends; "RdBu_r" is off-white in the middle.) The scale is symmetric: one limit serves both signs.

Figures are drawn without pyplot and its global state: functions return `Figure` objects, `png` makes a file's bytes.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from textwrap import fill
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
CELL, TITLE, GAP, MARGIN = 1.3, 0.22, 0.22, 0.2  # of `grid`, in inches
HEAD, FOOT = 1.35, 0.85
GREY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as pillow's convert("L")


def channel_sum(relevance: ArrayLike, channel_axis: int = -1) -> NDArray[np.float64]:
    """The relevance of each pixel: the sum over its channels, in float64.

    >>> channel_sum([[[1.0, -3.0]]]).tolist()
    [[-2.0]]
    """
    return np.asarray(np.asarray(relevance, np.float64).sum(axis=channel_axis))


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
    return np.asarray(np.rint(255 * np.asarray(COLOURS(np.clip(position, 0, 1)))[..., :3]), np.uint8)


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


def enlarged(pixels: Pixels, least: int = 320) -> Pixels:
    """The picture with every pixel repeated, a whole number of times, until its shorter side has at least `least`."""
    times = -(-least // min(pixels.shape[:2]))
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def heatmap(values: ArrayLike, full: float, title: str, note: str = "") -> Figure:
    """One relevance map with its colour bar; `note` stands small under it."""
    values = np.asarray(values, np.float64)
    figure = _figure(5.2, 5.2 * min(max(values.shape[0] / values.shape[1], 0.5), 1.6) * 0.85 + 0.6)
    axes = figure.add_subplot()
    _bare(axes)
    axes.set_title(fill(title, 55), fontsize=11, parse_math=False)
    axes.set_xlabel(fill(note, 95), fontsize=7, parse_math=False)
    _colour_bar(figure, _relevance(axes, values, full), values, full, ax=axes, shrink=0.9, aspect=25, pad=0.03)
    return figure


@dataclass(frozen=True)
class Column:
    """A column of `grid`: a map per image, with a title above each.

    Columns of one `group` are neighbours and share one colour scale and one colour bar.
    """

    group: str
    heading: str
    maps: Sequence[ArrayLike]
    titles: Sequence[str]


def grid(
    images: Sequence[Pixels], titles: Sequence[str], columns: Sequence[Column], caption: str, percentile: float = 100.0
) -> Figure:
    """A row per image: the image itself, then its relevance map in every column.

    caption: up to three lines above all that say what the colours mean.
    percentile: full colour is for this percentile of the absolute values of a group.
    """
    groups = list(dict.fromkeys(column.group for column in columns))
    lefts = [MARGIN + (CELL + TITLE) * (1 + i) + GAP * (1 + groups.index(c.group)) for i, c in enumerate(columns)]
    sheet = _Sheet(lefts[-1] + CELL + MARGIN, len(images))
    sheet.write(sheet.width / 2, sheet.height - 0.42, caption, fontsize=10, linespacing=1.5)
    sheet.write(MARGIN + CELL / 2, sheet.top + 0.1, "image", fontsize=9)
    for row, (image, title) in enumerate(zip(images, titles, strict=True)):
        axes = sheet.cell(MARGIN, row, title)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    for group in groups:
        _draw_group(sheet, [(left, c) for left, c in zip(lefts, columns, strict=True) if c.group == group], percentile)
    return sheet.figure


def png(picture: Figure | Pixels) -> bytes:
    """The picture as the bytes of a PNG file, the same for the same picture.

    Letters that the font does not have are drawn as boxes.
    """
    buffer = BytesIO()
    if isinstance(picture, Figure):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            picture.savefig(buffer, format="png", metadata={"Software": None})
    else:
        Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


class _Sheet:
    """A figure on which pictures are placed in inches: cells in rows, room for headings above and colour bars below."""

    def __init__(self, width: float, rows: int) -> None:
        self.width, self.top = width, FOOT + rows * (CELL + TITLE)
        self.height = self.top + HEAD
        self.figure = _figure(width, self.height, layout=None)

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        box = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def cell(self, left: float, row: int, title: str) -> Axes:
        axes = self.axes(left, self.top - (row + 1) * (CELL + TITLE), CELL, CELL)
        _bare(axes)
        axes.set_title(title, fontsize=8, pad=3, parse_math=False)
        return axes

    def write(self, x: float, y: float, text: str, **style: Any) -> None:
        self.figure.text(x / self.width, y / self.height, text, ha="center", va="center", parse_math=False, **style)


def _draw_group(sheet: _Sheet, columns: Sequence[tuple[float, Column]], percentile: float) -> None:
    """Neighbouring columns under one heading, over one colour bar."""
    everything = np.stack([np.asarray(values, np.float64) for _, column in columns for values in column.maps])
    full = limit(everything, percentile)
    for left, column in columns:
        sheet.write(left + CELL / 2, sheet.top + 0.1, column.heading, fontsize=9)
        for row, (values, title) in enumerate(zip(column.maps, column.titles, strict=True)):
            mappable = _relevance(sheet.cell(left, row, title), np.asarray(values, np.float64), full)
    begin, end = columns[0][0], columns[-1][0] + CELL
    sheet.write((begin + end) / 2, sheet.top + 0.36, columns[0][1].group, fontsize=10, fontweight="bold")
    bar = sheet.axes(begin + 0.1, FOOT - 0.3, end - begin - 0.2, 0.12)
    _colour_bar(sheet.figure, mappable, everything, full, cax=bar, orientation="horizontal")


def _figure(width: float, height: float, layout: Any = "constrained") -> Figure:
    figure = Figure(figsize=(width, height), dpi=150, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _relevance(axes: Axes, values: NDArray[np.float64], full: float) -> AxesImage:
    return axes.imshow(values, cmap=COLOURS, norm=Normalize(-full, full), interpolation="nearest")


def _colour_bar(figure: Figure, mappable: AxesImage, values: NDArray[np.float64], full: float, **place: Any) -> None:
    """A bar from `-full` to `full`, with an arrow at an end where `values` go beyond it."""
    above, below = values.max() > full, values.min() < -full
    extend = "both" if above and below else "max" if above else "min" if below else "neither"
    bar = figure.colorbar(mappable, extend=extend, ticks=[-full, 0, full], **place)
    bar.ax.tick_params(labelsize=7)
    bar.set_ticklabels([f"{-full:.2g}", "0", f"{full:.2g}"])
    bar.set_label("relevance", fontsize=8)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
