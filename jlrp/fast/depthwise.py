"""Convolutions of each channel with kernels of its own, as a sum of shifted images."""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

import ir
from ir.ops.base import channel_axis, spatial_axes
from ir.ops.window import dilated, window_lengths, window_padding
from jlrp.ops.base import along_axis


def slide(op: ir.Convolution, kernel: Array, x: Array) -> Array:
    """`z[…, c·M + m] = Σ_t kernel[t, c, m]·x[s·… + d·t, c]`, one term per cell `t` of the window.

    kernel: (*window, C, M). On a CPU 20 to 250 times as fast as XLA's grouped convolution, whose transpose with stride
    is slowest of all: each term is one product element by element, and all of them run in one loop.
    """
    axes, rank = spatial_axes(op.data_format, x.ndim), len(op.strides)
    channels, multiplier = kernel.shape[rank:]
    window = dilated(kernel.shape[:rank], op.dilation)
    lengths = tuple(x.shape[a] for a in axes)
    pairs = window_padding(op.padding, lengths, window, op.strides)
    counts = window_lengths(pairs, lengths, window, op.strides)
    padded = jnp.pad(x, [pairs[axes.index(a)] if a in axes else (0, 0) for a in range(x.ndim)])
    axis = channel_axis(op.data_format, x.ndim)

    def term(cell: tuple[int, ...]) -> Array:
        start, limit, strides = [0] * x.ndim, list(padded.shape), [1] * x.ndim
        for a, t, d, s, n in zip(axes, cell, op.dilation, op.strides, counts, strict=True):
            assert n is not None
            start[a], limit[a], strides[a] = t * d, t * d + (n - 1) * s + 1, s
        seen = lax.slice(padded, start, limit, strides)
        if multiplier == 1:
            return seen * along_axis(kernel[cell].reshape(channels), axis, x.ndim)
        weights = kernel[cell].reshape(channels, multiplier, *[1] * (x.ndim - 1 - axis))
        return jnp.expand_dims(seen, axis + 1) * weights

    z = _in_pairs([term(cell) for cell in np.ndindex(*kernel.shape[:rank])])
    shape = list(z.shape)
    shape[axis : axis + (1 if multiplier == 1 else 2)] = [channels * multiplier]
    return z.reshape(shape)


def _in_pairs(terms: list[Array]) -> Array:
    """The sum, by halves of halves: rounding grows with the logarithm of the number of terms."""
    half = len(terms) // 2
    return _in_pairs(terms[:half]) + _in_pairs(terms[half:]) if half else terms[0]
