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

    def kernels(self, forwards: Array | None, backwards: Any) -> Kernels:
        """Pair two kernels, the second turned where it must be; `True` for it means the first."""
        if backwards is True:
            return Kernels(forwards, self.map.turn and self.map.turn(forwards))
        return Kernels(forwards, self.turned(backwards))


@dataclass(frozen=True)
class BySign:
    """Shares by the sign of contributions: LRP-0, LRP-ε, z⁺, αβ, γ."""

    shares: tuple[Signed, ...]

    @property
    def alike(self) -> bool:
        """Whether all contributions count alike, so that nothing need be split."""
        return all(share.static == (1, 1) for share in self.shares)

    @property
    def needed(self) -> tuple[bool, bool]:
        """Whether a product for `z⁺` is needed, and one for `z⁻`."""
        alone = [share.static == (0, 1) for share in self.shares]
        return not self.alike and not all(alone), any(alone)

    def prepare(self, layer: Layer) -> Kernels:
        """The kernels that depend on no image."""
        if self.alike:
            return Kernels(None, layer.map.turn and layer.map.turn(layer.map.weights))
        by_sign = layer.by_sign
        parts = [part for part, needed in zip(by_sign, self.needed, strict=True) if needed]
        mixed = [share.mix(*by_sign) for share in self.shares]
        same = [share.static for share in self.shares] in ([(1, 0)], [(0, 1)], [(1, 0), (0, 1)])
        return layer.kernels(jnp.concatenate(parts, -1), same or jnp.concatenate(mixed, -1))

    def forwards(
        self, layer: Layer, x: Array, kernels: Kernels
    ) -> tuple[Array, list[Array]] | None:
        """The layer's output and what to keep for the way back; `None` to compute it as usual."""
        if not all(self.needed):
            return None
        parts = self._parts(layer, layer.split(x), kernels)
        return added(*parts, layer.map.bias), parts

    def relevance(self, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        """The relevance of the only input."""
        (x,), z, bias = call.inputs, call.output, layer.map.bias
        x = x if self.alike else layer.split(x)
        parts = iter(call.kept or self._parts(layer, x, kernels))
        plus, minus = (
            added(next(parts), None if bias is None else sign(bias)) if needed else None
            for needed, sign in zip(self.needed, (positive, negative), strict=True)
        )
        quotients = [
            divide(taken(s.part, z, relevance), _denominator(s, z, plus, minus), s.epsilon)
            for s in self.shares
        ]
        if self.alike:
            kernel = _first(kernels.backwards, layer.map.weights)
            return product(x, layer.backwards(kernel, x, added(*quotients)))
        kernel = _first(kernels.backwards, kernels.forwards)
        return layer.joined(product(x, layer.backwards(kernel, x, *quotients)))

    def _parts(self, layer: Layer, x: Array, kernels: Kernels) -> list[Array]:
        """The sums of positive and of negative contributions without the bias, those needed."""
        if self.alike:
            return []
        z = layer.forwards(_first(kernels.forwards), x)
        return jnp.split(z, sum(self.needed), layer.axis(x.ndim))


@dataclass(frozen=True)
class ByTerms:
    """A share by changed weights and inputs: plain γ, w², flat, the box rule."""

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

    @property
    def uniform(self) -> bool:
        """Whether all weights are 1, so that products of sums over channels do."""
        return self.share.of_bias is None and self.changes == [ones]

    def prepare(self, layer: Layer) -> Kernels:
        """The kernels that depend on no image."""
        weights = layer.map.weights[..., :1, :1] if self.uniform else layer.map.weights
        forwards, backwards = [term.weights for term in self.others], self.changes
        first, second = (
            jnp.concatenate([change(weights) for change in changes], -2) if changes else None
            for changes in (forwards[:1] if self.uniform else forwards, backwards)
        )
        return layer.kernels(first, self.uniform or forwards == backwards or second)

    def relevance(self, layer: Layer, call: LayerCall, kernels: Kernels, relevance: Array) -> Array:
        """The relevance of the only input."""
        share, (x,), b = self.share, call.inputs, layer.map.bias
        axis = layer.axis(x.ndim)
        own = call.output if b is None else call.output - b
        sums = [own] * (len(share.parts) - len(self.others))
        values = [term.values(call)[0] for term in self.others]
        relevance = taken(share.part, call.output, relevance)
        if self.uniform:
            values = [jnp.sum(added(*values), axis, keepdims=True)]
            relevance = jnp.sum(relevance, axis, keepdims=True)
        if values:
            sums.append(layer.forwards(_first(kernels.forwards), *values))
        z = added(*sums, None if b is None else share.bias(b))
        s = divide(relevance, z, share.epsilon)
        back = layer.backwards(_first(kernels.backwards, kernels.forwards), x, s)
        backs = jnp.split(back, len(self.changes), axis)
        factors = [self._factor(call, change) for change in self.changes]
        return added(*map(product, factors, backs))

    def _factor(self, call: LayerCall, change: Change) -> Array:
        """The sum of the inputs that meet weights changed so."""
        met = (change,) if whole in self.changes else (change, whole)
        return added(*(t.values(call)[0] for t in self.share.parts if t.weights in met))


def prepare(rule: ShareRule, layer: Layer, facts: Facts) -> list[Kernels]:
    """The kernels of a rule's methods."""
    return [method.prepare(layer) for method in methods(rule.shares(layer.op), facts)]


def forwards(
    rule: ShareRule, layer: Layer, x: Array, kernels: Sequence[Kernels], facts: Facts
) -> tuple[Array, list[Array]] | None:
    """The layer's output and what to keep for the way back; `None` to compute it as usual."""
    for method, own in zip(methods(rule.shares(layer.op), facts), kernels, strict=True):
        if isinstance(method, BySign):
            return method.forwards(layer, x, own)
    return None


def relevance(rule: ShareRule, layer: Layer, call: LayerCall, relevance: Array) -> Array:
    """The relevance of the layer's only input."""
    chosen = methods(rule.shares(layer.op), call.facts)
    kernels = call.prepared or [method.prepare(layer) for method in chosen]
    pairs = zip(chosen, kernels, strict=True)
    parts = [method.relevance(layer, call, own, relevance) for method, own in pairs]
    return added(*parts) if parts else jnp.zeros_like(call.inputs[0])


def methods(shares: Sequence[Share], facts: Facts) -> list[BySign | ByTerms]:
    """Methods that together compute all shares. Shares by sign are computed together."""
    signed = tuple(
        share
        for share in shares
        if isinstance(share, Signed) and not (facts.rectified and share.part is where_negative)
    )
    mapped = [ByTerms(share) for share in shares if isinstance(share, Mapped)]
    return [BySign(signed), *mapped] if signed else list(mapped)


def _denominator(share: Signed, z: Array, plus: Array | None, minus: Array | None) -> Array:
    """`agreeing·z⁺ + opposing·z⁻`, from what there is of `z`, `z⁺` and `z⁻`."""
    if share.static == (1, 1):
        return z
    if minus is not None or share.static == (1, 0):
        return share.mix(plus, minus)
    assert plus is not None
    if share.part is where_negative:
        return share.agreeing * z + (share.opposing - share.agreeing) * negative(z - plus)
    return share.opposing * z + (share.agreeing - share.opposing) * plus


def _side_by_side(values: Sequence[Array], axis: int) -> Array:
    return jnp.concatenate(values, axis) if len(values) > 1 else values[0]


def _first(*kernels: Array | None) -> Array:
    """The first kernel that there is."""
    return next(kernel for kernel in kernels if kernel is not None)
