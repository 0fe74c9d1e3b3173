"""Ops that move, copy, add or drop cells."""

import math

import jax.numpy as jnp
from jax import Array

import ir
from ir.ops.base import spatial_axes
from ir.ops.window import Pairs
from jlrp.ops.base import Params, apply


@apply.register
def _(op: ir.Flatten, params: Params, x: Array) -> Array:
    if op.data_format == "channels_first" and x.ndim > op.start + 1:
        x = jnp.moveaxis(x, op.start, -1)
    return x.reshape(*x.shape[: op.start], math.prod(x.shape[op.start :]))


@apply.register
def _(op: ir.Reshape, params: Params, x: Array) -> Array:
    return x.reshape(x.shape[0], *op.shape)


@apply.register
def _(op: ir.Permute, params: Params, x: Array) -> Array:
    return jnp.transpose(x, (0, *op.axes))


@apply.register
def _(op: ir.ZeroPad, params: Params, x: Array) -> Array:
    return jnp.pad(x, _pairs(op.data_format, op.padding, x))


@apply.register
def _(op: ir.Crop, params: Params, x: Array) -> Array:
    ends = zip(_pairs(op.data_format, op.cropping, x), x.shape, strict=True)
    return x[tuple(slice(low, length - high) for (low, high), length in ends)]


@apply.register
def _(op: ir.Slice, params: Params, x: Array) -> Array:
    parts = (entry if isinstance(entry, int) else slice(*entry) for entry in op.index)
    return x[(slice(None), *parts)]


@apply.register
def _(op: ir.Repeat, params: Params, x: Array) -> Array:
    return jnp.broadcast_to(x[:, None, :], (x.shape[0], op.count, x.shape[1]))


@apply.register
def _(op: ir.Concatenate, params: Params, *inputs: Array) -> Array:
    return jnp.concatenate(inputs, axis=op.axis)


def _pairs(data_format: str, pairs: Pairs, x: Array) -> Pairs:
    """The (low, high) pair of every axis of `x`."""
    own = dict(zip(spatial_axes(data_format, x.ndim), pairs, strict=True))
    return tuple(own.get(axis, (0, 0)) for axis in range(x.ndim))
