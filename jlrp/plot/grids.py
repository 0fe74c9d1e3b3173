"""Many maps in one figure: a table of images × presets, images × classes, or whatever the columns are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from jlrp.plot.colour import colour_map
from jlrp.plot.maps import Pooling, Scaling
from jlrp.plot.parts import Part, as_explanation, image_axes, only
from jlrp.plot.pixels import as_pixels
from jlrp.plot.table import Look, Row, Table
from jlrp.propagation.explanation import Explanation


@dataclass(frozen=True)
class Column:
    """A column of `grid`: a map per image, with a title above each.

    Attributes:
        group: Columns of one group are neighbours under this heading, and share one colour scale and one colour bar
            where the scaling is by column. May be empty.
        heading: Of the column alone. May be empty.
        maps: One per image, each (H, W) or (H, W, C).
        titles: One per image, or none at all.
        notes: What is written on each map; by default a sentence on a map that is all zero, the same everywhere or not
            finite.

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
        images: Each (H, W), (H, W, 1) or (H, W, 3), see `as_pixels`. Where rows that follow each other are of the same
            object, it is drawn once.
        titles: Above the images; one per image, or none.
        columns: The maps with their headings.
        caption: Above all.
        percentile: Full colour is for this percentile of `|R|` over the maps that share a scale, see `limit`.
        labels: Left of the images; one per image, or none.
        scaling: Which maps share one: `"all"`, those of a `"row"`, of a `"column"` (or a group of them), or each
            `"image"` alone, with its limit under it.
        cmap: A name in `COLOUR_MAPS`.
        pooling: How a pixel's channels become one number, see `pooled`.
        over: Whether maps lie over the image in grey.

    Returns:
        The figure.

    Raises:
        ValueError: Nothing to draw, or something does not fit the images.

    Example:
        >>> image, maps = np.zeros((8, 8), np.uint8), [np.eye(8)]
        >>> figure = grid([image], ["a 2"], [Column("", "epsilon", maps), Column("", "zero", maps)], scaling="all")
        >>> [text.get_text() for text in figure.texts]
        ['epsilon', 'zero', 'image', 'a 2', 'relevance R; limit: maximum of |R| over all maps']
    """
    _require_lengths(images, columns, labels, titles)
    pictures = [as_pixels(image) for image in images]
    cells = [[_cell(values) for values in column.maps] for column in columns]
    rows = []
    for index, picture in enumerate(pictures):
        again = index > 0 and images[index] is images[index - 1]
        rows.append(
            Row(
                maps=[cell[index].pooled(pooling)[0] for cell in cells],
                titles=[column.titles[index] if len(column.titles) else "" for column in columns],
                label=labels[index] if len(labels) else "",
                image=None if again else picture,
                image_title=titles[index] if len(titles) and not again else "",
                under=[picture] * len(columns) if over else (),
                notes=[
                    cell[index].notes()[0] if column.notes is None else column.notes[index]
                    for column, cell in zip(columns, cells, strict=True)
                ],
            )
        )
    headings = [(column.group, column.heading) for column in columns]
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
    """A row per image and a column per preset, or per class: images × `{heading: relevance of all images}`.

    Args:
        images: (N, H, W, 1) or (N, H, W, 3), or N images, see `as_pixels`.
        maps: `{heading: explanation}`, `{heading: (N, H, W, C)}`, or N maps (H, W) or (H, W, C) each.
        labels: Left of each row, such as the class and its probability.
        caption: As for `grid`.
        percentile: As for `grid`.
        scaling: As for `grid`.
        cmap: As for `grid`.
        pooling: As for `grid`.
        over: As for `grid`.
        notes: `{heading: what is written on each map}`, as for `Column`.

    Returns:
        The figure.

    Raises:
        ValueError: As for `grid`.

    Example:
        >>> pixels, relevance = np.zeros((2, 8, 8, 3), np.uint8), np.ones((2, 8, 8, 3))
        >>> figure = comparison(pixels, {"epsilon": relevance, "epsilon_plus": relevance}, ["cat, 97 %", "dog, 61 %"])
        >>> len([axes for axes in figure.axes if axes.images])
        6
    """
    columns = [_column(heading, values, (notes or {}).get(heading)) for heading, values in maps.items()]
    return grid(
        list(cast(Sequence[ArrayLike], images)),
        (),
        columns,
        caption,
        percentile,
        labels=labels,
        scaling=scaling,
        cmap=cmap,
        pooling=pooling,
        over=over,
    )


def _column(heading: str, values: ArrayLike | Explanation, notes: Sequence[str] | None) -> Column:
    if isinstance(values, Explanation):
        part = only(values, "image")
        return Column("", heading, list(part.numbers()), notes=part.noted(notes))
    return Column("", heading, list(cast(Sequence[ArrayLike], values)), notes=notes)


def _cell(relevance: ArrayLike) -> Part:
    """One map, which the image beside it says is one."""
    axes = image_axes(relevance)
    if len(axes) == 4:
        raise ValueError(f"A cell of the grid has one map, (H, W) or (H, W, C), and this has {np.shape(relevance)}.")
    return only(as_explanation(relevance, axes), "image")


def _require_lengths(
    images: Sequence[ArrayLike], columns: Sequence[Column], labels: Sequence[str], titles: Sequence[str]
) -> None:
    """`ValueError` unless there is something to draw, and one of everything per image."""
    if not len(images) or not columns:
        raise ValueError(f"A grid has rows and columns, and here are {len(images)} images and {len(columns)} columns.")
    counts = {"labels": len(labels), "titles": len(titles)} | {
        f"{what} in column {index} ({column.heading or column.group})": len(items)
        for index, column in enumerate(columns)
        for what, items in (("maps", column.maps), ("titles", column.titles), ("notes", column.notes or ()))
    }
    for what, count in counts.items():
        if count != len(images) and (count or what.startswith("maps")):
            raise ValueError(f"There are {len(images)} images and {count} {what}: a grid has one per image.")
