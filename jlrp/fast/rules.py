"""Shares of relevance on convolutions and dense layers, with as few products as there can be.

Notation: `x⁺`, `x⁻` the inputs by sign, `z = W·x + b` the layer's output,
`z⁺ = W⁺·x⁺ + W⁻·x⁻ + b⁺`, `z⁻` its counterpart, so that `z = z⁺ + z⁻`.

- Inputs by sign lie side by side in the channels, `[x⁺, x⁻]`, and so do the kernels, `[W⁺, W⁻]`:
  one product instead of two. Inputs that the graph knows to be ≥ 0 have no `x⁻`.
- A share's denominator is `agreeing·z⁺ + opposing·z⁻`. Where a share needs `z⁻` alone (αβ), the
  forward pass of the layer computes and keeps both parts, and `z` is their sum.
  (`z⁻ = z − z⁺` would save memory, but where `z⁻` is small it is little but the rounding of `z`.)
- Where shares mix both (γ), `z⁺` is one product more than `z`. `z⁻ = z − z⁺` is then needed where
  `z < 0` alone, and there both terms have one sign.
- Backwards, products with several quotients are one with the quotients side by side.
- Where no relevance arrives at `z ≤ 0` (`jlrp.fast.zeros`), a share of negative outputs falls away.
- A term of the layer's own weights and inputs is `z − b`. `W⁺ᵀs` and `W⁻ᵀs` add up to `Wᵀs`.
- Weights that are all 1 have products of one channel.

Kernels are split, joined and turned once, in `prepare`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

import ir
from ir.ops.base import channel_axis
from jlrp.ops import Affine
from jlrp.rules.base import Facts, LayerCall, added, divide, negative, positive, product
from jlrp.rules.first import ones
from jlrp.rules.shares import (
    Mapped,
    Share,
    ShareRule,
    Signed,
    Term,
    inputs,
    taken,
    where_negative,
    whole,
)

Change = Callable[[Array], Array]
"""A change of single weights, as in `Term.weights`."""


class Kernels(NamedTuple):
    """What `prepare` makes: kernels for products forwards, and, turned, for products backwards.

    `None` stands for a kernel that is not needed, or that is the layer's own or the other one.
    """

    forwards: Array | None
    backwards: Array | None


@dataclass(frozen=True)
class Layer:
    """A convolution or dense layer with the arithmetic of channels that the shares need.

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
        if self.one_sign:
            return x
        return jnp.concatenate([positive(x), negative(x)], self.axis(x.ndim))

    def joined(self, shares: Array) -> Array:
        """The relevance of `x` from those of `[x⁺, x⁻]`."""
        if self.one_sign:
            return shares
        of_plus, of_minus = jnp.split(shares, 2, self.axis(shares.ndim))
        return of_plus + of_minus

    def forwards(self, kernel: Array, *values: Array) -> Array:
        """`W·x`, for values side by side in the channels."""
        return self.map.linear(kernel, _side_by_side(values, self.axis(values[0].ndim)))

    def backwards(self, turned: Array, x: Array, *quotients: Array) -> Array:
        """`Wᵀ·[s, t, …]`, for quotients side by side in the channels."""
        s = _side_by_side(quotients, self.axis(x.ndim))
        if self.map.back is not None:
            return self.map.back(turned, (x,), s)[0]
        shape = [s.shape[0], *x.shape[1:]]
        shape[self.axis(x.ndim)] = turned.shape[-2]
        like = jax.ShapeDtypeStruct(shape, x.dtype)
        return jax.linear_transpose(lambda x: self.map.linear(turned, x), like)(s)[0]

    def kernels(self, forwards: Array | None, backwards: Array | None) -> Kernels:
        """Pair two kernels, the second turned where it must be; `None` for it means the first."""
        of_both = forwards if backwards is None else backwards
        if backwards is None and self.map.turn is None:
            return Kernels(forwards, None)
        return Kernels(forwards, None if of_both is None else self.turned(of_both))


class Method(ABC):
    """How some of a layer's shares are computed."""

    @abstractmethod
    def prepare(self, layer: Layer) -> Kernels:
        """The kernels that depend on no image."""

    def forwards(self, layer: Layer, x: Array, kernels: Kernels) -> tuple[Array, Any] | None:
        """The layer's output and what to keep for the way back; `None` to compute it as usual."""
        return None

    @abstractmethod
    def relevance(self, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        """The relevance of the only input."""


@dataclass(frozen=True)
class Proportional(Method):
    """Shares of all contributions alike: LRP-0, LRP-ε."""

    shares: tuple[Signed, ...]

    def prepare(self, layer: Layer) -> Kernels:
        turn = layer.map.turn
        return Kernels(None, None if turn is None else turn(layer.map.weights))

    def relevance(self, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        (x,), z = call.inputs, call.output
        s = added(*(divide(taken(s.part, z, relevance), z, s.epsilon) for s in self.shares))
        return product(x, layer.backwards(_first(kernels.backwards, layer.map.weights), x, s))


@dataclass(frozen=True)
class BySign(Method):
    """Shares by the sign of contributions: z⁺, αβ, γ."""

    shares: tuple[Signed, ...]

    @property
    def needed(self) -> tuple[bool, bool]:
        """Whether a product for `z⁺` is needed, and one for `z⁻`."""
        alone = [share.static == (0, 1) for share in self.shares]
        return not all(alone), any(alone)

    def prepare(self, layer: Layer) -> Kernels:
        by_sign = layer.by_sign
        parts = [part for part, needed in zip(by_sign, self.needed, strict=True) if needed]
        forwards = jnp.concatenate(parts, -1)
        if [share.static for share in self.shares] in ([(1, 0)], [(0, 1)], [(1, 0), (0, 1)]):
            return layer.kernels(forwards, None)
        mixed = jnp.concatenate([share.mix(*by_sign) for share in self.shares], -1)
        return layer.kernels(forwards, mixed)

    def forwards(
        self, layer: Layer, x: Array, kernels: Kernels
    ) -> tuple[Array, list[Array]] | None:
        if not all(self.needed):
            return None
        parts = self._parts(layer, layer.split(x), kernels)
        return added(*parts, layer.map.bias), parts

    def relevance(self, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        (x,), z = call.inputs, call.output
        x = layer.split(x)
        parts = iter(call.kept or self._parts(layer, x, kernels))
        bias = layer.map.bias
        plus, minus = (
            added(next(parts), None if bias is None else sign(bias)) if needed else None
            for needed, sign in zip(self.needed, (positive, negative), strict=True)
        )
        quotients = [
            divide(taken(s.part, z, relevance), _denominator(s, z, plus, minus), s.epsilon)
            for s in self.shares
        ]
        kernel = _first(kernels.backwards, kernels.forwards)
        return layer.joined(product(x, layer.backwards(kernel, x, *quotients)))

    def _parts(self, layer: Layer, x: Array, kernels: Kernels) -> list[Array]:
        """The sums of positive and of negative contributions without the bias, those needed."""
        z = layer.forwards(_first(kernels.forwards), x)
        return jnp.split(z, sum(self.needed), layer.axis(x.ndim))


@dataclass(frozen=True)
class ByTerms(Method):
    """A share by changed weights and inputs: plain γ, w², the box rule."""

    share: Mapped

    @property
    def others(self) -> list[Term]:
        """The terms other than the layer's own weights and inputs."""
        return [t for t in self.share.parts if t.weights is not whole or t.values is not inputs]

    @property
    def changes(self) -> list[Change]:
        """The changes of weights that have products backwards, each once."""
        found = list(dict.fromkeys(term.weights for term in self.share.parts))
        if {whole, positive, negative} <= set(found):
            found.remove(whole)  # W = W⁺ + W⁻
        return found

    def prepare(self, layer: Layer) -> Kernels:
        forwards, backwards = [term.weights for term in self.others], self.changes
        changed = {change: change(layer.map.weights) for change in {*forwards, *backwards}}
        first, second = (
            jnp.concatenate([changed[change] for change in changes], -2) if changes else None
            for changes in (forwards, backwards)
        )
        return layer.kernels(first, None if forwards == backwards else second)

    def relevance(self, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        share, (x,), b = self.share, call.inputs, layer.map.bias
        own = call.output if b is None else call.output - b
        sums = [own] * (len(share.parts) - len(self.others))
        if self.others:
            values = [term.values(call)[0] for term in self.others]
            sums.append(layer.forwards(_first(kernels.forwards), *values))
        z = added(*sums, None if b is None else share.bias(b))
        s = divide(taken(share.part, call.output, relevance), z, share.epsilon)
        back = layer.backwards(_first(kernels.backwards, kernels.forwards), x, s)
        backs = jnp.split(back, len(self.changes), layer.axis(x.ndim))
        factors = [self._factor(call, change) for change in self.changes]
        return added(*map(product, factors, backs))

    def _factor(self, call: LayerCall, change: Change) -> Array:
        """The sum of the inputs that meet weights changed so."""
        met = (change,) if whole in self.changes else (change, whole)
        return added(*(t.values(call)[0] for t in self.share.parts if t.weights in met))


@dataclass(frozen=True)
class Uniform(Method):
    """A share whose weights are all 1: flat. Products with one channel do."""

    share: Mapped

    def prepare(self, layer: Layer) -> Kernels:
        return Kernels(None, None)

    def relevance(self, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        (x,), axis = call.inputs, layer.axis(call.inputs[0].ndim)
        kernel = jnp.ones((*layer.map.weights.shape[:-2], 1, 1), x.dtype)
        value = added(*(term.values(call)[0] for term in self.share.parts))
        z = layer.forwards(kernel, jnp.sum(value, axis, keepdims=True))
        relevance = taken(self.share.part, call.output, relevance)
        s = divide(jnp.sum(relevance, axis, keepdims=True), z, self.share.epsilon)
        one = jnp.take(x[:1], jnp.arange(1), axis)
        back = layer.backwards(layer.turned(kernel), one, s)
        return jnp.broadcast_to(product(value, back), x.shape)


def prepare(rule: ShareRule, layer: Layer, facts: Facts) -> tuple[Kernels, ...]:
    """The kernels of a rule's methods."""
    return tuple(method.prepare(layer) for method in methods(rule.shares(layer.op), facts))


def forwards(
    rule: ShareRule, layer: Layer, x: Array, kernels: Sequence[Kernels], facts: Facts
) -> tuple[Array, Any] | None:
    """The layer's output and what a method keeps; `None` where none of them computes it."""
    pairs = zip(methods(rule.shares(layer.op), facts), kernels, strict=True)
    outputs = (method.forwards(layer, x, own) for method, own in pairs)
    return next((output for output in outputs if output is not None), None)


def relevance(rule: ShareRule, layer: Layer, call: LayerCall, relevance: Array) -> Array:
    """The relevance of the layer's only input."""
    chosen = methods(rule.shares(layer.op), call.facts)
    kernels = call.prepared or [method.prepare(layer) for method in chosen]
    pairs = zip(chosen, kernels, strict=True)
    parts = [method.relevance(layer, call, own, relevance) for method, own in pairs]
    return added(*parts) if parts else jnp.zeros_like(call.inputs[0])


def methods(shares: Sequence[Share], facts: Facts) -> list[Method]:
    """Methods that together compute all shares. Shares by sign are computed together."""
    signed = [share for share in shares if isinstance(share, Signed)]
    if facts.rectified:
        signed = [share for share in signed if share.part is not where_negative]
    alike = tuple(share for share in signed if share.static == (1, 1))
    by_sign = tuple(share for share in signed if share.static != (1, 1))
    found: list[Method] = [BySign(by_sign)] if by_sign else []
    found += [Proportional(alike)] if alike else []
    mapped = [share for share in shares if isinstance(share, Mapped)]
    return found + [Uniform(s) if _is_uniform(s) else ByTerms(s) for s in mapped]


def _is_uniform(share: Mapped) -> bool:
    return share.of_bias is None and all(term.weights is ones for term in share.parts)


def _denominator(share: Signed, z: Array, plus: Array | None, minus: Array | None) -> Array:
    """`agreeing·z⁺ + opposing·z⁻`, from what there is of `z`, `z⁺` and `z⁻`."""
    if share.static == (0, 1) or minus is not None:
        return share.mix(plus, minus)
    assert plus is not None
    if share.static == (1, 0):
        return plus
    if share.part is where_negative:
        return share.agreeing * z + (share.opposing - share.agreeing) * negative(z - plus)
    return share.opposing * z + (share.agreeing - share.opposing) * plus


def _side_by_side(values: Sequence[Array], axis: int) -> Array:
    return jnp.concatenate(values, axis) if len(values) > 1 else values[0]


def _first(*kernels: Array | None) -> Array:
    """The first kernel that there is."""
    return next(kernel for kernel in kernels if kernel is not None)
