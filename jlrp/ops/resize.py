"""Images made larger or smaller by interpolation."""

import jax
import jax.numpy as jnp
from jax import Array

import ir
from ir.ops.base import spatial_axes
from jlrp.ops.base import Params, apply


@apply.register
def _(op: ir.Upsample, params: Params, x: Array) -> Array:
    if op.interpolation != "nearest":
        return _resized(op, x, antialias=False)
    for axis, factor in zip(spatial_axes(op.data_format, x.ndim), op.factors, strict=True):
        x = jnp.repeat(x, factor, axis)
    return x


@apply.register
def _(op: ir.Resize, params: Params, x: Array) -> Array:
    return _resized(op, x, op.antialias)


def _resized(op: ir.Upsample | ir.Resize, x: Array, antialias: bool) -> Array:
    return jax.image.resize(x, op.output_shape({}, x.shape), op.interpolation, antialias)
