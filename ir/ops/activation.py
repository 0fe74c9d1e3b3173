"""Activations: functions of one value each, softmax, and the parametric ReLU."""

from dataclasses import dataclass

from ir.ops.base import Op, ShapeError, require_one, require_param, show

FUNCTIONS = ("sigmoid", "tanh", "softplus", "softsign", "silu", "gelu", "gelu_tanh", "selu", "exponential")
"""The functions that `Activation` knows by name; those with numbers of their own are ops of their own."""


@dataclass(frozen=True)
class ActivationOp(Op):
    """Base of all activations: the output has the input's shape."""

    def output_shape(self, params, *inputs):
        return require_one(inputs)


@dataclass(frozen=True)
class Relu(ActivationOp):
    """`x` from `threshold` up, cut at `max_value`; below, `negative_slope·(x - threshold)`."""

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    def nonnegative(self, *inputs):
        return self.threshold >= 0 and (self.negative_slope == 0 or (self.threshold == 0 and all(inputs)))


@dataclass(frozen=True)
class Elu(ActivationOp):
    """`x` where positive, else `alpha·(exp(x) - 1)`."""

    alpha: float = 1.0

    def nonnegative(self, *inputs):
        return all(inputs)


@dataclass(frozen=True)
class HardSigmoid(ActivationOp):
    """`slope·x + 0.5`, cut to 0…1. Keras up to 2.15 has slope 0.2, Keras 3 has 1/6."""

    slope: float = 1 / 6

    def nonnegative(self, *inputs):
        return True


@dataclass(frozen=True)
class Activation(ActivationOp):
    """A function without numbers of its own; `function` is one of `FUNCTIONS`."""

    function: str = "tanh"

    def nonnegative(self, *inputs):
        keeps_sign = self.function in ("tanh", "softsign", "silu", "gelu", "gelu_tanh", "selu")
        return all(inputs) if keeps_sign else True


@dataclass(frozen=True)
class Softmax(ActivationOp):
    """`exp(x) / Σ exp(x)` over one axis."""

    axis: int = -1

    def nonnegative(self, *inputs):
        return True


@dataclass(frozen=True)
class PRelu(ActivationOp):
    """`x` where positive, else `alpha·x`. Weight: `alpha`, of the input's shape without the batch, 1 on shared axes."""

    def output_shape(self, params, *inputs):
        x = require_one(inputs)
        alpha = require_param(params, "alpha")
        if len(alpha) != len(x) - 1 or any(a not in (1, n) and n is not None for a, n in zip(alpha, x[1:], strict=True)):
            raise ShapeError(f"has 'alpha' of shape {show(alpha)}, which does not fit inputs of shape {show(x)}.")
        return x

    def nonnegative(self, *inputs):
        return all(inputs)
