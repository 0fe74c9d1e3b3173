"""Pooling over windows and along whole axes."""

from dataclasses import dataclass

from ir.ops.base import (
    Op,
    Shape,
    ShapeError,
    Weights,
    require_axes,
    require_images,
    require_layout,
    require_one,
    spatial_axes,
)
from ir.ops.interval import Interval, hull
from ir.ops.window import Padding, replaced, window_lengths


@dataclass(frozen=True)
class Pool(Op):
    """Base of pooling over windows; a window has as many lengths as there are spatial axes.

    Attributes:
        pool_size: The lengths of the window.
        strides: The steps of the window along each spatial axis.
        padding: `"valid"`, `"same"`, or explicit (low, high) pairs.
        data_format: `"channels_last"` (N, …, C) or `"channels_first"` (N, C, …).

    Example:
        >>> import ir
        >>> ir.MaxPool().pool_size, issubclass(ir.AvgPool, ir.Pool)
        ((2, 2), True)
    """

    pool_size: tuple[int, ...] = (2, 2)
    strides: tuple[int, ...] = (2, 2)
    padding: Padding = "valid"
    data_format: str = "channels_last"

    monotone = True
    pools = True
    pads = True
    positions = True

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_images(inputs, len(self.pool_size), self.data_format)
        axes = spatial_axes(self.data_format, len(x))
        lengths = tuple(x[a] for a in axes)
        return replaced(
            x, axes, window_lengths(self.padding, lengths, self.pool_size, self.strides)
        )

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs)


@dataclass(frozen=True)
class MaxPool(Pool):
    """The largest value of each window; cells of padding count as -∞.

    Example:
        >>> import ir
        >>> ir.MaxPool((3, 3), (2, 2), "same").output_shape({}, (None, 7, 7, 4))
        (None, 4, 4, 4)
    """

    selects = True


@dataclass(frozen=True)
class AvgPool(Pool):
    """The mean of each window; cells of padding are not counted.

    Example:
        >>> import ir
        >>> ir.AvgPool((7, 7), (7, 7)).output_shape({}, (None, 7, 7, 4))
        (None, 1, 1, 4)
    """

    sums = True


@dataclass(frozen=True)
class GlobalPool(Op):
    """Base of pooling along whole axes.

    Attributes:
        keepdims: Whether the axes stay, with length 1.
        data_format: Which axes are spatial, where `axes` is `None`.
        axes: The axes to pool along, negative ones counted from the end, the batch not among them;
            `None` for all spatial ones.

    Example:
        >>> import ir
        >>> issubclass(ir.GlobalAvgPool, ir.GlobalPool)
        True
        >>> ir.GlobalMaxPool(axes=(-1,), keepdims=True).output_shape({}, (None, 7, 7, 4))
        (None, 7, 7, 1)
    """

    keepdims: bool = False
    data_format: str = "channels_last"
    axes: tuple[int, ...] | None = None

    monotone = True
    pools = True
    reduces = True

    @property
    def keeps_axes(self) -> bool:
        return self.keepdims

    @property
    def positions(self) -> bool | None:
        return None if self.keepdims else False

    @property
    def channel_axis(self) -> int | None:
        return super().channel_axis if self.axes is None else None

    def reduced(self, rank: int) -> tuple[int, ...]:
        """The axes that are pooled along, in rising order, of an input of `rank` dimensions."""
        if self.axes is None:
            return spatial_axes(self.data_format, rank)
        return tuple(sorted({axis % rank for axis in self.axes}))

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        if self.axes is not None and (not self.axes or 0 in require_axes(self.axes, x)):
            raise ShapeError(
                f"pools over the axes {self.axes}; the batch, which is axis 0, is none of them."
            )
        require_layout(self.data_format)
        axes = self.reduced(len(x))
        if self.keepdims:
            return replaced(x, axes, (1,) * len(axes))
        return tuple(length for axis, length in enumerate(x) if axis not in axes)

    def bounds(self, *inputs: Interval) -> Interval:
        return hull(*inputs)


@dataclass(frozen=True)
class GlobalAvgPool(GlobalPool):
    """The mean of each channel over all positions, or of all values along any axes.

    Example:
        >>> import ir
        >>> ir.GlobalAvgPool().output_shape({}, (None, 7, 7, 4))
        (None, 4)
    """

    sums = True


@dataclass(frozen=True)
class GlobalMaxPool(GlobalPool):
    """The largest value of each channel over all positions, or of all values along any axes.

    Example:
        >>> import ir
        >>> ir.GlobalMaxPool(keepdims=True).output_shape({}, (None, 7, 7, 4))
        (None, 1, 1, 4)
    """

    selects = True
