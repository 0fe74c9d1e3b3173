"""The element-wise functions that have a name and no numbers of their own: what is true of each.

A line of `FUNCTIONS` is all that `ir` needs of a function: its name and its facts. `jlrp.ops` takes
its computation from `jax.nn` or `jax.numpy` by the same name, or from a line of its own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ir.ops.interval import ANYTHING, UNIT, Interval, pieces, towards_zero

INFINITE = math.inf
NONNEGATIVE: Interval = (0.0, INFINITE)

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@dataclass(frozen=True)
class Function:
    """What is true of a function of one value.

    Attributes:
        values: An interval that holds all its values; minima are rounded down.
        monotone: Whether it only rises, or only falls.
        shrinks: Whether its value for `x` lies between 0 and `x`.
        exact: The interval of its values for an interval of inputs, where that is to be tighter
            than `values` and `shrinks` say; `None` where it is not.

    Example:
        >>> FUNCTIONS["tanh"].bounds((-math.inf, 0.5)), FUNCTIONS["square"].bounds((-3.0, 2.0))
        ((-1.0, 0.5), (0.0, 9.0))
    """

    values: Interval = ANYTHING
    monotone: bool = False
    shrinks: bool = False
    exact: Callable[[Interval], Interval] | None = None

    def bounds(self, x: Interval) -> Interval:
        """The interval that holds all values for inputs of an interval."""
        if self.exact is not None:
            return self.exact(x)
        if not self.shrinks:
            return self.values
        near = towards_zero(x)
        return max(self.values[0], near[0]), min(self.values[1], near[1])


def _selu(x: Interval) -> Interval:
    """`λ·x` where positive, else `λ·α·(exp(x) - 1)`."""
    factor = SELU_SCALE * SELU_ALPHA
    return pieces(x, 0.0, lambda v: factor * math.expm1(v), lambda v: SELU_SCALE * v)


def _abs(x: Interval) -> Interval:
    return _even(x, abs(x[0]), abs(x[1]))


def _square(x: Interval) -> Interval:
    return _even(x, x[0] * x[0], x[1] * x[1])


def _even(x: Interval, at_low: float, at_high: float) -> Interval:
    """The values of a function that falls to 0 at 0 and rises behind it."""
    return 0.0 if x[0] <= 0 <= x[1] else min(at_low, at_high), max(at_low, at_high)


FUNCTIONS: dict[str, Function] = {
    "sigmoid": Function(UNIT, monotone=True),
    "tanh": Function((-1.0, 1.0), monotone=True, shrinks=True),
    "softplus": Function(NONNEGATIVE, monotone=True),
    "softsign": Function((-1.0, 1.0), monotone=True, shrinks=True),
    "silu": Function((-0.2785, INFINITE), shrinks=True),
    "gelu": Function((-0.1701, INFINITE), shrinks=True),
    "gelu_tanh": Function((-0.1701, INFINITE), shrinks=True),
    "selu": Function(monotone=True, exact=_selu),
    "exponential": Function(NONNEGATIVE, monotone=True),
    "hard_silu": Function((-0.375, INFINITE), shrinks=True),
    "mish": Function((-0.3089, INFINITE), shrinks=True),
    "log_sigmoid": Function((-INFINITE, 0.0), monotone=True),
    "squareplus": Function(NONNEGATIVE, monotone=True),
    "tanh_shrink": Function(monotone=True, shrinks=True),
    "abs": Function(NONNEGATIVE, exact=_abs),
    "square": Function(NONNEGATIVE, exact=_square),
    "sparse_plus": Function(NONNEGATIVE, monotone=True),
}
"""The functions by name.

The names are Keras's. `gelu` is `x·Φ(x)`, and `gelu_tanh` is its approximation by tanh.
`hard_silu` is `x·min(max(x + 3, 0), 6)/6`. `mish` is `x·tanh(log(1 + exp x))`. `log_sigmoid` is
`-log(1 + exp(-x))`. `squareplus` is `(x + √(x² + 4))/2`. `tanh_shrink` is `x - tanh x`.
`sparse_plus` is 0 up to -1, `(x + 1)²/4` from -1 to 1, and `x` from 1 on.
"""
