"""Softmax and its like: activations whose values depend on all values along one axis."""

import math
from dataclasses import dataclass

from ir.ops.activation import ActivationOp
from ir.ops.base import Shape, Weights, require_axes
from ir.ops.functions import NONNEGATIVE
from ir.ops.interval import UNIT, Interval


@dataclass(frozen=True)
class AlongAxis(ActivationOp):
    """Base of softmax and its like: each output value depends on all values along one axis.

    Attributes:
        axis: The axis, negative if counted from the end; not the batch.
    """

    axis: int = -1

    elementwise = False
    keeps_order = True

    def _require(self, params: Weights, x: Shape) -> None:
        require_axes((self.axis,), x)


@dataclass(frozen=True)
class Softmax(AlongAxis):
    """`exp(x) / Σ exp(x)` over one axis.

    Example:
        >>> import ir
        >>> ir.Softmax().output_shape({}, (None, 10))
        (None, 10)
    """

    def bounds(self, *inputs: Interval) -> Interval:
        return UNIT


@dataclass(frozen=True)
class LogSoftmax(AlongAxis):
    """`x - log Σ exp(x)` over one axis.

    Example:
        >>> import ir
        >>> ir.LogSoftmax().bounds((0.0, 1.0))
        (-inf, 0.0)
    """

    def bounds(self, *inputs: Interval) -> Interval:
        return (-math.inf, 0.0)


@dataclass(frozen=True)
class Sparsemax(AlongAxis):
    """The probabilities nearest to `x` over one axis: `max(x - τ, 0)`; most of them are 0.

    `τ` is the number that makes them sum to 1.

    Attributes:
        axis: The axis, as in `Softmax`.
        keras: Whether to compute what Keras 3 does. Its `τ` has the sum of all running sums of the
            largest values in place of the last one, so that the results need not sum to 1.

    Example:
        >>> import ir
        >>> ir.Sparsemax().squashes, ir.Sparsemax().elementwise
        (True, False)

    References:
        Martins and Astudillo, "From Softmax to Sparsemax", ICML 2016.
    """

    keras: bool = False

    def bounds(self, *inputs: Interval) -> Interval:
        return NONNEGATIVE if self.keras else UNIT
