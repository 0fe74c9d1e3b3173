"""Rules for the first layer, where inputs are pixels: flat, w² and the box rule."""

import math
from numbers import Real
from typing import Any

import flax.struct
import jax.numpy as jnp
from jax import Array

import ir
from ir.ops.base import channel_axis
from jlrp.ops import is_affine
from jlrp.ops.base import along_axis
from jlrp.rules.alphabeta import SplitRule, split_weights
from jlrp.rules.base import LayerCall, Quotient, Relevances, Rule, added, mapped, require_numbers, summed, times


@flax.struct.dataclass
class Flat(Rule):
    """LRP-flat: `W := 1`, `x := 1`, `b := 0`, so `R_in = 1ᵀ( R / stab(1·1) )`.

    Zero padding is honoured: an output at the border has fewer contributors, and no relevance goes into the padding.
    For every affine op; conserves relevance up to ε. Source: Lapuschkin et al., Nature Communications 10, 2019.

    >>> import jlrp
    >>> jlrp.Flat()
    Flat(epsilon=1e-06)
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (quotient,) = self.quotients(call, relevance)
        return call.affine.transpose(mapped(jnp.ones_like, call.affine.weights), call.inputs, quotient.s)

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        contributors = call.affine.linear(mapped(jnp.ones_like, call.affine.weights), *_one_image_of_ones(call))
        return (Quotient(relevance, contributors, None, self.epsilon),)

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)


@flax.struct.dataclass
class WSquare(Rule):
    """LRP-w²: LRP-ε with `x := 1` and `W := W²`, so `R_in = W²ᵀ( R / stab(W²·1) )`.

    bias: `"dropped"` (the paper and most tools) or `"squared"` (zennit: `b²` in the denominator).
    For every affine op; with the bias dropped it conserves relevance up to ε.
    Source: Montavon et al., Pattern Recognition 65, 2017.

    >>> import jlrp
    >>> jlrp.WSquare(bias="squared")
    WSquare(epsilon=1e-06, bias='squared')
    >>> jlrp.WSquare(bias="kept")
    Traceback (most recent call last):
    ValueError: WSquare takes bias='dropped' or bias='squared', but was given bias='kept'.
    """

    epsilon: float = 1e-6
    bias: str = flax.struct.field(pytree_node=False, default="dropped")

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")
        if self.bias not in ("dropped", "squared"):
            raise ValueError(f"WSquare takes bias='dropped' or bias='squared', but was given bias={self.bias!r}.")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (quotient,) = self.quotients(call, relevance)
        return call.affine.transpose(mapped(jnp.square, call.affine.weights), call.inputs, quotient.s)

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        layer = call.affine
        bias = None if self.bias == "dropped" or layer.bias is None else jnp.square(layer.bias)
        z = added(layer.linear(mapped(jnp.square, layer.weights), *_one_image_of_ones(call)), bias)
        return (Quotient(relevance, z, bias, self.epsilon),)

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)


@flax.struct.dataclass
class ZBox(SplitRule):
    """The box rule z^B, for inputs between known bounds `l ≤ x ≤ h`.

    `s = R / stab(W·x − W⁺·l − W⁻·h)`; `R_in = x·Wᵀs − l·W⁺ᵀs − h·W⁻ᵀs`. Cells of padding are 0, not `l` or `h`.

    low, high: scalars, per channel (C,), or of an input's full size without the batch, such as (H, W, C).
    of: whose bounds these are: of the `"layer"`'s own input, or of the `"image"` that the model is given. The latter
        are carried forward through what lies between (scales, padding, …): at each step the least and the greatest
        of what the two bounds become.

    For every affine op; conserves relevance up to ε. Source: Montavon et al., Pattern Recognition 65, 2017.
    Raises `ValueError` where bounds cannot be carried: an op between that is not monotone in each value.

    >>> import jlrp
    >>> jlrp.ZBox(low=0.0, high=1.0)
    ZBox(low=0.0, high=1.0, epsilon=1e-06, of='layer')
    >>> jlrp.ZBox(low=0.0, high=1.0, of="pixel")
    Traceback (most recent call last):
    ValueError: ZBox takes bounds of='layer' or of='image', but was given of='pixel'.
    """

    low: Any
    high: Any
    epsilon: float = 1e-6
    of: str = flax.struct.field(pytree_node=False, default="layer")

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")
        if self.of not in ("layer", "image"):
            raise ValueError(f"ZBox takes bounds of='layer' or of='image', but was given of={self.of!r}.")
        numbers = isinstance(self.low, Real) and isinstance(self.high, Real)
        if numbers and not -math.inf < self.low <= self.high < math.inf:
            raise ValueError(f"ZBox takes finite bounds, the lower first, but was given {self.low} and {self.high}.")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (quotient,) = self.quotients(call, relevance)
        parts = zip(self._weights(call), (call.inputs, *self._taken_off(call)), strict=True)
        return summed(*(times(values, call.affine.transpose(w, call.inputs, quotient.s)) for w, values in parts))

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        parts = zip(self._weights(call), (call.inputs, *self._taken_off(call)), strict=True)
        z = added(*(call.affine.linear(w, *values) for w, values in parts))
        return (Quotient(relevance, z, None, self.epsilon),)

    def _weights(self, call: LayerCall) -> tuple[Any, Any, Any]:
        return call.affine.weights, *(call.prepared or split_weights(call.affine.weights))

    def _taken_off(self, call: LayerCall) -> tuple[Relevances, ...]:
        """`−l` and `−h`."""
        return tuple(tuple(-bound for bound in bounds) for bounds in self.bounds(call))

    def bounds(self, call: LayerCall) -> tuple[Relevances, Relevances]:
        """`l` and `h`, one image of each input's shape."""
        carried = call.carried(self.low, self.high) if self.of == "image" and call.carried is not None else None
        pairs = carried or (None,) * len(call.inputs)
        own = [self._own(call.op, x) if pair is None else pair for pair, x in zip(pairs, call.inputs, strict=True)]
        return tuple(low for low, _ in own), tuple(high for _, high in own)

    def _own(self, op: ir.Op, x: Array) -> tuple[Array, Array]:
        """The bounds as they are given, as images of the shape of `x`."""
        axis = channel_axis(getattr(op, "data_format", "channels_last"), x.ndim)
        axis = op.axis if isinstance(op, ir.BatchNorm) else axis
        return one_image(self.low, axis, x), one_image(self.high, axis, x)


def _one_image_of_ones(call: LayerCall) -> tuple[Array, ...]:
    """Inputs of ones for one image: what they lead to is alike for all."""
    return tuple(jnp.ones_like(x[:1]) for x in call.inputs)


def one_image(bound: Any, channel: int, x: Array) -> Array:
    """A bound as one image of the shape of `x`, whose channels lie along one axis."""
    value = jnp.asarray(bound, x.dtype)
    if value.ndim == 1:
        value = along_axis(value, channel, x.ndim)
    try:
        return jnp.broadcast_to(value, (1, *x.shape[1:]))
    except ValueError:
        raise ValueError(
            f"ZBox takes bounds that are scalars, one per channel, or of the input's shape {x.shape[1:]}, "
            f"but was given one of shape {jnp.shape(bound)}."
        ) from None
