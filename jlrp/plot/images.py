"""Relevance of images: one heatmap, several, or a table of images × presets or classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from jlrp.plot.colour import Pixels, colour_map
from jlrp.plot.maps import Pooling, Scaling, as_pixels, pooled
from jlrp.plot.parts import Axes, image_axes, part_of
from jlrp.plot.sheet import (
    BAR,
    Cell,
    Look,
    Sheet,
    Table,
    colour_bar,
    height_of,
    resolution,
    wrapped,
)
from jlrp.propagation.explanation import Explanation

WIDTH, MARGIN = 4.0, 0.15  # of one map, and around it, in inches
FLATTEST, TALLEST = 0.4, 1.6  # the height of one map, in widths
ABREAST = 5  # maps in a row, where there are several
MAX_LINES = 8  # of a title, or of a note below
TITLE, NOTE, DPI = 10, 7, 150


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
        values: An explanation of images, or an array of NumPy or JAX. An array of 4 dimensions is
            (N, H, W, C) unless `axes` says otherwise; one of fewer needs `axes`.
        full: The relevance shown in full colour; by default the `percentile` of |R|.
        title: Above the map; for N maps a sequence of N. By default the explanation's classes.
        note: A small text under one map.
        axes: The names of an array's axes, such as `("row", "column")` or
            `("image", "channel", "row", "column")`.
        percentile: From 0 to 100, the maximum; see `limit`.
        cmap: A name in `COLOUR_MAPS`.
        pooling: How a pixel's channels become one number, see `pooled`.
        scaling: Of N maps: `"all"` on one scale, or each `"image"` on its own.
        image: The image under the relevance, in grey: (H, W), (H, W, 1) or (H, W, 3); for N maps
            also (N, H, W, C).
        notes: A note on each map; by default a sentence on a map that shows nothing: all zero, the
            same everywhere, next to nothing or not finite.

    Returns:
        The figure; classes or conditions come first, row by row.

    Raises:
        ValueError: The axes are unclear or not those of images, or an argument does not fit.

    Example:
        >>> heatmap([[1.0, -1.0]], title="cat", axes=("row", "column")).axes[0].get_title()
        'cat'
        >>> len(heatmap(np.ones((3, 8, 8, 1)), title=["1", "2", "3"]).axes)  # three maps and a bar
        4
    """
    part, look = part_of(values, "image", axes), Look(colour_map(cmap), percentile, scaling, full)
    maps, under = pooled(part.numbers(), pooling), _images(image, len(part.values), part.batch)
    texts = part.titled(title), part.noted(notes)
    cells = [Cell(*each) for each in zip(maps, *texts, under, strict=True)]
    if len(cells) == 1:
        return _one(cells[0], note, look)
    if scaling not in ("all", "image"):
        scales = f"'all' or each 'image', not {scaling!r}"
        raise ValueError(f"Maps without rows of their own are scaled {scales}.")
    rows = [("", cells[begin : begin + ABREAST]) for begin in range(0, len(cells), ABREAST)]
    return Table(rows, [("", "")] * len(rows[0][1]), look).draw()


def _one(cell: Cell, note: str, look: Look) -> Figure:
    """One large map with its bar at the right."""
    high, wide = cell.values.shape
    height = WIDTH * min(max(high / wide, FLATTEST), TALLEST)
    ((full,),) = look.limits([[cell.values]])
    title = wrapped(cell.title, WIDTH, TITLE, MAX_LINES)
    note = wrapped(note, WIDTH, NOTE, MAX_LINES)
    above, below = height_of([title], TITLE) + 0.05, height_of([note], NOTE) + 0.05
    widths = [MARGIN, WIDTH, 0.1, 1.3 * BAR, 0.52, MARGIN]
    sheet = Sheet([MARGIN, above, height, below, MARGIN], widths, resolution(WIDTH, wide, DPI))
    axes = sheet.axes(2, 1)
    cell.draw(axes, full, look.cmap, 9)
    axes.set_title(title, fontsize=TITLE, pad=4, parse_math=False)
    axes.set_xlabel(note, fontsize=NOTE, parse_math=False)
    drawn: Any = {"mappable": axes.images[0]} if cell.image is None else {}
    bar = colour_bar(sheet.axes(2, 3), [(cell.values, full)], look.cmap, **drawn)
    bar.set_label(look.note(), fontsize=NOTE, labelpad=2)
    return sheet.figure


def _images(image: ArrayLike | None, count: int, batch: int) -> list[Pixels] | list[None]:
    """An image for every map; of `batch` images each has `count / batch` maps, such as classes."""
    if image is None:
        return [None] * count
    if np.ndim(image) != 4:
        return [as_pixels(image)] * count
    images = [as_pixels(each) for each in np.asarray(image)]
    if len(images) not in (count, batch):
        pairs = f"{count} maps and {len(images)} images under them"
        raise ValueError(f"There are {pairs}: give one image or {batch}.")
    return images * (count // len(images))


@dataclass(frozen=True)
class Column:
    """A column of `grid`: a map per image, with a title above each.

    Attributes:
        group: A heading over neighbouring columns, or empty. Columns of one group share one scale
            and one colour bar where the scaling is by column.
        heading: The heading of the column alone, or empty.
        maps: One per image, each (H, W) or (H, W, C).
        titles: One per image, or none at all.
        notes: A note on each map; by default a sentence on a map that is all zero, the same
            everywhere or not finite.

    Example:
        >>> Column("epsilon", "predicted", [np.eye(4)], ["3, 99.1 %"]).heading
        'predicted'
    """

    group: str
    heading: str
    maps: Sequence[ArrayLike]
    titles: Sequence[str] = ()
    notes: Sequence[str] | None = None


def grid(
    images: Sequence[ArrayLike],
    titles: Sequence[str],
    columns: Sequence[Column],
    caption: str = "",
    percentile: float = 100.0,
    *,
    labels: Sequence[str] = (),
    scaling: Scaling = "column",
    cmap: str = "bwr",
    pooling: Pooling = "sum",
    over: bool = False,
) -> Figure:
    """A row per image: its label, the image itself, then its relevance map in every column.

    Args:
        images: Each (H, W), (H, W, 1) or (H, W, 3), see `as_pixels`. The figure has it once where
            rows that follow each other are of the same object.
        titles: Above the images; one per image, or none.
        columns: The maps with their headings.
        caption: Above all.
        percentile: Full colour is for this percentile of |R| over the maps that share a scale.
        labels: Left of the images; one per image, or none.
        scaling: Which maps share one: `"all"`, those of a `"row"`, of a `"column"` (or a group of
            them), or each `"image"` alone, with its limit under it.
        cmap: A name in `COLOUR_MAPS`.
        pooling: How a pixel's channels become one number, see `pooled`.
        over: Whether maps lie over the image in grey.

    Returns:
        The figure.

    Raises:
        ValueError: There is nothing to draw, or an argument does not fit the images.

    Example:
        >>> image, maps = np.zeros((8, 8), np.uint8), [np.eye(8)]
        >>> columns = [Column("", "epsilon", maps), Column("", "zero", maps)]
        >>> figure = grid([image], ["a 2"], columns, scaling="all")
        >>> [text.get_text() for text in figure.texts]
        ['epsilon', 'zero', 'image', 'a 2', 'relevance R; limit: maximum of |R| over all maps']
    """
    _require_lengths(images, columns, labels, titles)
    rows = []
    for index, image in enumerate(images):
        cell = Cell(None, titles[index] if len(titles) else "", "", as_pixels(image))
        under = cell.image if over else None
        first = None if index and image is images[index - 1] else cell
        maps = [_cell(column, index, pooling, under) for column in columns]
        rows.append((labels[index] if len(labels) else "", [first, *maps]))
    headings = [("", "image"), *((column.group, column.heading) for column in columns)]
    return Table(rows, headings, Look(colour_map(cmap), percentile, scaling), caption).draw()


def comparison(
    images: ArrayLike | Sequence[ArrayLike],
    maps: Mapping[str, ArrayLike | Explanation],
    labels: Sequence[str] = (),
    caption: str = "",
    *,
    percentile: float = 99.5,
    scaling: Scaling = "image",
    cmap: str = "bwr",
    pooling: Pooling = "sum",
    over: bool = False,
    notes: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """A row per image and a column per preset, or per class.

    Args:
        images: (N, H, W, 1) or (N, H, W, 3), or N images, see `as_pixels`.
        maps: `{heading: relevance of all images}`: an explanation, (N, H, W, C), or N maps, (H, W)
            or (H, W, C) each.
        labels: Left of each row, such as the class and its probability.
        caption: As for `grid`.
        percentile: As for `grid`.
        scaling: As for `grid`.
        cmap: As for `grid`.
        pooling: As for `grid`.
        over: As for `grid`.
        notes: `{heading: a note for each map}`, as for `Column`.

    Returns:
        The figure.

    Raises:
        ValueError: As for `grid`.

    Example:
        >>> pixels, relevance = np.zeros((2, 8, 8, 3), np.uint8), np.ones((2, 8, 8, 3))
        >>> figure = comparison(pixels, {"epsilon": relevance, "zero": relevance}, ["cat", "dog"])
        >>> len([axes for axes in figure.axes if axes.images])
        6
    """
    columns = []
    for heading, values in maps.items():
        said = (notes or {}).get(heading)
        if isinstance(values, Explanation):
            part = part_of(values, "image")
            values, said = part.numbers(), part.noted(said)
        columns.append(Column("", heading, list(cast(Any, values)), notes=said))
    options: Any = {"labels": labels, "scaling": scaling, "cmap": cmap, "pooling": pooling}
    return grid(list(cast(Any, images)), (), columns, caption, percentile, over=over, **options)


def _cell(column: Column, index: int, pooling: Pooling, under: Pixels | None) -> Cell:
    """One map, which the image beside it says is one."""
    values = column.maps[index]
    axes = image_axes(values)
    if len(axes) == 4:
        allowed = "(H, W) or (H, W, C)"
        shape = np.shape(values)
        raise ValueError(f"A cell of the grid has one map, {allowed}, and this has {shape}.")
    part = part_of(values, "image", axes)
    title = column.titles[index] if len(column.titles) else ""
    (note,) = part.noted(None if column.notes is None else [column.notes[index]])
    return Cell(pooled(part.numbers(), pooling)[0], title, note, under)


def _require_lengths(images: Any, columns: Sequence[Column], labels: Any, titles: Any) -> None:
    """`ValueError` unless there is something to draw, and one of everything per image."""
    count = len(images)
    if not count or not columns:
        counts = f"{count} images and {len(columns)} columns"
        raise ValueError(f"A grid has rows and columns, and here are {counts}.")
    given = {"labels": labels, "titles": titles}
    for index, column in enumerate(columns):
        place = f"in column {index} ({column.heading or column.group})"
        given |= {f"titles {place}": column.titles, f"notes {place}": column.notes or ()}
        given[f"maps {place}"] = column.maps
    for what, some in given.items():
        if len(some) != count and (len(some) or what.startswith("maps")):
            numbers = f"{count} images and {len(some)} {what}"
            raise ValueError(f"There are {numbers}: a grid has one per image.")
