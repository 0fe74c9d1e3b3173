"""One relevance map with its colour bar, or several side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.colour import ColourMap, Pixels, colour_map
from jlrp.plot.lettering import LINE, wrapped
from jlrp.plot.maps import Maps, Pooling, Scaling, as_maps, limit
from jlrp.plot.pixels import as_pixels, overlay
from jlrp.plot.sheet import (
    BAR,
    Sheet,
    colour_bar,
    resolution,
    scale_note,
    show_map,
    show_pixels,
)
from jlrp.plot.table import Look, Row, Table

WIDTH, MARGIN, BESIDE = 4.0, 0.15, 0.75  # of one map, around it, and for the bar's numbers, in inches
FLATTEST, TALLEST = 0.4, 1.6  # the height of one map, in widths
ABREAST = 5  # maps in a row, where there are several
DPI = 150


def heatmap(
    values: ArrayLike,
    full: float | None = None,
    title: str | Sequence[str] = "",
    note: str = "",
    *,
    percentile: float = 100.0,
    cmap: str = "bwr",
    pooling: Pooling = "sum",
    scaling: Scaling = "all",
    image: ArrayLike | None = None,
) -> Figure:
    """Relevance with its colour bar: one map, or N of them side by side.

    values: (H, W), (H, W, C) or (N, H, W, C), NumPy or JAX; channels are pooled, see `pooled`.
    full: the relevance shown in full colour; by default the `percentile` of |R| (100: the maximum), see `limit`.
    title: above the map; for N maps a sequence of N. note: stands small under one map.
    cmap: a name in `COLOUR_MAPS`. scaling: of N maps, `"all"` on one scale, or each `"image"` on its own.
    image: what the relevance lies over, in grey: (H, W), (H, W, 1) or (H, W, 3); for N maps also (N, H, W, C).

    >>> heatmap([[1.0, -1.0], [0.0, 0.5]], title="cat").axes[0].get_title()
    'cat'
    >>> len(heatmap(np.ones((3, 8, 8, 1)), title=["1", "2", "3"]).axes)  # three maps and a bar
    4
    """
    maps = as_maps(values, pooling)
    if np.ndim(values) == 4:
        return _several(maps, title, Look(colour_map(cmap), percentile, scaling, full), image)
    if not isinstance(title, str):
        raise ValueError(f"One map has one title, and here are {len(title)}.")
    found = limit(maps, percentile) if full is None else full
    bar_note = "relevance" if full is not None else scale_note(colour_map(cmap), percentile, "")
    return _one(maps[0], found, title, note, colour_map(cmap), bar_note, None if image is None else as_pixels(image))


def _one(
    values: NDArray[np.float64],
    full: float,
    title: str,
    note: str,
    cmap: ColourMap,
    bar_note: str,
    under: Pixels | None,
) -> Figure:
    height = WIDTH * min(max(values.shape[0] / values.shape[1], FLATTEST), TALLEST)
    title, note = wrapped(title, WIDTH, 10), wrapped(note, WIDTH, 7)
    above, below = (len(text.splitlines()) * LINE * size + 0.05 for text, size in ((title, 10), (note, 7)))
    sheet = Sheet(
        2 * MARGIN + WIDTH + BESIDE, 2 * MARGIN + above + height + below, resolution(WIDTH, values.shape[1], DPI)
    )
    axes = sheet.cell(MARGIN, MARGIN + above, WIDTH, height)
    axes.set_title(title, fontsize=10, pad=4, parse_math=False)
    axes.set_xlabel(note, fontsize=7, parse_math=False)
    if under is None:
        show_map(axes, values, full, cmap)
    else:
        show_pixels(axes, overlay(under, values, full, cmap=cmap.name))
    place = sheet.axes(MARGIN + WIDTH + 0.1, MARGIN + above, BAR * 1.3, height)
    mappable = axes.images[0] if under is None else None
    bar = colour_bar(sheet.figure, values, full, cmap, cax=place, mappable=mappable)
    bar.set_label(bar_note, fontsize=7, labelpad=2)
    return sheet.figure


def _several(maps: Maps, title: str | Sequence[str], look: Look, image: ArrayLike | None) -> Figure:
    """Rows of at most `ABREAST` maps."""
    titles = [title] * len(maps) if isinstance(title, str) else list(title)
    if len(titles) != len(maps):
        raise ValueError(f"There are {len(maps)} maps and {len(titles)} titles: each map has one.")
    if look.scaling not in ("all", "image"):
        raise ValueError(f"Maps without rows of their own are scaled 'all' or each 'image', not {look.scaling!r}.")
    under = _images(image, len(maps))
    rows = [
        Row(list(maps[begin : begin + ABREAST]), titles[begin : begin + ABREAST], under=under[begin : begin + ABREAST])
        for begin in range(0, len(maps), ABREAST)
    ]
    return Table(rows, [("", "")] * len(rows[0].maps), look).draw()


def _images(image: ArrayLike | None, count: int) -> list[Pixels]:
    """One image for every map, or none at all."""
    if image is None:
        return []
    if np.ndim(image) != 4:
        return [as_pixels(image)] * count
    images = [as_pixels(each) for each in np.asarray(image)]
    if len(images) != count:
        raise ValueError(f"There are {count} maps and {len(images)} images under them: give one image or {count}.")
    return images
