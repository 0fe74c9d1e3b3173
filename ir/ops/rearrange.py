"""Ops that move, add or drop cells without changing a value: flatten, reshape, permute, pad, crop, concatenate."""

import math
from dataclasses import dataclass

from ir.ops.base import Op, ShapeError, require_one, same_shape, show, spatial_axes
from ir.ops.window import Pairs, replaced


@dataclass(frozen=True)
class Rearrangement(Op):
    """Base of the ops in this file: linear, every output value an input value or zero."""

    def nonnegative(self, *inputs):
        return all(inputs)


@dataclass(frozen=True)
class Flatten(Rearrangement):
    """All axes but the batch as one, in row-major order; `channels_first` images are brought to channels-last order first."""

    data_format: str = "channels_last"

    def output_shape(self, params, *inputs):
        x = require_one(inputs)
        return (x[0], None if None in x[1:] else math.prod(x[1:]))


@dataclass(frozen=True)
class Reshape(Rearrangement):
    """The same values in row-major order under another shape (without the batch); one length may be -1."""

    shape: tuple[int, ...] = (-1,)

    def output_shape(self, params, *inputs):
        x = require_one(inputs)
        if None in x[1:]:
            return (x[0], *(None if n == -1 else n for n in self.shape))
        size, known = math.prod(x[1:]), math.prod(n for n in self.shape if n != -1)
        if known == 0 or size % known or (-1 not in self.shape and size != known):
            raise ShapeError(f"cannot bring shape {show(x)} into {show((None, *self.shape))}.")
        return (x[0], *(size // known if n == -1 else n for n in self.shape))


@dataclass(frozen=True)
class Permute(Rearrangement):
    """Axes in a new order; `axes` counts from 1, as the batch is axis 0 and stays first."""

    axes: tuple[int, ...] = (1,)

    def output_shape(self, params, *inputs):
        x = require_one(inputs)
        if sorted(self.axes) != list(range(1, len(x))):
            raise ShapeError(f"cannot put the axes of shape {show(x)} in the order {self.axes}.")
        return (x[0], *(x[a] for a in self.axes))


@dataclass(frozen=True)
class ZeroPad(Rearrangement):
    """Zeros around the image: one (low, high) pair per spatial axis."""

    padding: Pairs = ((1, 1), (1, 1))
    data_format: str = "channels_last"

    def output_shape(self, params, *inputs):
        return _resized(require_one(inputs), self.data_format, self.padding, sign=1)


@dataclass(frozen=True)
class Crop(Rearrangement):
    """Cells cut off the image: one (low, high) pair per spatial axis."""

    cropping: Pairs = ((0, 0), (0, 0))
    data_format: str = "channels_last"

    def output_shape(self, params, *inputs):
        return _resized(require_one(inputs), self.data_format, self.cropping, sign=-1)


@dataclass(frozen=True)
class Concatenate(Rearrangement):
    """The inputs one after the other along one axis."""

    axis: int = -1

    def output_shape(self, params, *inputs):
        first = inputs[0]
        if not -len(first) <= self.axis < len(first):
            raise ShapeError(f"joins along axis {self.axis}, but was given shape {show(first)}.")
        axis = self.axis % len(first)
        if not all(len(x) == len(first) and same_shape(replaced(x, (axis,), (None,)), first) for x in inputs):
            raise ShapeError(f"joins along axis {self.axis} inputs of shapes {', '.join(map(show, inputs))}: the other axes differ.")
        lengths = [x[axis] for x in inputs]
        return replaced(first, (axis,), (None if None in lengths else sum(lengths),))


def _resized(x, data_format: str, pairs: Pairs, sign: int):
    axes = spatial_axes(data_format, len(x))
    if len(axes) != len(pairs):
        raise ShapeError(f"has {len(pairs)} (low, high) pairs, but was given shape {show(x)}.")
    lengths = tuple(None if x[a] is None else x[a] + sign * (low + high) for a, (low, high) in zip(axes, pairs, strict=True))
    if any(n is not None and n < 1 for n in lengths):
        raise ShapeError(f"leaves nothing of images of shape {show(x)}.")
    return replaced(x, axes, lengths)
