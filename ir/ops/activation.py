"""Activations: functions of one value each, softmax, and the parametric ReLU."""

import math
from dataclasses import dataclass

from ir.ops.base import Op, Shape, ShapeError, Weights, require_axes, require_one, require_param, show
from ir.ops.interval import ANYTHING, UNIT, Interval, clipped, pieces, scaled, towards_zero

_NONNEGATIVE, _INFINITE = (0.0, math.inf), math.inf

_RANGES: dict[str, Interval] = {
    "sigmoid": UNIT,
    "tanh": (-1.0, 1.0),
    "softplus": _NONNEGATIVE,
    "softsign": (-1.0, 1.0),
    "silu": (-0.2785, _INFINITE),
    "gelu": (-0.1701, _INFINITE),
    "gelu_tanh": (-0.1701, _INFINITE),
    "selu": ANYTHING,
    "exponential": _NONNEGATIVE,
    "hard_silu": (-0.375, _INFINITE),
    "mish": (-0.3089, _INFINITE),
    "log_sigmoid": (-_INFINITE, 0.0),
    "squareplus": _NONNEGATIVE,
    "tanh_shrink": ANYTHING,
    "abs": _NONNEGATIVE,
    "square": _NONNEGATIVE,
    "sparse_plus": _NONNEGATIVE,
}
"""Where the values of each function lie, minima rounded down; of SELU, see `_SELU`."""

FUNCTIONS = tuple(_RANGES)
"""The functions that `Activation` knows by name; those with numbers of their own are ops of their own.

`hard_silu` is `x·min(max(x + 3, 0), 6)/6`, `mish` is `x·tanh(log(1 + exp x))`, `log_sigmoid` is `-log(1 + exp(-x))`,
`squareplus` is `(x + √(x² + 4))/2`, `tanh_shrink` is `x - tanh x`, `sparse_plus` is `(x + 1)²/4` from -1 to 1, 0 before
and `x` behind.
"""

_NOT_MONOTONE = ("silu", "gelu", "gelu_tanh", "hard_silu", "mish", "abs", "square")
"""Functions that fall before they rise."""

_CHANGES_SIGN = ("sigmoid", "softplus", "exponential", "log_sigmoid", "squareplus", "abs", "square", "sparse_plus")
"""Functions whose value can have the other sign than `x`."""

_BETWEEN_ZERO_AND_X = ("tanh", "softsign", "silu", "gelu", "gelu_tanh", "hard_silu", "mish", "tanh_shrink")
"""Functions whose value for `x` lies between 0 and `x`."""

_SELU = 1.0507009873554805, 1.6732632423543772
"""The scale λ and the α of SELU: `λ·x` where positive, else `λ·α·(exp(x) - 1)`."""


@dataclass(frozen=True)
class ActivationOp(Op):
    """Base of all activations: the output has the input's shape.

    An activation *squashes* if its value can have another sign than its input, or if it saturates:
    bounded on both sides, or constant on a half-line. Squashed values say little of the value
    before them, so that a network's decision is read before the squashing activation that ends it.

    >>> import ir
    >>> ir.Relu().output_shape({}, (None, 4)), isinstance(ir.Softmax(), ir.ActivationOp)
    ((None, 4), True)
    >>> [op.squashes for op in (ir.Softmax(), ir.Activation("tanh"), ir.Relu(), ir.Relu(negative_slope=0.1))]
    [True, True, True, False]
    """

    @property
    def changes_sign(self) -> bool:
        """Whether a value can be positive though the input is negative, or the other way round."""
        return False

    @property
    def saturates(self) -> bool:
        """Whether the function is bounded on both sides, or constant on a half-line."""
        return all(map(math.isfinite, self.bounds(ANYTHING)))

    @property
    def squashes(self) -> bool:
        """Whether the function changes signs or saturates."""
        return self.changes_sign or self.saturates

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        return require_one(inputs)


@dataclass(frozen=True)
class Relu(ActivationOp):
    """`x` from `threshold` up, cut at `max_value`; below, `negative_slope·(x - threshold)`.

    >>> import ir
    >>> ir.Relu(max_value=6.0).bounds((-9.0, 9.0)), ir.Relu(negative_slope=0.5).bounds((-9.0, 9.0))
    ((0.0, 6.0), (-4.5, 9.0))
    """

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    @property
    def monotone(self) -> bool:
        return self.negative_slope >= 0 and self.threshold >= 0 and (self.max_value is None or self.max_value >= 0)

    @property
    def changes_sign(self) -> bool:
        shifted = self.threshold > 0 and self.negative_slope > 0  # x - threshold is below 0 for a small x
        return shifted or self.negative_slope < 0 or (self.max_value is not None and self.max_value < 0)

    @property
    def saturates(self) -> bool:
        return self.negative_slope == 0

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        top = math.inf if self.max_value is None else self.max_value
        slope = self.negative_slope

        def below(v: float) -> float:
            return slope * (v - self.threshold) if slope else 0.0

        return pieces(x, self.threshold, below, lambda v: min(v, top))


@dataclass(frozen=True)
class Elu(ActivationOp):
    """`x` where positive, else `alpha·(exp(x) - 1)`.

    >>> import ir
    >>> print(ir.Elu(alpha=0.5))
    Elu(alpha=0.5)
    """

    alpha: float = 1.0

    @property
    def monotone(self) -> bool:
        return self.alpha > 0

    @property
    def changes_sign(self) -> bool:
        return self.alpha < 0

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return pieces(x, 0.0, lambda v: self.alpha * math.expm1(v), lambda v: v)


@dataclass(frozen=True)
class Celu(ActivationOp):
    """`x` where positive, else `alpha·(exp(x/alpha) - 1)`.

    >>> import ir
    >>> print(ir.Celu(alpha=0.5))
    Celu(alpha=0.5)
    """

    alpha: float = 1.0

    @property
    def monotone(self) -> bool:
        return self.alpha > 0

    @property
    def changes_sign(self) -> bool:
        return self.alpha < 0

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        if self.alpha <= 0:
            return ANYTHING
        return pieces(x, 0.0, lambda v: self.alpha * math.expm1(v / self.alpha), lambda v: v)


@dataclass(frozen=True)
class Clip(ActivationOp):
    """`x` cut to `low` … `high`.

    >>> import ir
    >>> ir.Clip(-1.0, 1.0).bounds((0.0, 9.0))
    (0.0, 1.0)
    """

    low: float
    high: float

    @property
    def monotone(self) -> bool:
        return True

    @property
    def changes_sign(self) -> bool:
        return self.low > 0 or self.high < 0

    @property
    def saturates(self) -> bool:
        return math.isfinite(self.low) or math.isfinite(self.high)

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return clipped(x, self.low, self.high)


@dataclass(frozen=True)
class HardShrink(ActivationOp):
    """`x` where `|x| > threshold`, else 0.

    >>> import ir
    >>> ir.HardShrink().bounds((0.25, 2.0))
    (0.0, 2.0)
    """

    threshold: float = 0.5

    @property
    def monotone(self) -> bool:
        return self.threshold >= 0

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return towards_zero(x)


@dataclass(frozen=True)
class SoftShrink(ActivationOp):
    """`x` brought towards 0 by `threshold`: `x - threshold` above it, `x + threshold` below `-threshold`, else 0.

    >>> import ir
    >>> ir.SoftShrink().bounds((-1.0, 2.0))
    (-0.5, 1.5)
    """

    threshold: float = 0.5

    @property
    def monotone(self) -> bool:
        return True

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return self._at(x[0]), self._at(x[1])

    def _at(self, x: float) -> float:
        if x > self.threshold:
            return x - self.threshold
        return x + self.threshold if x < -self.threshold else 0.0


@dataclass(frozen=True)
class HardSigmoid(ActivationOp):
    """`slope·x + 0.5`, cut to 0…1. Keras up to 2.15 has slope 0.2, Keras 3 has 1/6.

    >>> import ir
    >>> print(ir.HardSigmoid(slope=0.2))
    HardSigmoid(slope=0.2)
    """

    slope: float = 1 / 6

    @property
    def monotone(self) -> bool:
        return self.slope >= 0

    @property
    def changes_sign(self) -> bool:
        return True

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return clipped(scaled(x, self.slope, 0.5), *UNIT)


@dataclass(frozen=True)
class Activation(ActivationOp):
    """A function without numbers of its own; `function` is one of `FUNCTIONS`.

    >>> import ir
    >>> print(ir.Activation("gelu"))
    Activation(function='gelu')
    """

    function: str = "tanh"

    @property
    def monotone(self) -> bool:
        return self.function not in _NOT_MONOTONE

    @property
    def changes_sign(self) -> bool:
        return self.function in _CHANGES_SIGN

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        low, high = _RANGES[self.function]
        if self.function == "selu":
            scale, alpha = _SELU
            return pieces(x, 0.0, lambda v: scale * alpha * math.expm1(v), lambda v: scale * v)
        if self.function in ("abs", "square"):
            far = [abs(end) if self.function == "abs" else end * end for end in x]
            return 0.0 if x[0] <= 0 <= x[1] else min(far), max(far)
        if self.function not in _BETWEEN_ZERO_AND_X:
            return low, high
        near = towards_zero(x)
        return max(low, near[0]), min(high, near[1])


@dataclass(frozen=True)
class Softmax(ActivationOp):
    """`exp(x) / Σ exp(x)` over one axis.

    >>> import ir
    >>> ir.Softmax().output_shape({}, (None, 10))
    (None, 10)
    """

    axis: int = -1

    @property
    def changes_sign(self) -> bool:
        return True

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_axes((self.axis,), x)
        return x

    def bounds(self, *inputs: Interval) -> Interval:
        return UNIT


@dataclass(frozen=True)
class Sparsemax(ActivationOp):
    """The probabilities nearest to `x` over one axis: `max(x - τ, 0)`, `τ` such that they sum to 1; most are 0.

    With `keras`, as Keras 3 computes it: `τ` is made of the sum of all running sums of the largest values in place of
    the last one, so that the results need not sum to 1.
    Source: Martins and Astudillo, "From Softmax to Sparsemax", ICML 2016.

    >>> import ir
    >>> ir.Sparsemax().output_shape({}, (None, 10)), ir.Sparsemax().squashes
    ((None, 10), True)
    """

    axis: int = -1
    keras: bool = False

    @property
    def changes_sign(self) -> bool:
        return True

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_axes((self.axis,), x)
        return x

    def bounds(self, *inputs: Interval) -> Interval:
        return _NONNEGATIVE if self.keras else UNIT


@dataclass(frozen=True)
class Threshold(ActivationOp):
    """`x` where it is above `threshold`, else the number `otherwise`.

    >>> import ir
    >>> ir.Threshold(0.5).bounds((0.0, 2.0)), ir.Threshold(-1.0, otherwise=20.0).bounds((-2.0, 2.0))
    ((0.0, 2.0), (-1.0, 20.0))
    """

    threshold: float = 0.0
    otherwise: float = 0.0

    @property
    def monotone(self) -> bool:
        return self.otherwise <= self.threshold

    @property
    def changes_sign(self) -> bool:
        return self.otherwise > 0 or (self.otherwise < 0 and self.threshold > 0)

    @property
    def saturates(self) -> bool:
        return True

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return pieces(x, self.threshold, lambda v: self.otherwise, lambda v: v)


@dataclass(frozen=True)
class LogSoftmax(ActivationOp):
    """`x - log Σ exp(x)` over one axis.

    >>> import ir
    >>> ir.LogSoftmax().output_shape({}, (None, 10)), ir.LogSoftmax().bounds((0.0, 1.0))
    ((None, 10), (-inf, 0.0))
    """

    axis: int = -1

    @property
    def changes_sign(self) -> bool:
        return True

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        require_axes((self.axis,), x)
        return x

    def bounds(self, *inputs: Interval) -> Interval:
        return (-_INFINITE, 0.0)


@dataclass(frozen=True)
class PRelu(ActivationOp):
    """`x` where positive, else `alpha·x`. Weight: `alpha`, of the input's shape without the batch, 1 on shared axes.

    >>> import numpy as np, ir
    >>> ir.PRelu().output_shape({"alpha": np.zeros((1, 1, 4))}, (None, 8, 8, 4))
    (None, 8, 8, 4)
    """

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        alpha = require_param(params, "alpha")
        if len(alpha) != len(x) - 1 or any(
            a not in (1, n) and n is not None for a, n in zip(alpha, x[1:], strict=True)
        ):
            raise ShapeError(f"has 'alpha' of shape {show(alpha)}, which does not fit inputs of shape {show(x)}.")
        return x

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return x if x[0] >= 0 else ANYTHING
