"""Pooling over windows and over whole images."""

from dataclasses import dataclass

from ir.ops.base import (
    Op,
    Shape,
    ShapeError,
    Weights,
    require_axes,
    require_layout,
    require_one,
    require_rank,
    spatial_axes,
)
from ir.ops.interval import Interval, hull
from ir.ops.window import Padding, replaced, window_lengths


@dataclass(frozen=True)
class Pool(Op):
    """What pooling over windows shares; the number of window lengths is the number of spatial axes.

    >>> import ir
    >>> ir.MaxPool().pool_size, issubclass(ir.AvgPool, ir.Pool)
    ((2, 2), True)
    """

    pool_size: tuple[int, ...] = (2, 2)
    strides: tuple[int, ...] = (2, 2)
    padding: Padding = "valid"
    data_format: str = "channels_last"

    @property
    def monotone(self) -> bool:
        return True

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_rank(x, len(self.pool_size) + 2, "images")
        require_layout(self.data_format)
        axes = spatial_axes(self.data_format, len(x))
        return replaced(x, axes, window_lengths(self.padding, tuple(x[a] for a in axes), self.pool_size, self.strides))

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs)


@dataclass(frozen=True)
class MaxPool(Pool):
    """The largest value of each window; cells of padding count as -∞.

    >>> import ir
    >>> ir.MaxPool((3, 3), (2, 2), "same").output_shape({}, (None, 7, 7, 4))
    (None, 4, 4, 4)
    """


@dataclass(frozen=True)
class AvgPool(Pool):
    """The mean of each window; cells of padding are not counted.

    >>> import ir
    >>> ir.AvgPool((7, 7), (7, 7)).output_shape({}, (None, 7, 7, 4))
    (None, 1, 1, 4)
    """


@dataclass(frozen=True)
class GlobalPool(Op):
    """What pooling over whole axes shares: all spatial ones, or those that `axes` names.

    `keepdims` keeps them with length 1. With `axes`, the batch (axis 0) not among them, `data_format` means nothing.

    >>> import ir
    >>> issubclass(ir.GlobalAvgPool, ir.GlobalPool)
    True
    >>> ir.GlobalMaxPool(axes=(-1,), keepdims=True).output_shape({}, (None, 7, 7, 4))
    (None, 7, 7, 1)
    """

    keepdims: bool = False
    data_format: str = "channels_last"
    axes: tuple[int, ...] | None = None

    @property
    def monotone(self) -> bool:
        return True

    def reduced(self, rank: int) -> tuple[int, ...]:
        """The axes that are pooled over, in rising order, of an input of `rank` dimensions."""
        if self.axes is None:
            return spatial_axes(self.data_format, rank)
        return tuple(sorted({axis % rank for axis in self.axes}))

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        if self.axes is not None and (not self.axes or 0 in require_axes(self.axes, x)):
            raise ShapeError(f"pools over the axes {self.axes}; the batch, which is axis 0, is none of them.")
        require_layout(self.data_format)
        axes = self.reduced(len(x))
        if self.keepdims:
            return replaced(x, axes, (1,) * len(axes))
        return tuple(length for axis, length in enumerate(x) if axis not in axes)

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs)


@dataclass(frozen=True)
class GlobalAvgPool(GlobalPool):
    """The mean of each channel over all positions, or over any axes.

    >>> import ir
    >>> ir.GlobalAvgPool().output_shape({}, (None, 7, 7, 4))
    (None, 4)
    """


@dataclass(frozen=True)
class GlobalMaxPool(GlobalPool):
    """The largest value of each channel over all positions, or over any axes.

    >>> import ir
    >>> ir.GlobalMaxPool(keepdims=True).output_shape({}, (None, 7, 7, 4))
    (None, 1, 1, 4)
    """
