"""Many maps in one figure: a table of images × presets, images × classes, or whatever the columns are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.colour import colour_map
from jlrp.plot.maps import Pooling, Scaling, as_maps
from jlrp.plot.pixels import as_pixels
from jlrp.plot.table import Look, Row, Table


@dataclass(frozen=True)
class Column:
    """A column of `grid`: a map per image, with a title above each.

    group: columns of one group are neighbours under this heading, and share one colour scale and one colour bar where
        the scaling is by column. heading: of the column alone; both may be empty.
    maps: one per image, each (H, W) or (H, W, C). titles: one per image, or none at all.

    >>> Column("epsilon", "predicted", [np.eye(4)], ["3, 99.1 %"]).heading
    'predicted'
    """

    group: str
    heading: str
    maps: Sequence[ArrayLike]
    titles: Sequence[str] = ()


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

    images: each (H, W), (H, W, 1) or (H, W, 3), see `as_pixels`. Where rows that follow each other are of the same
        object, it is drawn once.
    titles: above the images; labels: left of them; one per image, or none. caption: above all.
    percentile: full colour is for this percentile of |R| over the maps that share a scale, see `limit`.
    scaling: which maps share one: `"all"`, those of a `"row"`, of a `"column"` (or a group of them), or each `"image"`
        alone, with its limit under it.
    cmap: a name in `COLOUR_MAPS`. pooling: of channels, see `pooled`. over: whether maps lie over the image in grey.

    >>> image, maps = np.zeros((8, 8), np.uint8), [np.eye(8)]
    >>> figure = grid([image], ["a 2"], [Column("", "epsilon", maps), Column("", "zero", maps)], scaling="all")
    >>> [text.get_text() for text in figure.texts]
    ['epsilon', 'zero', 'image', 'a 2', 'relevance R; limit: maximum of |R| over all maps']
    """
    _require_lengths(images, columns, labels, titles)
    pictures = [as_pixels(image) for image in images]
    rows = []
    for index, picture in enumerate(pictures):
        again = index > 0 and images[index] is images[index - 1]
        rows.append(
            Row(
                maps=[_one_map(column.maps[index], pooling) for column in columns],
                titles=[column.titles[index] if len(column.titles) else "" for column in columns],
                label=labels[index] if len(labels) else "",
                image=None if again else picture,
                image_title=titles[index] if len(titles) and not again else "",
                under=[picture] * len(columns) if over else (),
            )
        )
    headings = [(column.group, column.heading) for column in columns]
    return Table(rows, headings, Look(colour_map(cmap), percentile, scaling), caption).draw()


def comparison(
    images: ArrayLike | Sequence[ArrayLike],
    maps: Mapping[str, ArrayLike],
    labels: Sequence[str] = (),
    caption: str = "",
    *,
    percentile: float = 99.5,
    scaling: Scaling = "image",
    cmap: str = "bwr",
    pooling: Pooling = "sum",
    over: bool = False,
) -> Figure:
    """A row per image and a column per preset, or per class: images × `{heading: relevance of all images}`.

    images: (N, H, W, 1) or (N, H, W, 3), or N images, see `as_pixels`.
    maps: `{heading: (N, H, W, C)}`, or N maps (H, W) or (H, W, C) each.
    labels: left of each row, such as the class and its probability. The rest is as for `grid`.

    >>> pixels, relevance = np.zeros((2, 8, 8, 3), np.uint8), np.ones((2, 8, 8, 3))
    >>> figure = comparison(pixels, {"epsilon": relevance, "epsilon_plus": relevance}, ["cat, 97 %", "dog, 61 %"])
    >>> len([axes for axes in figure.axes if axes.images])
    6
    """
    pictures = list(cast(Sequence[ArrayLike], images))
    columns = [Column("", heading, list(cast(Sequence[ArrayLike], values))) for heading, values in maps.items()]
    return grid(
        pictures,
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


def _one_map(relevance: ArrayLike, pooling: Pooling) -> NDArray[np.float64]:
    maps = as_maps(relevance, pooling)
    if len(maps) > 1:
        raise ValueError(f"A cell of the grid has one map, (H, W) or (H, W, C), and this has {np.shape(relevance)}.")
    return np.asarray(maps[0])


def _require_lengths(
    images: Sequence[ArrayLike], columns: Sequence[Column], labels: Sequence[str], titles: Sequence[str]
) -> None:
    """`ValueError` unless there is something to draw, and one of everything per image."""
    if not len(images) or not columns:
        raise ValueError(f"A grid has rows and columns, and here are {len(images)} images and {len(columns)} columns.")
    counts = {"labels": len(labels), "titles": len(titles)} | {
        f"{what} in column {index} ({column.heading or column.group})": len(items)
        for index, column in enumerate(columns)
        for what, items in (("maps", column.maps), ("titles", column.titles))
    }
    for what, count in counts.items():
        if count != len(images) and (count or what.startswith("maps")):
            raise ValueError(f"There are {len(images)} images and {count} {what}: a grid has one per image.")
