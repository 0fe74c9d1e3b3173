"""Activations: functions of one value each, and the parametric ReLU."""

import math
from dataclasses import dataclass

from ir.ops.base import SameShape, Shape, Weights, require_broadcast
from ir.ops.facts import TINY
from ir.ops.functions import FUNCTIONS
from ir.ops.interval import ANYTHING, UNIT, Interval, clip, pieces, scale, towards_zero


@dataclass(frozen=True)
class ActivationOp(SameShape):
    """Base of all activations: the output has the input's shape.

    What an activation says of signs and saturation follows from its `bounds`, unless it says so
    itself. A function that is constant on a half-line has to say that it `saturates`.

    Example:
        >>> import ir
        >>> isinstance(ir.Softmax(), ir.ActivationOp)
        True
        >>> leaky = ir.Relu(negative_slope=0.1)
        >>> [op.squashes for op in (ir.Softmax(), ir.Activation("tanh"), ir.Relu(), leaky)]
        [True, True, True, False]
    """

    elementwise = True

    @property
    def keeps_order(self) -> bool:
        return self.monotone

    @property
    def changes_sign(self) -> bool:
        of_positive, of_negative = self.bounds((TINY, math.inf)), self.bounds((-math.inf, -TINY))
        falls_below = of_positive != ANYTHING and of_positive[0] < 0
        return falls_below or (of_negative != ANYTHING and of_negative[1] > 0)

    @property
    def saturates(self) -> bool:
        return all(map(math.isfinite, self.bounds(ANYTHING)))


@dataclass(frozen=True)
class Activation(ActivationOp):
    """A function without numbers of its own.

    Attributes:
        function: Its name, one of `ir.ops.functions.FUNCTIONS`. `jlrp.register_function` adds one.

    Raises:
        ValueError: There is no function of this name.

    Example:
        >>> import ir
        >>> print(ir.Activation("gelu"))
        Activation(function='gelu')
        >>> ir.Activation("sigmoid").bounds((-9.0, 9.0))
        (0.0, 1.0)
    """

    function: str = "tanh"

    def __post_init__(self) -> None:
        if self.function not in FUNCTIONS:
            raise ValueError(
                f"Activation has no function {self.function!r:.80}; it has {', '.join(FUNCTIONS)}."
            )

    @property
    def monotone(self) -> bool:
        return FUNCTIONS[self.function].monotone

    def bounds(self, *inputs: Interval) -> Interval:
        return FUNCTIONS[self.function].bounds(*inputs)


@dataclass(frozen=True)
class Relu(ActivationOp):
    """`x` from `threshold` up, cut at `max_value`; below, `negative_slope·(x - threshold)`.

    Example:
        >>> import ir
        >>> ir.Relu(max_value=6.0).bounds((-9.0, 9.0))
        (0.0, 6.0)
        >>> ir.Relu(negative_slope=0.5).bounds((-9.0, 9.0))
        (-4.5, 9.0)
    """

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    @property
    def monotone(self) -> bool:
        rises = self.negative_slope >= 0 and self.threshold >= 0
        return rises and (self.max_value is None or self.max_value >= 0)

    @property
    def saturates(self) -> bool:
        return self.negative_slope == 0

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        top = math.inf if self.max_value is None else self.max_value
        return pieces(x, self.threshold, self._below, lambda v: min(v, top))

    def _below(self, x: float) -> float:
        return self.negative_slope * (x - self.threshold) if self.negative_slope else 0.0


@dataclass(frozen=True)
class Elu(ActivationOp):
    """`x` where positive, else `alpha·(exp(x) - 1)`.

    Example:
        >>> import ir
        >>> ir.Elu(alpha=0.5).bounds((-math.inf, 9.0))
        (-0.5, 9.0)
    """

    alpha: float = 1.0

    @property
    def monotone(self) -> bool:
        return self.alpha > 0

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return pieces(x, 0.0, lambda v: self.alpha * math.expm1(v), lambda v: v)


@dataclass(frozen=True)
class Celu(ActivationOp):
    """`x` where positive, else `alpha·(exp(x/alpha) - 1)`.

    Example:
        >>> import ir
        >>> ir.Celu(alpha=0.5).bounds((-math.inf, 9.0))
        (-0.5, 9.0)
    """

    alpha: float = 1.0

    @property
    def monotone(self) -> bool:
        return self.alpha > 0

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        if self.alpha <= 0:
            return ANYTHING
        return pieces(x, 0.0, lambda v: self.alpha * math.expm1(v / self.alpha), lambda v: v)


@dataclass(frozen=True)
class Clip(ActivationOp):
    """`x` cut to `low` … `high`.

    Example:
        >>> import ir
        >>> ir.Clip(-1.0, 1.0).bounds((0.0, 9.0))
        (0.0, 1.0)
    """

    low: float
    high: float

    monotone = True

    @property
    def saturates(self) -> bool:
        return math.isfinite(self.low) or math.isfinite(self.high)

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return clip(x, self.low, self.high)


@dataclass(frozen=True)
class HardShrink(ActivationOp):
    """`x` where `|x| > threshold`, else 0.

    Example:
        >>> import ir
        >>> ir.HardShrink().bounds((0.25, 2.0))
        (0.0, 2.0)
    """

    threshold: float = 0.5

    @property
    def monotone(self) -> bool:
        return self.threshold >= 0

    def bounds(self, *inputs: Interval) -> Interval:
        return towards_zero(*inputs)


@dataclass(frozen=True)
class SoftShrink(ActivationOp):
    """`x` brought towards 0 by `threshold`.

    That is `x - threshold` above it, `x + threshold` below `-threshold`, and 0 between the two.

    Example:
        >>> import ir
        >>> ir.SoftShrink().bounds((-1.0, 2.0))
        (-0.5, 1.5)
    """

    threshold: float = 0.5

    monotone = True

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

    Example:
        >>> import ir
        >>> print(ir.HardSigmoid(slope=0.2))
        HardSigmoid(slope=0.2)
    """

    slope: float = 1 / 6

    @property
    def monotone(self) -> bool:
        return self.slope >= 0

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return clip(scale(x, self.slope, 0.5), *UNIT)


@dataclass(frozen=True)
class Threshold(ActivationOp):
    """`x` where it is above `threshold`, else the number `otherwise`.

    Example:
        >>> import ir
        >>> ir.Threshold(0.5).bounds((0.0, 2.0))
        (0.0, 2.0)
        >>> ir.Threshold(-1.0, otherwise=20.0).bounds((-2.0, 2.0))
        (-1.0, 20.0)
    """

    threshold: float = 0.0
    otherwise: float = 0.0

    saturates = True

    @property
    def monotone(self) -> bool:
        return self.otherwise <= self.threshold

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return pieces(x, self.threshold, lambda v: self.otherwise, lambda v: v)


@dataclass(frozen=True)
class PRelu(ActivationOp):
    """`x` where positive, else `alpha·x`.

    Weights: `alpha`, of the input's shape without the batch, 1 on shared axes.

    Example:
        >>> import numpy as np, ir
        >>> ir.PRelu().output_shape({"alpha": np.zeros((1, 1, 4))}, (None, 8, 8, 4))
        (None, 8, 8, 4)
    """

    needs = ("alpha",)

    def bounds(self, *inputs: Interval) -> Interval:
        (x,) = inputs
        return x if x[0] >= 0 else ANYTHING

    def _require(self, params: Weights, x: Shape) -> None:
        require_broadcast(params, "alpha", x)
