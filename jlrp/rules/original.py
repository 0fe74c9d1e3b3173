"""The rules of the 2019 algorithm: uniform pooling, shares by absolute value, half and half."""

import math
from collections.abc import Sequence

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.pooling import window_sum
from jlrp.rules.base import LayerCall, Relevances, Rule, summed_to, unmask
from jlrp.rules.shares import Share, ShareRule, Signed


@flax.struct.dataclass
class UniformPooling(Rule):
    """Uniform pooling: `R / window size` to every cell of the window; windows that overlap add up.

    For max and average pooling, over windows or whole images. The window's size counts cells of
    padding too, and their share is lost; otherwise the rule conserves relevance.

    Example:
        >>> import jlrp
        >>> jlrp.UniformPooling().fits(ir.MaxPool())
        True

    References:
        Crawford 2019 (docs/rules.md).
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
        return op.pools


@flax.struct.dataclass
class AbsSplit(Rule):
    """Sums: `R_i = R·|x_i| / Σ|x|`, without ε; equal shares where all inputs are 0.

    For `Add`, and by the same sizes for `Subtract` and `Average`. An input that was broadcast gets
    the sum over what it was broadcast to. The rule conserves relevance.

    Example:
        >>> import jlrp
        >>> jlrp.AbsSplit().fits(ir.Add())
        True

    References:
        Crawford 2019 (docs/rules.md), which left 0/0 undefined.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        sizes = [jnp.abs(unmask(x)) for x in call.inputs]
        total = sum(sizes)
        empty = total == 0
        total = jnp.where(empty, 1, total)
        shares = (relevance * jnp.where(empty, 1 / len(sizes), size / total) for size in sizes)
        return tuple(summed_to(share, x) for share, x in zip(shares, call.inputs, strict=True))

    def fits(self, op: ir.Op) -> bool:
        return op.sums and op.elementwise


@flax.struct.dataclass
class HalfHalf(ShareRule):
    """Half of the positive share minus half of the negative share; the opposite for convolutions.

    `R_i = ±Σ_j R_j·½·( z⁺_ij / (Σ_i z⁺_ij + b⁺_j) − z⁻_ij / (Σ_i z⁻_ij + b⁻_j) )`, `z_ij =
    x_i·w_ij`; + for dense layers, − for convolutions. There is no ε, and a share that is not finite
    is 0. This is an αβ rule with α = β = ½; by design it does not conserve relevance.

    Example:
        >>> import jlrp
        >>> jlrp.HalfHalf().fits(ir.Conv())
        True

    References:
        Crawford 2019 (docs/rules.md).
    """

    def shares(self, op: ir.Op) -> Sequence[Share]:
        half = -0.5 if isinstance(op, ir.Convolution) else 0.5
        return Signed(1, 0, part=half), Signed(0, 1, part=-half)

    def fits(self, op: ir.Op) -> bool:
        return op.has_kernel
