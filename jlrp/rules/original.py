"""The rules of the 2019 algorithm: uniform pooling, shares by absolute value, and half positive minus half negative."""

import math

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.pooling import window_sum
from jlrp.rules.alphabeta import Split, SplitRule
from jlrp.rules.base import LayerCall, Quotient, Relevances, Rule, summed, summed_to


@flax.struct.dataclass
class UniformPooling(Rule):
    """Uniform pooling: `R / window size` to every cell of the window, whoever won; where windows overlap, they add up.

    For max and average pooling, over windows or whole images. The window's size counts cells of padding too, and
    their share is lost; otherwise relevance is conserved. Source: Crawford 2019 (README, "The original algorithm").

    >>> import jlrp
    >>> jlrp.UniformPooling().fits(ir.MaxPool())
    True
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (x,), op = call.inputs, call.op
        if isinstance(op, ir.Pool):
            share = relevance / math.prod(op.pool_size)
            return jax.linear_transpose(lambda x: window_sum(op, x), x)(share)
        assert isinstance(op, ir.GlobalPool)
        axes = op.reduced(x.ndim)
        share = relevance / math.prod(x.shape[a] for a in axes)
        share = share if op.keepdims else jnp.expand_dims(share, axes)
        return (jnp.broadcast_to(share, x.shape),)

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.Pool | ir.GlobalPool)


@flax.struct.dataclass
class AbsSplit(Rule):
    """Sums: `R_i = R·|x_i| / Σ|x|`, equal shares where all inputs are 0; no ε. Conserves relevance.

    For `Add`, and by the same sizes for `Subtract` and `Average`. An input that was broadcast gets the sum over what it
    was broadcast to.
    Source: Crawford 2019 (README, "The original algorithm"), which left 0/0 undefined.

    >>> import jlrp
    >>> jlrp.AbsSplit().fits(ir.Add())
    True
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        sizes = [jnp.abs(x) for x in call.inputs]
        total = sum(sizes)
        empty = total == 0
        total = jnp.where(empty, 1, total)
        shares = (relevance * jnp.where(empty, 1 / len(sizes), size / total) for size in sizes)
        return tuple(summed_to(share, x) for share, x in zip(shares, call.inputs, strict=True))

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.Add | ir.Average | ir.Subtract)


@flax.struct.dataclass
class HalfHalf(SplitRule):
    """Half of the positive share minus half of the negative share; for convolutions with the opposite sign.

    `R_i = ±Σ_j R_j·½·( z⁺_ij / (Σ_i z⁺_ij + b⁺_j) − z⁻_ij / (Σ_i z⁻_ij + b⁻_j) )`, `z_ij = x_i·w_ij`; + for dense
    layers, − for convolutions; no ε, and a share that is not finite is 0. An αβ rule with α = β = ½: by design it
    does not conserve relevance. Source: Crawford 2019 (README, "The original algorithm").

    >>> import jlrp
    >>> jlrp.HalfHalf().fits(ir.Conv())
    True
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        split, (above, below) = Split(call), self.quotients(call, relevance)
        return summed(split.to_positive(above), split.to_negative(below))

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        half = -0.5 * relevance if isinstance(call.op, ir.Convolution) else 0.5 * relevance
        return Split(call).positive(half, 0.0), Split(call).negative(-half, 0.0)

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.Convolution | ir.Dense)
