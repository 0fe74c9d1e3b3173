"""Normalisation by an input's own mean and deviation, or its length."""

from dataclasses import dataclass

from ir.ops.base import Op, Shape, ShapeError, Weights, require_axes, require_one, require_param, show
from ir.ops.interval import Interval, clipped, signs


@dataclass(frozen=True)
class Normalization(Op):
    """Base of the ops that divide an input by a number made from itself; the output has the input's shape.

    >>> import ir
    >>> issubclass(ir.LayerNorm, ir.Normalization), issubclass(ir.BatchNorm, ir.Normalization)
    (True, False)
    """


@dataclass(frozen=True)
class LayerNorm(Normalization):
    """`gamma·(x - mean)/√(variance + epsilon) + beta`, mean and variance of each image over `axes`.

    With `rms`, `gamma·x/√(mean(x²) + epsilon) + beta`. Weights: `gamma`, `beta`, each where the layer has it, of the
    shape of `axes` in rising order.

    >>> import numpy as np, ir
    >>> ir.LayerNorm((-1,)).output_shape({"gamma": np.ones(4), "beta": np.zeros(4)}, (None, 7, 4))
    (None, 7, 4)
    """

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-3
    rms: bool = False

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        _require_optional(params, tuple(x[axis] for axis in require_axes(self.axes, x)))
        return x


@dataclass(frozen=True)
class GroupNorm(Normalization):
    """`gamma·(x - mean)/√(variance + epsilon) + beta`, mean and variance of each image over groups of channels.

    The channels along `axis` fall into `groups` of neighbours, each channel its own group if that is -1; mean and
    variance go over a group's channels and all positions. Weights: `gamma`, `beta` (C,), each where the layer has it.

    >>> import numpy as np, ir
    >>> ir.GroupNorm(2).output_shape({"gamma": np.ones(4)}, (None, 7, 7, 4))
    (None, 7, 7, 4)
    """

    groups: int
    axis: int = -1
    epsilon: float = 1e-3

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        (axis,) = require_axes((self.axis,), x)
        channels = x[axis]
        if self.groups < -1 or self.groups == 0 or (channels is not None and channels % self.groups):
            raise ShapeError(f"makes {self.groups} groups of its channels, but was given shape {show(x)}.")
        _require_optional(params, (channels,))
        return x


@dataclass(frozen=True)
class UnitNorm(Normalization):
    """`x / ‖x‖`, the length of each image over `axes`, at least `epsilon`.

    >>> import ir
    >>> ir.UnitNorm().output_shape({}, (None, 4)), ir.UnitNorm().bounds((0, 9))
    ((None, 4), (0.0, 1.0))
    """

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-12

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_axes(self.axes, x)
        return x

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return clipped(signs(x), -1.0, 1.0)


def _require_optional(params: Weights, shape: Shape) -> None:
    for role in ("gamma", "beta"):
        if role in params:
            require_param(params, role, shape)
