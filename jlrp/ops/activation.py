"""Activations."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.base import Params, apply

_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "softplus": jax.nn.softplus,
    "softsign": jax.nn.soft_sign,
    "silu": jax.nn.silu,
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_tanh": partial(jax.nn.gelu, approximate=True),
    "selu": jax.nn.selu,
    "exponential": jnp.exp,
    "hard_silu": jax.nn.hard_silu,
    "mish": jax.nn.mish,
    "log_sigmoid": jax.nn.log_sigmoid,
    "squareplus": jax.nn.squareplus,
    "tanh_shrink": lambda x: x - jnp.tanh(x),
    "abs": jnp.abs,
    "square": jnp.square,
    "sparse_plus": jax.nn.sparse_plus,
}


@apply.register
def _(op: ir.Activation, params: Params, x: Array) -> Array:
    return _FUNCTIONS[op.function](x)


@apply.register
def _(op: ir.Relu, params: Params, x: Array) -> Array:
    top = x if op.max_value is None else jnp.minimum(x, op.max_value)
    bottom = op.negative_slope * (x - op.threshold) if op.negative_slope else jnp.zeros_like(x)
    active = x > 0 if op.threshold == 0 else x >= op.threshold  # at 0 the derivative is 0, as frameworks have it
    return jnp.where(active, top, bottom)


@apply.register
def _(op: ir.Elu, params: Params, x: Array) -> Array:
    return jax.nn.elu(x, op.alpha)


@apply.register
def _(op: ir.Celu, params: Params, x: Array) -> Array:
    return jax.nn.celu(x, op.alpha)


@apply.register
def _(op: ir.Clip, params: Params, x: Array) -> Array:
    return jnp.clip(x, op.low, op.high)


@apply.register
def _(op: ir.HardShrink, params: Params, x: Array) -> Array:
    return jnp.where(jnp.abs(x) > op.threshold, x, 0)


@apply.register
def _(op: ir.SoftShrink, params: Params, x: Array) -> Array:
    below = jnp.where(x < -op.threshold, x + op.threshold, 0)
    return jnp.where(x > op.threshold, x - op.threshold, below)


@apply.register
def _(op: ir.HardSigmoid, params: Params, x: Array) -> Array:
    return jnp.clip(op.slope * x + 0.5, 0, 1)


@apply.register
def _(op: ir.Softmax, params: Params, x: Array) -> Array:
    return jax.nn.softmax(x, axis=op.axis)


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


@apply.register
def _(op: ir.Threshold, params: Params, x: Array) -> Array:
    return jnp.where(x > op.threshold, x, jnp.asarray(op.otherwise, x.dtype))


@apply.register
def _(op: ir.LogSoftmax, params: Params, x: Array) -> Array:
    return jax.nn.log_softmax(x, axis=op.axis)


@apply.register
def _(op: ir.PRelu, params: Params, x: Array) -> Array:
    return jnp.where(x > 0, x, params["alpha"] * x)
