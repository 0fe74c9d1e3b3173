"""What is to be drawn: the relevance of one input, known by the names of its axes and never by its shape."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jlrp.plot.maps import Maps, Pooling, pooled
from jlrp.propagation.checks import note_of
from jlrp.propagation.explanation import Explanation

Kind = Literal["image", "series", "table", "volume"]
"""What an input is."""

Axes = Sequence[str]
"""A name for each axis of an array."""

KINDS: dict[tuple[str, ...], Kind] = {
    ("row", "column"): "image",
    ("step",): "series",
    ("feature",): "table",
    ("depth", "row", "column"): "volume",
}
"""Which axes, channels left out, make which kind."""

DRAWN_BY: dict[Kind, str] = {"image": "heatmap", "series": "curves", "table": "bars", "volume": "slices"}
PLURAL: dict[Kind, str] = {"image": "images", "series": "series", "table": "tables", "volume": "volumes"}
BATCH, CHANNEL = "image", "channel"
ORDER = ("depth", "row", "column", "step", "feature", CHANNEL)  # in which pictures take the axes after the batch
IMAGES = (BATCH, "row", "column", CHANNEL)
GIVE = "or give the explanation itself"
MEANINGS = {
    2: 'an image (row, column) or a table (image, feature): say which, such as axes=("row", "column")',
    3: "an image (row, column, channel), images without channels (image, row, column) or series (image, step, "
    'channel): say which, such as axes=("row", "column", "channel")',
    5: 'volumes or images of several classes: say which, such as axes=("image", "depth", "row", "column", "channel")',
}


@dataclass(frozen=True)
class Part:
    """The relevance of one input.

    Attributes:
        kind: What the input is.
        axes: The names of its own axes, without the batch, as the model has them.
        values: One item for each image (and class, or condition), its axes in `ORDER`, channels last.
        titles: What each item is explained for, in lines.
        batch: How many images there are: item i is of image i modulo this.
        starts: What relevance started as for each item, or `None`.
    """

    kind: Kind
    axes: tuple[str, ...]
    values: NDArray[Any]
    titles: tuple[str, ...]
    batch: int
    starts: NDArray[Any] | None

    def first(self, count: int, begin: int = 0) -> "Part":
        """Some of the items."""
        some = slice(begin, begin + count)
        starts = None if self.starts is None else self.starts[some]
        return replace(self, values=self.values[some], titles=self.titles[some], starts=starts)

    def notes(self) -> list[str]:
        """For each item a sentence where it shows nothing, else an empty string."""
        starts = [None] * len(self.values) if self.starts is None else map(float, self.starts)
        channel = self.values.ndim - 2
        return [note_of([each], start, channel) for each, start in zip(self.values, starts, strict=True)]

    def numbers(self) -> NDArray[np.float64]:
        """The values in float64; of an item that is not finite, zeros."""
        values = np.asarray(self.values, np.float64)
        finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)), keepdims=True)
        return np.where(finite, values, 0.0)

    def pooled(self, pooling: Pooling = "sum") -> NDArray[np.float64]:
        """The values without their channels."""
        return pooled(self.numbers(), pooling)

    def titled(self, title: str | Sequence[str]) -> list[str]:
        """A title for each item: those given, or else its own; `ValueError` where there are too few or too many."""
        count = len(self.values)
        if isinstance(title, str):
            return [title] * count if title else list(self.titles)
        if len(title) != count:
            if count == 1:
                raise ValueError(f"One map has one title, and here are {len(title)}.")
            raise ValueError(f"There are {count} maps and {len(title)} titles: each map has one.")
        return list(title)

    def noted(self, notes: Sequence[str] | None) -> list[str]:
        """A note for each item: those given, or else what its values say."""
        if notes is None:
            return self.notes()
        if isinstance(notes, str) or len(notes) != len(self.values):
            raise ValueError(
                f"notes are a sequence of {len(self.values)}, one for each map, empty where there is none."
            )
        return list(notes)

    def inputs(self, given: ArrayLike | None) -> list[NDArray[Any] | None]:
        """What the model was given for each item, with its axes as `values` has them; `None` without anything."""
        if given is None:
            return [None] * len(self.values)
        array = np.asarray(given)
        moved = _in_order(array, self.axes, 1) if array.ndim == len(self.axes) + 1 else array
        if moved.shape != (self.batch, *self.values.shape[1:]):
            raise ValueError(
                f"The inputs have the shape {array.shape}, which is not that of the relevance: "
                f"{self.batch} {PLURAL[self.kind]} with the axes {', '.join(self.axes)}."
            )
        return [moved[index % self.batch] for index in range(len(self.values))]


def as_explanation(
    values: ArrayLike | Explanation, axes: Axes | None = None, target: ArrayLike = (), labels: Sequence[str] = ()
) -> Explanation:
    """Relevance as an explanation: itself, or an array with the names of its axes; `ValueError` where they are unclear.

    >>> as_explanation(np.ones((2, 8, 8, 3))).axes, as_explanation(np.ones((8, 8)), ("row", "column")).axes
    ((('image', 'row', 'column', 'channel'),), (('image', 'row', 'column'),))
    """
    if isinstance(values, Explanation):
        if axes is not None:
            raise ValueError("An explanation knows its axes: leave axes out.")
        return values
    array = _numbers(values)
    names = _names(array.shape, axes)
    if BATCH not in names:
        array, names = array[None], (BATCH, *names)
    found = Explanation(array, cast(Any, None), cast(Any, target), {}, axes=(names,), labels=tuple(labels))
    if None in parts(found):
        kinds = "; ".join(f"{kind}: {', '.join(own)}" for own, kind in KINDS.items())
        raise ValueError(
            f"There is no picture of an array of shape {np.shape(array)} with the axes {', '.join(names)}: a "
            f"picture is of an {kinds}, each with or without channel, and no axis is empty."
        )
    return found


def parts(result: Explanation) -> list[Part | None]:
    """The relevance of each input of an explanation; `None` for one that there is no picture of."""
    inputs = result.relevance if isinstance(result.relevance, tuple) else (result.relevance,)
    axes = result.axes or ((),) * len(inputs)
    return [_part(np.asarray(each), names, result) for each, names in zip(jax.device_get(inputs), axes, strict=True)]


def only(result: Explanation, kind: Kind) -> Part:
    """The one input of this kind; `ValueError` where there is none, or several."""
    found = [part for part in parts(result) if part is not None and part.kind == kind]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"The explanation has {len(found)} inputs that are {PLURAL[kind]}: say which, such as "
            "plot.explanation(result, position=0)."
        )
    others = [part.kind for part in parts(result) if part is not None]
    hint = f": plot.{DRAWN_BY[others[0]]} draws {PLURAL[others[0]]}" if len(set(others)) == 1 else ""
    raise ValueError(f"plot.{DRAWN_BY[kind]} draws {PLURAL[kind]}, and this is {described(result)}{hint}.")


def described(result: Explanation) -> str:
    """Shapes and axes of the relevance, for people."""
    inputs = result.relevance if isinstance(result.relevance, tuple) else (result.relevance,)
    axes = result.axes or ((),) * len(inputs)
    return " and ".join(
        f"relevance of shape {np.shape(each)} with the axes {', '.join(names) or 'unknown'}"
        for each, names in zip(inputs, axes, strict=True)
    )


def as_maps(relevance: ArrayLike | Explanation, pooling: Pooling = "sum", axes: Axes | None = None) -> Maps:
    """Relevance of images as maps in float64, (N, H, W); channels are pooled.

    Args:
        relevance: An explanation of images, or an array of real numbers, of NumPy, JAX or nested sequences. An array
            of 4 dimensions is (N, H, W, C) unless `axes` says otherwise.
        pooling: How channels become one number, see `pooled`.
        axes: The names of the array's axes, such as `("row", "column")` or `("image", "channel", "row", "column")`.

    Returns:
        One map for each image; classes or conditions come first, row by row.

    Raises:
        ValueError: The axes are unclear or not those of images, or values are no real numbers or not finite.

    Example:
        >>> as_maps(np.ones((2, 4, 5, 3))).shape, as_maps([[1.0, 2.0]], axes=("row", "column")).shape
        ((2, 4, 5), (1, 1, 2))
    """
    part = only(as_explanation(relevance, axes), "image")
    broken = int(np.count_nonzero(~np.isfinite(np.asarray(part.values, np.float64))))
    if broken:
        raise ValueError(f"Of the {part.values.size} values of relevance to draw, {broken} are not finite.")
    return part.pooled(pooling)


def image_axes(relevance: ArrayLike) -> Axes:
    """The axes of relevance that is known to be of an image, by their number: (H, W), (H, W, C) or (N, H, W, C)."""
    shape = _numbers(relevance).shape
    if len(shape) not in (2, 3, 4) or 0 in shape:
        empty = ", none of them 0" if 0 in shape else ""
        raise ValueError(
            f"Relevance to draw has the shape (H, W), (H, W, C) or (N, H, W, C){empty}, and this has {shape}."
        )
    return {2: IMAGES[1:3], 3: IMAGES[1:], 4: IMAGES}[len(shape)]


def _part(values: NDArray[Any], axes: tuple[str, ...], result: Explanation) -> Part | None:
    if len(axes) != values.ndim or 0 in values.shape:
        return None
    before = axes.index(BATCH) + 1
    own, leading = axes[before:], values.shape[:before]
    kind = KINDS.get(tuple(name for name in ORDER if name in own and name != CHANNEL))
    if kind is None or not set(own) <= set(ORDER):
        return None
    moved = _in_order(values, own, before)
    starts = None if result.start is None else np.ravel(np.broadcast_to(jax.device_get(result.start), leading))
    flat = moved.reshape(-1, *moved.shape[before:])
    return Part(kind, own, flat, _titles(result, axes[: before - 1], leading), leading[-1], starts)


def _in_order(values: NDArray[Any], axes: tuple[str, ...], before: int) -> NDArray[Any]:
    """The axes after the first `before` ones, which have these names, in `ORDER`, with a last one for channels."""
    order = [before + axes.index(name) for name in ORDER if name in axes]
    moved = values.transpose(*range(before), *order)
    return moved if CHANNEL in axes else moved[..., None]


def _titles(result: Explanation, leading: tuple[str, ...], shape: tuple[int, ...]) -> tuple[str, ...]:
    """For each image, leading axes first: its class, its condition, and which image it is where there are several."""
    target = np.asarray(jax.device_get(result.target))
    classes = np.full(shape, -1)
    if target.dtype.kind in "iu" and target.shape in (shape[-1:], shape):  # not a start relevance
        classes = np.broadcast_to(target, shape)
    found = []
    for position, index in zip(np.ndindex(*shape), np.ravel(classes).tolist(), strict=True):
        name = result.labels[index] if 0 <= index < len(result.labels) else ""
        lines = [name or f"class {index}"] if index >= 0 else []
        lines += [f"{axis} {place}" for axis, place in zip(leading, position, strict=False) if axis != "class"]
        lines += [f"image {position[-1]}"] if leading and shape[-1] > 1 else []
        found.append("\n".join(lines))
    return tuple(found)


def _names(shape: tuple[int, ...], axes: Axes | None) -> tuple[str, ...]:
    """The names of an array's axes; `ValueError` in one sentence where they are unclear."""
    if axes is None and len(shape) == len(IMAGES):
        return IMAGES
    if axes is None:
        meaning = MEANINGS.get(len(shape), 'anything: name its axes, such as axes=("row", "column")')
        raise ValueError(f"An array of shape {shape} may be {meaning}, {GIVE}.")
    names = (axes,) if isinstance(axes, str) else tuple(axes)
    if len(names) != len(shape):
        raise ValueError(f"axes has a name for each axis: {len(shape)} for the shape {shape}, not {names}.")
    own = names[names.index(BATCH) + 1 :] if BATCH in names else names
    if len(set(names)) < len(names) or not set(own) <= set(ORDER):
        known = ", ".join((BATCH, *ORDER))
        raise ValueError(f"axes has each of its names once, of {known} (before {BATCH!r} any others), not {names}.")
    return names


def _numbers(relevance: ArrayLike) -> NDArray[np.float64]:
    """An array of real numbers; bfloat16 and the like have no NumPy kind of their own, and are converted."""
    try:
        given = np.asarray(relevance)
        if given.dtype.kind not in "cOSUMm":
            return given.astype(np.float64)
    except ValueError:  # a ragged sequence
        raise ValueError("Relevance to draw is one array, not rows of several lengths.") from None
    raise ValueError(f"Relevance to draw is an array of real numbers, and this holds {given.dtype}.")
