"""Ops that move, copy, add or drop cells without changing a value: reshape, permute, pad, crop, slice, repeat, join."""

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


@dataclass(frozen=True)
class Rearrangement(Op):
    """Base of the ops in this file: linear, every output value an input value or zero.

    >>> import ir
    >>> issubclass(ir.Flatten, ir.Rearrangement)
    True
    """

    @property
    def monotone(self) -> bool:
        return True

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs)


@dataclass(frozen=True)
class Flatten(Rearrangement):
    """All axes but the batch as one, in row-major order; `channels_first` images are put in channels-last order first.

    Axes before `start` stay as they are: of a series of images, 2 flattens each image.

    >>> import ir
    >>> ir.Flatten().output_shape({}, (None, 4, 4, 3)), ir.Flatten(start=2).output_shape({}, (None, 9, 4, 4, 3))
    ((None, 48), (None, 9, 48))
    """

    data_format: str = "channels_last"
    start: int = 1

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        if not 1 <= self.start <= len(x):
            raise ShapeError(f"flattens the axes from {self.start} on, but was given shape {show(x)}.")
        lengths = [n for n in x[self.start :] if n is not None]
        whole = len(lengths) == len(x) - self.start
        return (*x[: self.start], math.prod(lengths) if whole else None)


@dataclass(frozen=True)
class Reshape(Rearrangement):
    """The same values in row-major order under another shape (without the batch); one length may be -1.

    >>> import ir
    >>> ir.Reshape((-1, 3)).output_shape({}, (None, 4, 4, 3))
    (None, 16, 3)
    """

    shape: tuple[int, ...] = (-1,)

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_numbers("lengths", (n for n in self.shape if n != -1), 1)
        if self.shape.count(-1) > 1:
            raise ShapeError(f"leaves {self.shape.count(-1)} of the lengths {self.shape} open; one may be -1.")
        lengths = [n for n in x[1:] if n is not None]
        if len(lengths) < len(x) - 1:
            return (x[0], *(None if n == -1 else n for n in self.shape))
        size, known = math.prod(lengths), math.prod(n for n in self.shape if n != -1)
        if known == 0 or size % known or (-1 not in self.shape and size != known):
            raise ShapeError(f"cannot bring shape {show(x)} into {show((None, *self.shape))}.")
        return (x[0], *(size // known if n == -1 else n for n in self.shape))


@dataclass(frozen=True)
class Permute(Rearrangement):
    """Axes in a new order; `axes` counts from 1, as the batch is axis 0 and stays first.

    >>> import ir
    >>> ir.Permute((3, 1, 2)).output_shape({}, (None, 4, 5, 3))
    (None, 3, 4, 5)
    """

    axes: tuple[int, ...] = (1,)

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        if sorted(self.axes) != list(range(1, len(x))):
            raise ShapeError(f"cannot put the axes of shape {show(x)} in the order {self.axes}.")
        return (x[0], *(x[a] for a in self.axes))


@dataclass(frozen=True)
class ZeroPad(Rearrangement):
    """Zeros around the image: one (low, high) pair per spatial axis.

    >>> import ir
    >>> ir.ZeroPad(((3, 3), (3, 3))).output_shape({}, (None, 224, 224, 3))
    (None, 230, 230, 3)
    """

    padding: Pairs = ((1, 1), (1, 1))
    data_format: str = "channels_last"

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        return _resized(require_one(inputs), self.data_format, self.padding, sign=1)

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs, (0.0, 0.0)) if any(map(any, self.padding)) else hull(*inputs)


@dataclass(frozen=True)
class Crop(Rearrangement):
    """Cells cut off the image: one (low, high) pair per spatial axis.

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
    """A part of the values, as Python slices: one entry per axis after the batch, those that are missing stay whole.

    An entry is (start, stop, step), each a number or `None`, or an index, which drops its axis.

    >>> import ir
    >>> ir.Slice(((None, None, -2), 0)).output_shape({}, (None, 5, 4, 3))
    (None, 3, 3)
    """

    index: tuple[int | tuple[int | None, int | None, int | None], ...]

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        if len(self.index) > len(x) - 1:
            raise ShapeError(f"slices {len(self.index)} axes besides the batch, but was given shape {show(x)}.")
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

    def _length(self, x: Shape, axis: int, entry: tuple[int | None, int | None, int | None]) -> int | None:
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

    >>> import ir
    >>> ir.Repeat(3).output_shape({}, (None, 8))
    (None, 3, 8)
    """

    count: int

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_rank(x, 2, "vectors")
        require_numbers("a count", (self.count,), 1)
        return (x[0], self.count, x[1])


@dataclass(frozen=True)
class Concatenate(Rearrangement):
    """The inputs one after the other along one axis.

    >>> import ir
    >>> ir.Concatenate().output_shape({}, (None, 8, 8, 3), (None, 8, 8, 5))
    (None, 8, 8, 8)
    """

    axis: int = -1

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        first = inputs[0]
        (axis,) = require_axes((self.axis,), first)
        if not all(len(x) == len(first) and same_shape(replaced(x, (axis,), (None,)), first) for x in inputs):
            raise ShapeError(
                f"joins along axis {self.axis} inputs of shapes {', '.join(map(show, inputs))}: the other axes differ."
            )
        lengths = [x[axis] for x in inputs]
        known = [n for n in lengths if n is not None]
        return replaced(first, (axis,), (sum(known) if len(known) == len(lengths) else None,))


def _resized(x: Shape, data_format: str, pairs: Pairs, sign: int) -> Shape:
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
