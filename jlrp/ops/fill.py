"""Ops that put constants between or in place of values, and that copy or pick values."""

import jax.numpy as jnp
from jax import Array, lax

import ir
from jlrp.ops.base import Params, apply, precision


@apply.register
def _(op: ir.Mask, params: Params, x: Array) -> Array:
    return jnp.where(params["mask"] != 0, x, jnp.asarray(op.fill, x.dtype))


@apply.register
def _(op: ir.Insert, params: Params, x: Array) -> Array:
    axis = op.axis % x.ndim

    def copies(role: str) -> list[Array]:
        if role not in params:
            return []
        constant = params[role]
        shape = (*x.shape[:axis], constant.shape[axis - 1], *x.shape[axis + 1 :])
        return [jnp.broadcast_to(constant, shape)]

    return jnp.concatenate([*copies("before"), x, *copies("behind")], axis)


@apply.register
def _(op: ir.Broadcast, params: Params, x: Array) -> Array:
    return jnp.broadcast_to(x, (x.shape[0], *op.shape))


@apply.register
def _(op: ir.Take, params: Params, x: Array) -> Array:
    return jnp.take(x, jnp.asarray(op.indices), axis=op.axis, mode="clip")


@apply.register
def _(op: ir.Dilate, params: Params, x: Array) -> Array:
    between = [(0, 0, 0), *((0, 0, step - 1) for step in op.steps)]
    return lax.pad(x, jnp.zeros((), x.dtype), between)


@apply.register
def _(op: ir.Resample, params: Params, x: Array) -> Array:
    made = jnp.tensordot(x, params["matrix"], (op.axis, 0), precision=precision())
    return jnp.moveaxis(made, -1, op.axis)


@apply.register
def _(op: ir.Embed, params: Params, x: Array) -> Array:
    return jnp.take(params["table"], x.astype(int), axis=0, mode="clip")
