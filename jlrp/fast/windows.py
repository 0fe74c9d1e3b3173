"""A window over an image as shifted images."""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

import ir
from ir.ops.base import spatial_axes
from ir.ops.window import dilated, window_lengths, window_padding


def seen_by_cell(
    op: ir.Convolution | ir.Pool, window: tuple[int, ...], x: Array, padding: float
) -> list[Array]:
    """Slice the padded image: for each cell of a window, in row-major order, what it sees."""
    axes = spatial_axes(op.data_format, x.ndim)
    dilation = getattr(op, "dilation", (1,) * len(window))
    extent, lengths = dilated(window, dilation), tuple(x.shape[a] for a in axes)
    pairs = window_padding(op.padding, lengths, extent, op.strides)
    counts = window_lengths(pairs, lengths, extent, op.strides)
    around = [(*pairs[axes.index(a)], 0) if a in axes else (0, 0, 0) for a in range(x.ndim)]
    padded = lax.pad(x, jnp.asarray(padding, x.dtype), around)

    def seen(cell: tuple[int, ...]) -> Array:
        start, limit, strides = [0] * x.ndim, list(padded.shape), [1] * x.ndim
        for a, t, d, s, n in zip(axes, cell, dilation, op.strides, counts, strict=True):
            assert n is not None
            start[a], limit[a], strides[a] = t * d, t * d + (n - 1) * s + 1, s
        return lax.slice(padded, start, limit, strides)

    return [seen(cell) for cell in np.ndindex(*window)]
