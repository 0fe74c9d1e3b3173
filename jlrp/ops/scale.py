"""Element-wise affine ops with constants."""

import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.base import Affine, Params, affine, along_axes, along_axis


@affine.register
def _(op: ir.Rescale, params: Params, x: Array) -> Affine:
    offset = jnp.asarray(op.offset, x.dtype) if op.offset else None
    return Affine(jnp.asarray(op.scale, x.dtype), offset, jnp.multiply)


@affine.register
def _(op: ir.Scale, params: Params, x: Array) -> Affine:
    scale, offset = (
        along_axis(params[role], op.axis, x.ndim) if role in params else None for role in _ROLES
    )
    return Affine(jnp.ones((), x.dtype) if scale is None else scale, offset, jnp.multiply)


@affine.register
def _(op: ir.Standardize, params: Params, x: Array) -> Affine:
    mean, variance = (along_axes(params[role], op.axes, x.ndim) for role in ("mean", "variance"))
    scale = 1 / jnp.maximum(jnp.sqrt(variance), op.epsilon)
    return Affine(scale, -mean * scale, jnp.multiply)


@affine.register
def _(op: ir.Gain, params: Params, x: Array) -> Affine:
    return Affine(params["scale"], None, jnp.multiply)


@affine.register
def _(op: ir.Offset, params: Params, x: Array) -> Affine:
    return Affine(jnp.ones((), x.dtype), params["offset"], jnp.multiply)


_ROLES = ("scale", "offset")
