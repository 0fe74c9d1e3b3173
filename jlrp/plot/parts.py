"""What a picture shows: the relevance of one input. The names of its axes say what it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jlrp.propagation.checks import note_of
from jlrp.propagation.explanation import Explanation

Axes = Sequence[str]
"""A name for each axis of an array."""

Kind = Literal["image", "series", "table", "volume"]
"""What an input is."""

KINDS: dict[Kind, tuple[tuple[str, ...], str, str]] = {
    "image": (("row", "column"), "heatmap", "images"),
    "series": (("step",), "curves", "series"),
    "table": (("feature",), "bars", "tables"),
    "volume": (("depth", "row", "column"), "slices", "volumes"),
}
"""Each kind's axes without channels, the function that draws it, and its plural."""

BATCH, CHANNEL = "image", "channel"
ORDER = ("depth", "row", "column", "step", "feature", CHANNEL)  # of the axes after the batch
IMAGES = (BATCH, "row", "column", CHANNEL)
SAY = "say which, such as axes="
MEANINGS = {
    2: f'an image (row, column) or a table (image, feature): {SAY}("row", "column")',
    3: "an image (row, column, channel), images without channels (image, row, column) or series "
    f'(image, step, channel): {SAY}("row", "column", "channel")',
    5: f'volumes or images of several classes: {SAY}("image", "depth", "row", "column", "channel")',
}


@dataclass(frozen=True)
class Part:
    """The relevance of one input.

    Attributes:
        kind: What the input is.
        axes: The names of the input's own axes, without the batch, in the model's order.
        values: An item for each image (and class, or condition): axes in `ORDER`, channels last.
        titles: What each item is explained for, in lines.
        batch: How many images there are: item i is of image i modulo this.
        starts: What relevance started as for each item, or `None`.
    """

    kind: Kind
    axes: tuple[str, ...]
    values: NDArray[Any]
    titles: Sequence[str]
    batch: int
    starts: NDArray[Any] | None

    def item(self, index: int) -> "Part":
        """One of the items alone."""
        one = slice(index, index + 1)
        starts = None if self.starts is None else self.starts[one]
        return replace(self, values=self.values[one], titles=self.titles[one], starts=starts)

    def numbers(self) -> NDArray[np.float64]:
        """The values in float64; of an item that is not finite, zeros."""
        values = np.asarray(self.values, np.float64)
        finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)), keepdims=True)
        return np.where(finite, values, 0.0)

    def titled(self, title: str | Sequence[str]) -> Sequence[str]:
        """A title for each item: the given ones, or its own."""
        count = len(self.values)
        if isinstance(title, str):
            return [title] * count if title else self.titles
        if len(title) != count and count == 1:
            raise ValueError(f"One map has one title, and here are {len(title)}.")
        if len(title) != count:
            raise ValueError(f"There are {count} maps and {len(title)} titles: each map has one.")
        return title

    def noted(self, notes: Sequence[str] | None = None) -> Sequence[str]:
        """A note for each item: the given ones, or a sentence where its values show nothing."""
        count, channel = len(self.values), self.values.ndim - 2
        if notes is None:
            starts = [None] * count if self.starts is None else map(float, self.starts)
            given = zip(self.values, starts, strict=True)
            return [note_of([each], start, channel) for each, start in given]
        if isinstance(notes, str) or len(notes) != count:
            raise ValueError(f"notes are a sequence of {count}, one for each map; it may be empty.")
        return notes

    def inputs(self, given: ArrayLike | None) -> Sequence[NDArray[Any] | None]:
        """What the model got for each item, with the axes of `values`; `None` without anything."""
        count = len(self.values)
        if given is None:
            return [None] * count
        array = np.asarray(given)
        moved = _in_order(array, self.axes, 1) if array.ndim == len(self.axes) + 1 else array
        if moved.shape != (self.batch, *self.values.shape[1:]):
            raise ValueError(
                f"The inputs have the shape {array.shape}, which is not that of the relevance: "
                f"{self.batch} {KINDS[self.kind][2]} with the axes {', '.join(self.axes)}."
            )
        return [moved[index % self.batch] for index in range(count)]


def as_explanation(
    values: ArrayLike | Explanation,
    axes: Axes | None = None,
    target: ArrayLike = (),
    labels: Sequence[str] = (),
) -> Explanation:
    """Relevance as an explanation: itself, or an array with the names of its axes.

    >>> as_explanation(np.ones((8, 8)), ("row", "column")).axes
    (('image', 'row', 'column'),)
    """
    if isinstance(values, Explanation):
        if axes is not None:
            raise ValueError("An explanation knows its axes: leave axes out.")
        return values
    array = _numbers(values)
    names = _names(array.shape, axes)
    if BATCH not in names:
        array, names = array[None], (BATCH, *names)
    output, classes = cast(Any, None), cast(Any, target)
    result = Explanation(array, output, classes, {}, axes=(names,), labels=tuple(labels))
    if None in parts(result):
        kinds = "; ".join(f"{kind}: {', '.join(own)}" for kind, (own, _, _) in KINDS.items())
        raise ValueError(
            f"There is no picture of an array of shape {array.shape} with the axes "
            f"{', '.join(names)}: a picture is of an {kinds}, each with or without channel, and no "
            "axis is empty."
        )
    return result


def parts(result: Explanation) -> list[Part | None]:
    """The relevance of each input; `None` for an input without a picture."""
    return [_part(each, names, result) for each, names in _inputs(result)]


def part_of(values: ArrayLike | Explanation | Part, kind: Kind, axes: Axes | None = None) -> Part:
    """The one input of this kind; `ValueError` where there is none, or several."""
    if isinstance(values, Part):
        return values
    result = as_explanation(values, axes)
    every = [part for part in parts(result) if part is not None]
    same = [part for part in every if part.kind == kind]
    if len(same) == 1:
        return same[0]
    _, function, plural = KINDS[kind]
    if same:
        raise ValueError(
            f"The explanation has {len(same)} inputs that are {plural}: say which, such as "
            "plot.explanation(result, position=0)."
        )
    others = {part.kind for part in every}
    hint = ": plot.{1} draws {2}".format(*KINDS[others.pop()]) if len(others) == 1 else ""
    raise ValueError(f"plot.{function} draws {plural}, and this is {described(result)}{hint}.")


def described(result: Explanation) -> str:
    """Shapes and axes of the relevance, in words."""
    return " and ".join(
        f"relevance of shape {each.shape} with the axes {', '.join(names) or 'unknown'}"
        for each, names in _inputs(result)
    )


def image_axes(relevance: ArrayLike) -> Axes:
    """The axes of an array that is known to be of images, from their number."""
    shape = _numbers(relevance).shape
    if len(shape) not in (2, 3, 4) or 0 in shape:
        allowed = f"(H, W), (H, W, C) or (N, H, W, C){', none of them 0' if 0 in shape else ''}"
        raise ValueError(f"Relevance to draw has the shape {allowed}, and this has {shape}.")
    return {2: IMAGES[1:3], 3: IMAGES[1:], 4: IMAGES}[len(shape)]


def _inputs(result: Explanation) -> list[tuple[NDArray[Any], tuple[str, ...]]]:
    """The relevance of each input and the names of its axes."""
    several = isinstance(result.relevance, tuple)
    inputs = jax.device_get(result.relevance if several else (result.relevance,))
    names = result.axes or ((),) * len(inputs)
    return list(zip(map(np.asarray, inputs), names, strict=True))


def _part(values: NDArray[Any], axes: tuple[str, ...], result: Explanation) -> Part | None:
    """The relevance of an input with these axes, if there is a picture of it."""
    if len(axes) != values.ndim or 0 in values.shape:
        return None
    before = axes.index(BATCH) + 1
    own, leading = axes[before:], values.shape[:before]
    names = tuple(name for name in ORDER if name in own and name != CHANNEL)
    kind = next((kind for kind, (needed, _, _) in KINDS.items() if needed == names), None)
    if kind is None or not set(own) <= set(ORDER):
        return None
    moved = _in_order(values, own, before)
    flat = moved.reshape(-1, *moved.shape[before:])
    starts = None
    if result.start is not None:
        starts = np.ravel(np.broadcast_to(jax.device_get(result.start), leading))
    return Part(kind, own, flat, _titles(result, axes[: before - 1], leading), leading[-1], starts)


def _in_order(values: NDArray[Any], axes: tuple[str, ...], before: int) -> NDArray[Any]:
    """The axes after the first `before`, which have these names, in `ORDER`; channels are last."""
    order = [before + axes.index(name) for name in ORDER if name in axes]
    moved = values.transpose(*range(before), *order)
    return moved if CHANNEL in axes else moved[..., None]


def _titles(result: Explanation, leading: tuple[str, ...], shape: tuple[int, ...]) -> list[str]:
    """For each image its class, its condition, and its position where there are several."""
    target = np.asarray(jax.device_get(result.target))
    classes = np.full(shape, -1)
    if target.dtype.kind in "iu" and target.shape in (shape[-1:], shape):  # not a start relevance
        classes = np.broadcast_to(target, shape)
    titles = []
    for (*places, image), index in zip(np.ndindex(*shape), classes.flat, strict=True):
        name = result.labels[index] if 0 <= index < len(result.labels) else ""
        lines = [name or f"class {index}"] if index >= 0 else []
        named = zip(leading, places, strict=True)
        lines += [f"{axis} {place}" for axis, place in named if axis != "class"]
        lines += [f"image {image}"] if leading and shape[-1] > 1 else []
        titles.append("\n".join(lines))
    return titles


def _names(shape: tuple[int, ...], axes: Axes | None) -> tuple[str, ...]:
    """The names of an array's axes; `ValueError` where they are unclear."""
    if axes is None and len(shape) == len(IMAGES):
        return IMAGES
    if axes is None:
        anything = 'anything: name its axes, such as axes=("row", "column")'
        meaning = f"{MEANINGS.get(len(shape), anything)}, or give the explanation itself"
        raise ValueError(f"An array of shape {shape} may be {meaning}.")
    names = (axes,) if isinstance(axes, str) else tuple(axes)
    if len(names) != len(shape):
        count = f"{len(shape)} for the shape {shape}"
        raise ValueError(f"axes has a name for each axis: {count}, not {names}.")
    own = names[names.index(BATCH) + 1 :] if BATCH in names else names
    if len(set(names)) < len(names) or not set(own) <= set(ORDER):
        known = f"{', '.join((BATCH, *ORDER))} (before {BATCH!r} any others)"
        raise ValueError(f"axes has each of its names once, of {known}, not {names}.")
    return names


def _numbers(relevance: ArrayLike) -> NDArray[np.float64]:
    """An array of real numbers in float64, also of bfloat16 and the like."""
    try:
        given = np.asarray(relevance)
    except ValueError:  # a ragged sequence
        raise ValueError("Relevance to draw is one array, not rows of several lengths.") from None
    if given.dtype.kind in "cOSUMm":
        kind = f"this holds {given.dtype}"
        raise ValueError(f"Relevance to draw is an array of real numbers, and {kind}.")
    return given.astype(np.float64)
