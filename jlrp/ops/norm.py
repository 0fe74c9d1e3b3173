"""Normalisation by an input's own mean and deviation, in two steps: what it divides by, and the affine rest."""

import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.base import Params, along_axes, apply, length

Normalization = ir.LayerNorm | ir.GroupNorm | ir.UnitNorm
"""The ops that are computed here."""


@apply.register
def _(op: Normalization, params: Params, x: Array) -> Array:
    return normalized(op, params, deviation(op, x), x)


def deviation(op: Normalization, x: Array) -> Array:
    """What the op divides by, of a shape that broadcasts against `x`."""
    if isinstance(op, ir.UnitNorm):
        return length(x, op.axes, op.epsilon)
    return jnp.sqrt(_mean(op, jnp.square(_centred(op, x))) + op.epsilon)


def normalized(op: Normalization, params: Params, deviation: Array, x: Array) -> Array:
    """The op with what it divides by given: affine in `x`."""
    y = _centred(op, x) / deviation
    gamma, beta = (shaped(op, params, role, x.ndim) for role in ("gamma", "beta"))
    y = y if gamma is None else gamma * y
    return y if beta is None else y + beta


def shaped(op: Normalization, params: Params, role: str, rank: int) -> Array | None:
    """A weight so shaped that it broadcasts against the input; `None` where the layer does not have it."""
    if role not in params:
        return None
    axes = (op.axis,) if isinstance(op, ir.GroupNorm) else op.axes
    return along_axes(params[role], axes, rank)


def _centred(op: Normalization, x: Array) -> Array:
    if isinstance(op, ir.UnitNorm) or (isinstance(op, ir.LayerNorm) and op.rms):
        return x
    return x - _mean(op, x)


def _mean(op: ir.LayerNorm | ir.GroupNorm, x: Array) -> Array:
    """The mean of each image over the op's axes, or over each of its groups, of a shape that broadcasts against `x`."""
    if isinstance(op, ir.LayerNorm):
        return jnp.mean(x, op.axes, keepdims=True)
    axis = op.axis % x.ndim
    channels = x.shape[axis]
    groups = channels if op.groups == -1 else op.groups
    grouped = x.reshape(*x.shape[:axis], groups, channels // groups, *x.shape[axis + 1 :])
    means = jnp.mean(grouped, [a for a in range(1, grouped.ndim) if a != axis], keepdims=True)
    return jnp.repeat(jnp.squeeze(means, axis + 1), channels // groups, axis)
