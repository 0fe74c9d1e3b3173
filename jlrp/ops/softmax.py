"""Softmax and its like."""

import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.base import Params, apply


@apply.register
def _(op: ir.Softmax, params: Params, x: Array) -> Array:
    return jax.nn.softmax(x, axis=op.axis)


@apply.register
def _(op: ir.LogSoftmax, params: Params, x: Array) -> Array:
    return jax.nn.log_softmax(x, axis=op.axis)


@apply.register
def _(op: ir.Sparsemax, params: Params, x: Array) -> Array:
    values = jnp.moveaxis(x, op.axis, -1)
    falling = -jnp.sort(-values, axis=-1)
    sums = jnp.cumsum(falling, axis=-1)
    ranks = jnp.arange(1, values.shape[-1] + 1, dtype=x.dtype)
    supports = falling - (sums - 1) / ranks > 0
    count = jnp.sum(supports, axis=-1, keepdims=True)
    if op.keras:
        total = jnp.sum(jnp.where(supports, sums, 0), axis=-1, keepdims=True)
    else:
        total = jnp.take_along_axis(sums, count - 1, axis=-1)
    tau = (total - 1) / count.astype(x.dtype)
    return jnp.moveaxis(jnp.maximum(values - tau, 0), -1, op.axis)
