"""Activations: functions of one value each, softmax, and the parametric ReLU."""

from dataclasses import dataclass

from ir.ops.base import Op, Shape, ShapeError, Weights, require_one, require_param, show

FUNCTIONS = ("sigmoid", "tanh", "softplus", "softsign", "silu", "gelu", "gelu_tanh", "selu", "exponential")
"""The functions that `Activation` knows by name; those with numbers of their own are ops of their own."""


@dataclass(frozen=True)
class ActivationOp(Op):
    """Base of all activations: the output has the input's shape.

    >>> import ir
    >>> ir.Relu().output_shape({}, (None, 4)), isinstance(ir.Softmax(), ir.ActivationOp)
    ((None, 4), True)
    """

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        return require_one(inputs)


@dataclass(frozen=True)
class Relu(ActivationOp):
    """`x` from `threshold` up, cut at `max_value`; below, `negative_slope·(x - threshold)`.

    >>> import ir
    >>> ir.Relu(max_value=6.0).nonnegative(False), ir.Relu(negative_slope=0.1).nonnegative(False)
    (True, False)
    """

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    def nonnegative(self, *inputs: bool) -> bool:
        return self.threshold >= 0 and (self.negative_slope == 0 or (self.threshold == 0 and all(inputs)))


@dataclass(frozen=True)
class Elu(ActivationOp):
    """`x` where positive, else `alpha·(exp(x) - 1)`.

    >>> import ir
    >>> print(ir.Elu(alpha=0.5))
    Elu(alpha=0.5)
    """

    alpha: float = 1.0

    def nonnegative(self, *inputs: bool) -> bool:
        return all(inputs)


@dataclass(frozen=True)
class HardSigmoid(ActivationOp):
    """`slope·x + 0.5`, cut to 0…1. Keras up to 2.15 has slope 0.2, Keras 3 has 1/6.

    >>> import ir
    >>> print(ir.HardSigmoid(slope=0.2))
    HardSigmoid(slope=0.2)
    """

    slope: float = 1 / 6

    def nonnegative(self, *inputs: bool) -> bool:
        return True


@dataclass(frozen=True)
class Activation(ActivationOp):
    """A function without numbers of its own; `function` is one of `FUNCTIONS`.

    >>> import ir
    >>> print(ir.Activation("gelu"))
    Activation(function='gelu')
    """

    function: str = "tanh"

    def nonnegative(self, *inputs: bool) -> bool:
        keeps_sign = self.function in ("tanh", "softsign", "silu", "gelu", "gelu_tanh", "selu")
        return all(inputs) if keeps_sign else True


@dataclass(frozen=True)
class Softmax(ActivationOp):
    """`exp(x) / Σ exp(x)` over one axis.

    >>> import ir
    >>> ir.Softmax().output_shape({}, (None, 10))
    (None, 10)
    """

    axis: int = -1

    def nonnegative(self, *inputs: bool) -> bool:
        return True


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

    def nonnegative(self, *inputs: bool) -> bool:
        return all(inputs)
