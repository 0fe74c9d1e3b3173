"""Ops that move, copy, add or drop cells and change no value: reshape, pad, crop, slice, join."""

import math
from dataclasses import dataclass

from ir.ops.base import (
    Op,
    Shape,
    ShapeError,
    Weights,
    require_axes,
    require_layout,
    require_numbers,
    require_one,
    require_rank,
    same_shape,
    show,
    spatial_axes,
)
from ir.ops.interval import Interval, hull
from ir.ops.window import Pairs, replaced

Part = tuple[int | None, int | None, int | None]
"""The start, stop and step of a slice."""


@dataclass(frozen=True)
class Rearrangement(Op):
    """Base of the ops in this file: every output value is an input value or zero.

    Example:
        >>> import ir
        >>> issubclass(ir.Flatten, ir.Rearrangement)
        True
    """

    monotone = True
    moves = True
    copies = True
    keeps_order = True

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs)


@dataclass(frozen=True)
class Flatten(Rearrangement):
    """All axes but the batch as one, in row-major order.

    Images in `channels_first` are put into `channels_last` order first.

    Attributes:
        data_format: The layout of the images.
        start: The first axis to flatten. Of a series of images, 2 flattens each image.

    Example:
        >>> import ir
        >>> ir.Flatten().output_shape({}, (None, 4, 4, 3))
        (None, 48)
        >>> ir.Flatten(start=2).output_shape({}, (None, 9, 4, 4, 3))
        (None, 9, 48)
    """

    data_format: str = "channels_last"
    start: int = 1

    reshapes = True
    keeps_axes = False
    positions = False

    @property
    def channel_axis(self) -> int | None:
        # Flattening in "channels_last" is what Flatten does too where it knows of no images.
        return self.start if self.data_format == "channels_first" else None

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        if not 1 <= self.start <= len(x):
            raise ShapeError(
                f"flattens the axes from {self.start} on, but was given shape {show(x)}."
            )
        lengths = [n for n in x[self.start :] if n is not None]
        whole = len(lengths) == len(x) - self.start
        return (*x[: self.start], math.prod(lengths) if whole else None)


@dataclass(frozen=True)
class Reshape(Rearrangement):
    """The same values in row-major order under another shape.

    Attributes:
        shape: The new shape without the batch; one length may be -1.

    Example:
        >>> import ir
        >>> ir.Reshape((-1, 3)).output_shape({}, (None, 4, 4, 3))
        (None, 16, 3)
    """

    shape: tuple[int, ...] = (-1,)

    reshapes = True
    keeps_axes = False

    @property
    def positions(self) -> bool:
        return len(self.shape) > 1

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_numbers("lengths", (n for n in self.shape if n != -1), 1)
        count = self.shape.count(-1)
        if count > 1:
            raise ShapeError(f"leaves {count} of the lengths {self.shape} open; one may be -1.")
        lengths = [n for n in x[1:] if n is not None]
        if len(lengths) < len(x) - 1:
            return (x[0], *(None if n == -1 else n for n in self.shape))
        size, known = math.prod(lengths), math.prod(n for n in self.shape if n != -1)
        if known == 0 or size % known or (count == 0 and size != known):
            raise ShapeError(f"cannot bring shape {show(x)} into {show((None, *self.shape))}.")
        return (x[0], *(size // known if n == -1 else n for n in self.shape))


@dataclass(frozen=True)
class Permute(Rearrangement):
    """Axes in a new order.

    Attributes:
        axes: The input's axes in their new order, counted from 1. The batch, axis 0, stays first.

    Example:
        >>> import ir
        >>> ir.Permute((3, 1, 2)).output_shape({}, (None, 4, 5, 3))
        (None, 3, 4, 5)
    """

    axes: tuple[int, ...] = (1,)

    @property
    def axis_order(self) -> tuple[int, ...]:
        return (0, *self.axes)

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        if sorted(self.axes) != list(range(1, len(x))):
            raise ShapeError(f"cannot put the axes of shape {show(x)} in the order {self.axes}.")
        return (x[0], *(x[a] for a in self.axes))


@dataclass(frozen=True)
class ZeroPad(Rearrangement):
    """Zeros around the image: one (low, high) pair per spatial axis.

    Example:
        >>> import ir
        >>> ir.ZeroPad(((3, 3), (3, 3))).output_shape({}, (None, 224, 224, 3))
        (None, 230, 230, 3)
    """

    padding: Pairs = ((1, 1), (1, 1))
    data_format: str = "channels_last"

    pads = True
    keeps_order = False

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        return _resized(require_one(inputs), self.data_format, self.padding, sign=1)

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs, (0.0, 0.0)) if any(map(any, self.padding)) else hull(*inputs)


@dataclass(frozen=True)
class Crop(Rearrangement):
    """Cells cut off the image: one (low, high) pair per spatial axis.

    Example:
        >>> import ir
        >>> ir.Crop(((1, 0), (1, 0))).output_shape({}, (None, 8, 8, 3))
        (None, 7, 7, 3)
    """

    cropping: Pairs = ((0, 0), (0, 0))
    data_format: str = "channels_last"

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        return _resized(require_one(inputs), self.data_format, self.cropping, sign=-1)


@dataclass(frozen=True)
class Slice(Rearrangement):
    """A part of the values, as Python slices.

    Attributes:
        index: One entry per axis after the batch; axes without an entry stay whole. An entry is
            (start, stop, step), each a number or `None`, or an index, which drops its axis.

    Example:
        >>> import ir
        >>> ir.Slice(((None, None, -2), 0)).output_shape({}, (None, 5, 4, 3))
        (None, 3, 3)
    """

    index: tuple[int | tuple[int | None, int | None, int | None], ...]

    positions = False

    @property
    def keeps_axes(self) -> bool:
        return not any(isinstance(entry, int) for entry in self.index)

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        if len(self.index) > len(x) - 1:
            raise ShapeError(
                f"slices {len(self.index)} axes besides the batch, but was given shape {show(x)}."
            )
        lengths: list[int | None] = [x[0]]
        for axis, entry in enumerate(self.index, start=1):
            if isinstance(entry, int):
                self._check_index(x, axis, entry)
            else:
                lengths.append(self._length(x, axis, entry))
        return (*lengths, *x[len(self.index) + 1 :])

    def _check_index(self, x: Shape, axis: int, index: int) -> None:
        length = x[axis]
        if length is not None and not -length <= index < length:
            raise ShapeError(f"takes index {index} of axis {axis}, but was given shape {show(x)}.")

    def _length(self, x: Shape, axis: int, entry: Part) -> int | None:
        length = x[axis]
        if entry[2] == 0:
            raise ShapeError(f"takes every 0th cell of axis {axis}; a step is not zero.")
        if length is None:
            return None
        left = len(range(*slice(*entry).indices(length)))
        if left < 1:
            raise ShapeError(f"leaves nothing of axis {axis} of inputs of shape {show(x)}.")
        return left


@dataclass(frozen=True)
class Repeat(Rearrangement):
    """A vector `count` times, one below the other: (N, C) becomes (N, count, C).

    Example:
        >>> import ir
        >>> ir.Repeat(3).output_shape({}, (None, 8))
        (None, 3, 8)
    """

    count: int

    keeps_axes = False

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_rank(x, 2, "vectors")
        require_numbers("a count", (self.count,), 1)
        return (x[0], self.count, x[1])


@dataclass(frozen=True)
class Concatenate(Rearrangement):
    """The inputs one after the other along one axis.

    Example:
        >>> import ir
        >>> ir.Concatenate().output_shape({}, (None, 8, 8, 3), (None, 8, 8, 5))
        (None, 8, 8, 8)
    """

    axis: int = -1

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        first = inputs[0]
        (axis,) = require_axes((self.axis,), first)
        if not all(_fits(x, first, axis) for x in inputs):
            shapes = ", ".join(map(show, inputs))
            raise ShapeError(
                f"joins along axis {self.axis} inputs of shapes {shapes}: the other axes differ."
            )
        lengths = [x[axis] for x in inputs]
        known = [n for n in lengths if n is not None]
        return replaced(first, (axis,), (sum(known) if len(known) == len(lengths) else None,))


def _fits(x: Shape, first: Shape, axis: int) -> bool:
    """Whether two shapes are the same but for one axis."""
    return len(x) == len(first) and same_shape(replaced(x, (axis,), (None,)), first)


def _resized(x: Shape, data_format: str, pairs: Pairs, sign: int) -> Shape:
    """A shape whose spatial lengths grow, or shrink, by (low, high) pairs."""
    require_layout(data_format)
    require_numbers("pairs", (n for pair in pairs for n in pair), 0)
    axes = spatial_axes(data_format, len(x))
    if len(axes) != len(pairs):
        raise ShapeError(f"has {len(pairs)} (low, high) pairs, but was given shape {show(x)}.")
    lengths = []
    for axis, (low, high) in zip(axes, pairs, strict=True):
        length = x[axis]
        length = None if length is None else length + sign * (low + high)
        if length is not None and length < 1:
            raise ShapeError(f"leaves nothing of images of shape {show(x)}.")
        lengths.append(length)
    return replaced(x, axes, tuple(lengths))
