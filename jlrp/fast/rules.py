"""Relevance rules on convolutions and dense layers, with the products saved that other products contain.

Notation: `x⁺`, `x⁻` the inputs by sign, `z = W·x + b` the layer's output, `z⁺ = W⁺·x⁺ + W⁻·x⁻ + b⁺`, `z⁻`
its counterpart, `z = z⁺ + z⁻`.

- Inputs by sign lie side by side in the channels, `[x⁺, x⁻]`, and so do the kernels, `[W⁺, W⁻]`: one product instead of
  two. Inputs that the graph knows to be ≥ 0 have no `x⁻`, and `[W⁺, W⁻]` is `W⁺`.
- αβ needs no product for `z` itself, as `z = z⁺ + z⁻`: the forward pass of its layers computes and keeps the two parts.
  (`z⁻ = z − z⁺` would save memory, but where `z⁻` is small it is little but the rounding of `z`.)
- γ needs one product more than `z`, as `A·x⁺ + B·x⁻ + b + γ·b⁺ = z + γ·z⁺` and `B·x⁺ + A·x⁻ + b + γ·b⁻ = z + γ·z⁻`. Its
  `z⁻ = z − z⁺` is needed where `z < 0` alone, and there both terms have one sign.
- Backwards, two products with two quotients are one with the quotients side by side in the channels.
- γ where no relevance arrives at `z ≤ 0` (`jlrp.fast.zeros`) has one product backwards, as its other quotient is 0.
- The box rule is `R_in = (x − l)·W⁺ᵀs + (x − h)·W⁻ᵀs`, `s = R / stab(z − b − W⁺·l − W⁻·h)`, and what it takes off is
  the same for all images.
- The flat rule's products have one channel.

Kernels are split, joined and turned once, in `prepare`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

import ir
from ir.ops.base import channel_axis
from jlrp.ops import Affine
from jlrp.rules import AlphaBeta, Epsilon, Flat, Gamma, HalfHalf, LayerCall, Rule, ZBox, Zero, ZPlus
from jlrp.rules.base import Facts, divide, negative, positive, product


class Kernels(NamedTuple):
    """What `prepare` makes: a kernel for products forwards, and one, turned, for products backwards.

    `None` for what is not needed, or no other than the layer's own or the other one.
    """

    forwards: Array | None
    backwards: Array | None


@dataclass(frozen=True)
class Layer:
    """A convolution or dense layer with the arithmetic of channels that the rules need.

    one_sign: whether its input cannot be below zero.
    """

    op: ir.Op
    map: Affine
    one_sign: bool

    def axis(self, rank: int) -> int:
        """Where the channels of an image lie."""
        return channel_axis(getattr(self.op, "data_format", "channels_last"), rank)

    @property
    def by_sign(self) -> tuple[Array, Array]:
        """`[W⁺, W⁻]` and `[W⁻, W⁺]`; `W⁺` and `W⁻` of an input of one sign."""
        plus, minus = positive(self.map.weights), negative(self.map.weights)
        if self.one_sign:
            return plus, minus
        return jnp.concatenate([plus, minus], -2), jnp.concatenate([minus, plus], -2)

    def turned(self, kernel: Array) -> Array:
        """A kernel for products backwards."""
        return kernel if self.map.turn is None else self.map.turn(kernel)

    def split(self, x: Array) -> Array:
        """`[x⁺, x⁻]`; an input of one sign as it is."""
        return x if self.one_sign else jnp.concatenate([positive(x), negative(x)], self.axis(x.ndim))

    def joined(self, shares: Array) -> Array:
        """The relevance of `x` from those of `[x⁺, x⁻]`."""
        if self.one_sign:
            return shares
        of_plus, of_minus = jnp.split(shares, 2, self.axis(shares.ndim))
        return of_plus + of_minus

    def forwards(self, kernel: Array, x: Array, bias: Array | None = None) -> Array:
        """`W·x + b`."""
        z = self.map.linear(kernel, x)
        return z if bias is None else z + bias

    def backwards(self, turned: Array, x: Array, *quotients: Array) -> Array:
        """`Wᵀ·[s, t, …]` for quotients side by side in the channels."""
        s = jnp.concatenate(quotients, self.axis(x.ndim)) if len(quotients) > 1 else quotients[0]
        if self.map.back is not None:
            return self.map.back(turned, (x,), s)[0]
        shape = [s.shape[0], *x.shape[1:]]
        shape[self.axis(x.ndim)] = turned.shape[-2]
        like = jax.ShapeDtypeStruct(shape, x.dtype)
        return jax.linear_transpose(lambda x: self.map.linear(turned, x), like)(s)[0]


class Method(ABC):
    """One rule's fast formulation on convolutions and dense layers."""

    @abstractmethod
    def prepare(self, rule: Any, layer: Layer, facts: Facts) -> Kernels:
        """The kernels that depend on no image."""

    def forwards(self, layer: Layer, x: Array, kernels: Kernels) -> tuple[Array, Any] | None:
        """The layer's output and what to keep of it for the way back; `None`: the output as ever, nothing kept."""
        return None

    @abstractmethod
    def relevance(self, rule: Any, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        """The relevance of the only input."""


class _Epsilon(Method):
    def prepare(self, rule: Any, layer: Layer, facts: Facts) -> Kernels:
        return Kernels(None, None if layer.map.turn is None else layer.turned(layer.map.weights))

    def relevance(self, rule: Any, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        (x,) = call.inputs
        s = divide(relevance, call.output, getattr(rule, "epsilon", 0.0))
        return product(x, layer.backwards(_or(kernels.backwards, layer.map.weights), x, s))


class _ZPlus(Method):
    def prepare(self, rule: Any, layer: Layer, facts: Facts) -> Kernels:
        plus, _ = layer.by_sign
        return Kernels(plus, None if layer.map.turn is None else layer.turned(plus))

    def relevance(self, rule: Any, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        x = layer.split(*call.inputs)
        s = divide(relevance, _positive_part(layer, kernels, x), rule.epsilon)
        return layer.joined(product(x, layer.backwards(_or(kernels.backwards, kernels.forwards), x, s)))


class _AlphaBeta(Method):
    def prepare(self, rule: Any, layer: Layer, facts: Facts) -> Kernels:
        both = jnp.concatenate(layer.by_sign, -1)
        return Kernels(both, None if layer.map.turn is None else layer.turned(both))

    def forwards(self, layer: Layer, x: Array, kernels: Kernels) -> tuple[Array, tuple[Array, Array]]:
        parts = jnp.split(layer.forwards(_or(kernels.forwards, None), layer.split(x)), 2, layer.axis(x.ndim))
        z = parts[0] + parts[1]
        return z if layer.map.bias is None else z + layer.map.bias, (parts[0], parts[1])

    def relevance(self, rule: Any, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        (x,), bias = call.inputs, layer.map.bias
        _, (above, below) = (None, call.kept) if call.kept else self.forwards(layer, x, kernels)
        of_above, of_below, epsilon = self.shared(rule, layer, relevance)
        s = divide(of_above, above if bias is None else above + positive(bias), epsilon)
        t = divide(of_below, below if bias is None else below + negative(bias), epsilon)
        x = layer.split(x)
        return layer.joined(product(x, layer.backwards(_or(kernels.backwards, kernels.forwards), x, s, t)))

    def shared(self, rule: Any, layer: Layer, relevance: Array) -> tuple[Array, Array, Any]:
        """What is shared out over `z⁺`, what over `z⁻`, and the stabiliser."""
        return rule.alpha * relevance, -rule.beta * relevance, rule.epsilon


class _HalfHalf(_AlphaBeta):
    def shared(self, rule: Any, layer: Layer, relevance: Array) -> tuple[Array, Array, Any]:
        half = -0.5 * relevance if isinstance(layer.op, ir.Convolution) else 0.5 * relevance
        return half, -half, 0.0


class _Gamma(Method):
    def prepare(self, rule: Any, layer: Layer, facts: Facts) -> Kernels:
        plus, minus = layer.by_sign
        whole = plus + minus
        above, below = whole + rule.gamma * plus, whole + rule.gamma * minus
        return Kernels(plus, layer.turned(above if facts.rectified else jnp.concatenate([above, below], -1)))

    def relevance(self, rule: Any, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        x, z = layer.split(*call.inputs), call.output
        plus = _positive_part(layer, kernels, x)
        s = [divide(jnp.where(z > 0, relevance, 0), z + rule.gamma * plus, rule.epsilon)]
        if not call.facts.rectified:
            minus = negative(z - plus)
            s.append(divide(jnp.where(z < 0, relevance, 0), z + rule.gamma * minus, rule.epsilon))
        return layer.joined(product(x, layer.backwards(_or(kernels.backwards, None), x, *s)))


class _ZBox(Method):
    def prepare(self, rule: Any, layer: Layer, facts: Facts) -> Kernels:
        both = jnp.concatenate([positive(layer.map.weights), negative(layer.map.weights)], -2)
        return Kernels(both, None if layer.map.turn is None else layer.turned(both))

    def relevance(self, rule: Any, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        (x,), axis = call.inputs, layer.axis(call.inputs[0].ndim)
        (low,), (high,) = rule.bounds(call)
        taken = layer.forwards(_or(kernels.forwards, None), jnp.concatenate([low, high], axis), layer.map.bias)
        s = divide(relevance, call.output - taken, rule.epsilon)
        back = layer.backwards(_or(kernels.backwards, kernels.forwards), x, s)
        of_plus, of_minus = jnp.split(back, 2, axis)
        return product(x - low, of_plus) + product(x - high, of_minus)


class _Flat(Method):
    def prepare(self, rule: Any, layer: Layer, facts: Facts) -> Kernels:
        return Kernels(None, None)

    def relevance(self, rule: Any, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        (x,), axis = call.inputs, layer.axis(call.inputs[0].ndim)
        *window, channels, _units = layer.map.weights.shape
        ones = jnp.ones((*window, 1, 1), x.dtype)
        one = jnp.ones_like(jnp.take(x[:1], jnp.arange(1), axis))
        contributors = channels * layer.forwards(ones, one)
        s = divide(jnp.sum(relevance, axis, keepdims=True), contributors, rule.epsilon)
        return jnp.broadcast_to(layer.backwards(layer.turned(ones), one, s), x.shape)


METHODS: dict[type[Rule], Method] = {
    Zero: _Epsilon(),
    Epsilon: _Epsilon(),
    ZPlus: _ZPlus(),
    AlphaBeta: _AlphaBeta(),
    HalfHalf: _HalfHalf(),
    Gamma: _Gamma(),
    ZBox: _ZBox(),
    Flat: _Flat(),
}
"""By the exact class: what a subclass computes is its own affair."""


def _positive_part(layer: Layer, kernels: Kernels, x: Array) -> Array:
    """`z⁺` from inputs by sign."""
    bias = None if layer.map.bias is None else positive(layer.map.bias)
    return layer.forwards(_or(kernels.forwards, None), x, bias)


def _or(kernel: Array | None, other: Array | None) -> Array:
    found = other if kernel is None else kernel
    assert found is not None
    return found
