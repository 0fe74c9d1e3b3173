"""Pooling; means are affine maps whose weights are one over the number of cells."""

import math

import jax.numpy as jnp
from jax import Array, lax

import ir
from ir.ops.base import spatial_axes
from ir.ops.window import window_padding
from jlrp.ops.base import Affine, Params, affine, apply


@affine.register
def _(op: ir.AvgPool, params: Params, x: Array) -> Affine:
    cells = window_sum(
        op, jnp.ones((1, *x.shape[1:]), x.dtype)
    )  # a window at a border has fewer cells
    return Affine(1 / cells, None, lambda weights, x: weights * window_sum(op, x))


@affine.register
def _(op: ir.GlobalAvgPool, params: Params, x: Array) -> Affine:
    axes = op.reduced(x.ndim)
    weight = jnp.ones((), x.dtype) / math.prod(x.shape[a] for a in axes)
    return Affine(weight, None, lambda weights, x: weights * jnp.sum(x, axes, keepdims=op.keepdims))


@apply.register
def _(op: ir.MaxPool, params: Params, x: Array) -> Array:
    return lax.reduce_window(x, -jnp.inf, lax.max, *_windows(op, x))


@apply.register
def _(op: ir.GlobalMaxPool, params: Params, x: Array) -> Array:
    axes = op.reduced(x.ndim)
    window = tuple(n if axis in axes else 1 for axis, n in enumerate(x.shape))
    # Not jnp.max: its gradient shares out among ties, that of a window goes to the first.
    largest = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
    return largest if op.keepdims else jnp.squeeze(largest, axes)


def window_sum(op: ir.Pool, x: Array) -> Array:
    """The sum over each of the op's windows; cells of padding count as 0."""
    return lax.reduce_window(x, 0.0, lax.add, *_windows(op, x))


def _windows(
    op: ir.Pool, x: Array
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Window lengths, strides and padding for every axis of `x`."""
    axes = spatial_axes(op.data_format, x.ndim)
    pairs = window_padding(op.padding, tuple(x.shape[a] for a in axes), op.pool_size, op.strides)
    lengths, strides, padding = [1] * x.ndim, [1] * x.ndim, [(0, 0)] * x.ndim
    for axis, length, stride, pair in zip(axes, op.pool_size, op.strides, pairs, strict=True):
        lengths[axis], strides[axis], padding[axis] = length, stride, pair
    return tuple(lengths), tuple(strides), tuple(padding)
