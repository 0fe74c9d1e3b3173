"""Normalisation by an input's own deviation, in two steps: the divisor, and the affine rest."""

from functools import singledispatch

import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.base import Params, along_axes, apply, length


@singledispatch
def mean(op: ir.Normalization, x: Array) -> Array:
    """The mean of each image over an op's axes or groups, in a shape that broadcasts against `x`.

    Register a function for a new normalisation with `@mean.register`.
    """
    raise NotImplementedError(f"{type(op).__name__} has no mean: register one with @mean.register.")


@mean.register
def _(op: ir.LayerNorm, x: Array) -> Array:
    return jnp.mean(x, op.axes, keepdims=True)


@mean.register
def _(op: ir.GroupNorm, x: Array) -> Array:
    axis = op.axis % x.ndim
    channels = x.shape[axis]
    groups = channels if op.groups == -1 else op.groups
    grouped = x.reshape(*x.shape[:axis], groups, channels // groups, *x.shape[axis + 1 :])
    others = [a for a in range(1, grouped.ndim) if a != axis]
    means = jnp.mean(grouped, others, keepdims=True)
    return jnp.repeat(jnp.squeeze(means, axis + 1), channels // groups, axis)


@singledispatch
def deviation(op: ir.Normalization, x: Array) -> Array:
    """What an op divides by, in a shape that broadcasts against `x`: `√(mean(x²) + ε)`, centred."""
    return jnp.sqrt(mean(op, jnp.square(_centred(op, x))) + getattr(op, "epsilon", 0.0))


@deviation.register
def _(op: ir.UnitNorm, x: Array) -> Array:
    return length(x, op.axes, op.epsilon)


def normalized(op: ir.Normalization, params: Params, deviation: Array, x: Array) -> Array:
    """An op with the number that it divides by given: affine in `x`."""
    y = _centred(op, x) / deviation
    gamma, beta = (shaped(op, params, role, x.ndim) for role in ("gamma", "beta"))
    y = y if gamma is None else gamma * y
    return y if beta is None else y + beta


def shaped(op: ir.Normalization, params: Params, role: str, rank: int) -> Array | None:
    """A weight in a shape that broadcasts against the input; `None` if the layer lacks it."""
    return along_axes(params[role], op.weight_axes, rank) if role in params else None


def _centred(op: ir.Normalization, x: Array) -> Array:
    return x - mean(op, x) if op.centres else x


@apply.register
def _(op: ir.Normalization, params: Params, x: Array) -> Array:
    return normalized(op, params, deviation(op, x), x)
