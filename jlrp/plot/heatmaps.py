"""One relevance map with its colour bar, or several side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.colour import ColourMap, Pixels, colour_map
from jlrp.plot.lettering import LINE, wrapped
from jlrp.plot.maps import Maps, Pooling, Scaling, limit
from jlrp.plot.parts import Axes, as_explanation, only
from jlrp.plot.pixels import as_pixels, overlay
from jlrp.plot.sheet import (
    BAR,
    Sheet,
    colour_bar,
    resolution,
    scale_note,
    show_map,
    show_pixels,
    write_note,
)
from jlrp.plot.table import Look, Row, Table
from jlrp.propagation.explanation import Explanation

WIDTH, MARGIN, BESIDE = 4.0, 0.15, 0.75  # of one map, around it, and for the bar's numbers, in inches
FLATTEST, TALLEST = 0.4, 1.6  # the height of one map, in widths
ABREAST = 5  # maps in a row, where there are several
MOST = 8  # lines of a title, or of a note below
DPI = 150


def heatmap(
    values: ArrayLike | Explanation,
    full: float | None = None,
    title: str | Sequence[str] = "",
    note: str = "",
    *,
    axes: Axes | None = None,
    percentile: float = 100.0,
    cmap: str = "bwr",
    pooling: Pooling = "sum",
    scaling: Scaling = "all",
    image: ArrayLike | None = None,
    notes: Sequence[str] | None = None,
) -> Figure:
    """Relevance of images with its colour bar: one map, or N of them side by side.

    Args:
        values: An explanation of images, or an array of NumPy or JAX. An array of 4 dimensions is (N, H, W, C) unless
            `axes` says otherwise; one of fewer may be a table or a series as well, and needs `axes`.
        full: The relevance shown in full colour; by default the `percentile` of `|R|` (100: the maximum), see `limit`.
        title: Above the map; for N maps a sequence of N. By default the explanation's classes.
        note: Stands small under one map.
        axes: The names of an array's axes, such as `("row", "column")` or `("image", "channel", "row", "column")`.
        percentile: See `full`.
        cmap: A name in `COLOUR_MAPS`.
        pooling: How a pixel's channels become one number, see `pooled`.
        scaling: Of N maps, `"all"` on one scale, or each `"image"` on its own.
        image: What the relevance lies over, in grey: (H, W), (H, W, 1) or (H, W, 3); for N images also (N, H, W, C).
        notes: What is written on each map; by default a sentence on a map that shows nothing: all zero, the same
            everywhere, next to nothing or not finite.

    Returns:
        The figure; classes or conditions come first, row by row.

    Raises:
        ValueError: The axes are unclear or not those of images, or something does not fit the maps.

    Example:
        >>> heatmap([[1.0, -1.0], [0.0, 0.5]], title="cat", axes=("row", "column")).axes[0].get_title()
        'cat'
        >>> len(heatmap(np.ones((3, 8, 8, 1)), title=["1", "2", "3"]).axes)  # three maps and a bar
        4
    """
    part = only(as_explanation(values, axes), "image")
    maps, titles, said = part.pooled(pooling), part.titled(title), part.noted(notes)
    look, under = Look(colour_map(cmap), percentile, scaling, full), _images(image, len(maps), part.batch)
    if len(maps) > 1:
        return _several(maps, titles, said, look, under)
    found = limit(maps, percentile) if full is None else full
    bar_note = "relevance" if full is not None else scale_note(look.cmap, percentile, "")
    return _one(maps[0], found, titles[0], note, look.cmap, bar_note, under[0] if under else None, said[0])


def _one(
    values: NDArray[np.float64],
    full: float,
    title: str,
    note: str,
    cmap: ColourMap,
    bar_note: str,
    under: Pixels | None,
    said: str,
) -> Figure:
    height = WIDTH * min(max(values.shape[0] / values.shape[1], FLATTEST), TALLEST)
    title, note = wrapped(title, WIDTH, 10, most=MOST), wrapped(note, WIDTH, 7, most=MOST)
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
    write_note(axes, said, WIDTH, height, 9)
    place = sheet.axes(MARGIN + WIDTH + 0.1, MARGIN + above, BAR * 1.3, height)
    mappable = axes.images[0] if under is None else None
    bar = colour_bar(sheet.figure, values, full, cmap, cax=place, mappable=mappable)
    bar.set_label(bar_note, fontsize=7, labelpad=2)
    return sheet.figure


def _several(maps: Maps, titles: Sequence[str], notes: Sequence[str], look: Look, under: Sequence[Pixels]) -> Figure:
    """Rows of at most `ABREAST` maps."""
    if look.scaling not in ("all", "image"):
        raise ValueError(f"Maps without rows of their own are scaled 'all' or each 'image', not {look.scaling!r}.")
    rows = [
        Row(list(maps[some]), titles[some], under=under[some], notes=notes[some])
        for some in (slice(begin, begin + ABREAST) for begin in range(0, len(maps), ABREAST))
    ]
    return Table(rows, [("", "")] * len(rows[0].maps), look).draw()


def _images(image: ArrayLike | None, count: int, batch: int) -> list[Pixels]:
    """An image for every map, or none at all; of `batch` images each has `count / batch` maps, such as classes."""
    if image is None:
        return []
    if np.ndim(image) != 4:
        return [as_pixels(image)] * count
    images = [as_pixels(each) for each in np.asarray(image)]
    if len(images) not in (count, batch):
        raise ValueError(f"There are {count} maps and {len(images)} images under them: give one image or {batch}.")
    return images * (count // len(images))
