"""Rules for the first layer, where inputs are pixels: flat, w² and the box rule."""

import math
from collections.abc import Sequence
from functools import partial
from numbers import Real
from typing import Any

import flax.struct
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.base import along_axis
from jlrp.rules.base import LayerCall, Relevances, negative, positive, require_numbers
from jlrp.rules.shares import Mapped, Share, ShareRule, Term, inputs, whole


def ones(w: Array) -> Array:
    """Weights of 1."""
    return jnp.ones_like(w)


def inputs_of_ones(call: LayerCall) -> tuple[Array, ...]:
    """Inputs of 1, for one image: what they lead to is alike for all."""
    return tuple(jnp.ones_like(x[:1]) for x in call.inputs)


@flax.struct.dataclass
class Flat(ShareRule):
    """LRP-flat: `W := 1`, `x := 1`, `b := 0`, so `R_in = 1ᵀ( R / stab(1·1) )`.

    Zero padding is honoured: an output at the border has fewer contributors, and no relevance goes
    into the padding. For every affine op; the rule conserves relevance up to ε.

    Attributes:
        epsilon: The stabiliser's ε, a finite number of at least 0.

    Raises:
        ValueError: `epsilon` is negative or not finite.

    Example:
        >>> import jlrp
        >>> jlrp.Flat()
        Flat(epsilon=1e-06)

    References:
        Lapuschkin et al., Nature Communications 10, 2019.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")

    def shares(self, op: ir.Op) -> Sequence[Share]:
        return (Mapped((Term(ones, inputs_of_ones),), self.epsilon),)


@flax.struct.dataclass
class WSquare(ShareRule):
    """LRP-w²: LRP-ε with `x := 1` and `W := W²`, so `R_in = W²ᵀ( R / stab(W²·1) )`.

    For every affine op. With the bias dropped, the rule conserves relevance up to ε.

    Attributes:
        epsilon: The stabiliser's ε, a finite number of at least 0.
        bias: `"dropped"` (the paper and most tools) or `"squared"` (zennit: `b²` in the
            denominator).

    Raises:
        ValueError: `epsilon` is negative or not finite, or `bias` is another word.

    Example:
        >>> import jlrp
        >>> jlrp.WSquare(bias="squared")
        WSquare(epsilon=1e-06, bias='squared')
        >>> jlrp.WSquare(bias="kept")
        Traceback (most recent call last):
        ValueError: WSquare takes bias='dropped' or bias='squared', but was given bias='kept'.

    References:
        Montavon et al., Pattern Recognition 65, 2017.
    """

    epsilon: float = 1e-6
    bias: str = flax.struct.field(pytree_node=False, default="dropped")

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")
        if self.bias not in ("dropped", "squared"):
            raise ValueError(
                f"WSquare takes bias='dropped' or bias='squared', but was given bias={self.bias!r}."
            )

    def shares(self, op: ir.Op) -> Sequence[Share]:
        of_bias = None if self.bias == "dropped" else jnp.square
        return (Mapped((Term(jnp.square, inputs_of_ones),), self.epsilon, of_bias),)


@flax.struct.dataclass
class ZBox(ShareRule):
    """The box rule z^B, for inputs between known bounds `l ≤ x ≤ h`.

    `s = R / stab(W·x − W⁺·l − W⁻·h)`; `R_in = x·Wᵀs − l·W⁺ᵀs − h·W⁻ᵀs`. Cells of padding are 0, not
    `l` or `h`. For every affine op; the rule conserves relevance up to ε.

    Attributes:
        low: The lower bound: a scalar, one number per channel (C,), or an array of the input's full
            size without the batch, for example (H, W, C).
        high: The upper bound, likewise.
        epsilon: The stabiliser's ε, a finite number of at least 0.
        of: Whose bounds these are: those of the `"layer"`'s own input, or those of the `"image"`
            that the model is given. The latter are computed forward through the layers between
            (scales, padding, …): at each step the least and the greatest value that the bounds
            lead to.

    Raises:
        ValueError: A number is not allowed; or an op between image and layer is not monotone in
            each value, so that bounds cannot be computed through it.

    Example:
        >>> import jlrp
        >>> jlrp.ZBox(low=0.0, high=1.0)
        ZBox(low=0.0, high=1.0, epsilon=1e-06, of='layer')
        >>> jlrp.ZBox(low=0.0, high=1.0, of="pixel")
        Traceback (most recent call last):
        ValueError: ZBox takes bounds of='layer' or of='image', but was given of='pixel'.

    References:
        Montavon et al., Pattern Recognition 65, 2017.
    """

    low: Any
    high: Any
    epsilon: float = 1e-6
    of: str = flax.struct.field(pytree_node=False, default="layer")

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")
        if self.of not in ("layer", "image"):
            raise ValueError(
                f"ZBox takes bounds of='layer' or of='image', but was given of={self.of!r}."
            )
        numbers = isinstance(self.low, Real) and isinstance(self.high, Real)
        if numbers and not -math.inf < self.low <= self.high < math.inf:
            raise ValueError(
                "ZBox takes finite bounds, the lower first, "
                f"but was given {self.low} and {self.high}."
            )

    def shares(self, op: ir.Op) -> Sequence[Share]:
        lows, highs = (
            Term(positive, partial(self._minus, 0)),
            Term(negative, partial(self._minus, 1)),
        )
        return (Mapped((Term(whole, inputs), lows, highs), self.epsilon),)

    def _minus(self, which: int, call: LayerCall) -> Relevances:
        """`−l` or `−h`."""
        return tuple(-bound for bound in self.bounds(call)[which])

    def bounds(self, call: LayerCall) -> tuple[Relevances, Relevances]:
        """`l` and `h`, one image of each input's shape."""
        propagated = (
            call.propagate_bounds(self.low, self.high)
            if self.of == "image" and call.propagate_bounds is not None
            else None
        )
        pairs = propagated or (None,) * len(call.inputs)
        own = [
            self._own(call.op, x) if pair is None else pair
            for pair, x in zip(pairs, call.inputs, strict=True)
        ]
        return tuple(low for low, _ in own), tuple(high for _, high in own)

    def _own(self, op: ir.Op, x: Array) -> tuple[Array, Array]:
        """The bounds as they are given, as images of the shape of `x`."""
        axis = -1 if op.channel_axis is None else op.channel_axis
        return one_image(self.low, axis, x), one_image(self.high, axis, x)


def one_image(bound: Any, channel: int, x: Array) -> Array:
    """A bound as one image of the shape of `x`, whose channels lie along one axis."""
    value = jnp.asarray(bound, x.dtype)
    if value.ndim == 1:
        value = along_axis(value, channel, x.ndim)
    try:
        return jnp.broadcast_to(value, (1, *x.shape[1:]))
    except ValueError:
        raise ValueError(
            "ZBox takes bounds that are scalars, one per channel, or of the input's shape "
            f"{x.shape[1:]}, but was given one of shape {jnp.shape(bound)}."
        ) from None
