"""Normalisation by an input's own mean and deviation, or its length."""

from dataclasses import dataclass

from ir.ops.base import SameShape, Shape, ShapeError, Weights, require_axes, require_optional, show
from ir.ops.interval import Interval, clip, signs


@dataclass(frozen=True)
class Normalization(SameShape):
    """Base of the ops that divide an input by a number made from the input itself.

    Example:
        >>> import ir
        >>> issubclass(ir.LayerNorm, ir.Normalization), issubclass(ir.BatchNorm, ir.Normalization)
        (True, False)
    """

    @property
    def centres(self) -> bool:
        """Whether the op takes off the mean before it divides."""
        return True

    @property
    def weight_axes(self) -> tuple[int, ...]:
        """The axes of the input that the weights go along."""
        return ()


@dataclass(frozen=True)
class LayerNorm(Normalization):
    """`gamma·(x - mean)/√(variance + epsilon) + beta`, with each image's mean and variance.

    Weights: `gamma` and `beta`, each where the layer has it, of the shape of `axes` in rising
    order.

    Attributes:
        axes: The axes that mean and variance go over.
        epsilon: What is added to the variance.
        rms: Whether to compute `gamma·x/√(mean(x²) + epsilon) + beta` instead.

    Example:
        >>> import numpy as np, ir
        >>> weights = {"gamma": np.ones(4), "beta": np.zeros(4)}
        >>> ir.LayerNorm((-1,)).output_shape(weights, (None, 7, 4))
        (None, 7, 4)
    """

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-3
    rms: bool = False

    @property
    def centres(self) -> bool:
        return not self.rms

    @property
    def weight_axes(self) -> tuple[int, ...]:
        return self.axes

    def _require(self, params: Weights, x: Shape) -> None:
        shape = tuple(x[axis] for axis in require_axes(self.axes, x))
        require_optional(params, ("gamma", "beta"), shape)


@dataclass(frozen=True)
class GroupNorm(Normalization):
    """`gamma·(x - mean)/√(variance + epsilon) + beta`, with statistics of groups of channels.

    Mean and variance of each image go over a group's channels and all positions.

    Weights: `gamma` and `beta` (C,), each where the layer has it.

    Attributes:
        groups: The number of groups, each of neighbouring channels; -1 makes each channel a group.
        axis: The axis of the channels.
        epsilon: What is added to the variance.

    Example:
        >>> import numpy as np, ir
        >>> ir.GroupNorm(2).output_shape({"gamma": np.ones(4)}, (None, 7, 7, 4))
        (None, 7, 7, 4)
    """

    groups: int
    axis: int = -1
    epsilon: float = 1e-3

    @property
    def channel_axis(self) -> int:
        return self.axis

    @property
    def weight_axes(self) -> tuple[int, ...]:
        return (self.axis,)

    def _require(self, params: Weights, x: Shape) -> None:
        (axis,) = require_axes((self.axis,), x)
        channels = x[axis]
        divides = channels is None or self.groups == 0 or channels % self.groups == 0
        if self.groups < -1 or self.groups == 0 or not divides:
            raise ShapeError(
                f"makes {self.groups} groups of its channels, but was given shape {show(x)}."
            )
        require_optional(params, ("gamma", "beta"), (channels,))


@dataclass(frozen=True)
class UnitNorm(Normalization):
    """`x / ‖x‖`, with the length of each image over `axes`, at least `epsilon`.

    Example:
        >>> import ir
        >>> ir.UnitNorm().output_shape({}, (None, 4)), ir.UnitNorm().bounds((0, 9))
        ((None, 4), (0.0, 1.0))
    """

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-12

    centres = False

    @property
    def weight_axes(self) -> tuple[int, ...]:
        return self.axes

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return clip(signs(x), -1.0, 1.0)

    def _require(self, params: Weights, x: Shape) -> None:
        require_axes(self.axes, x)
