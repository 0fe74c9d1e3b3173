"""Convolutions and their transposes in the forms that XLA's CPU backend runs fastest."""

import math
from dataclasses import replace
from functools import partial
from itertools import chain

import jax.numpy as jnp
from jax import Array, lax

import ir
from ir.ops.base import spatial_axes
from ir.ops.window import dilated, window_padding
from jlrp.fast.depthwise import slide
from jlrp.fast.phases import Phases
from jlrp.ops import Affine
from jlrp.ops.linear import by_channel, convolve, matmul


def reformulated(op: ir.Op, plain: Affine) -> Affine:
    """The same affine map computed in another way, or as it is where none is known to be faster."""
    if isinstance(op, ir.DepthwiseConv):
        return replace(plain, linear=partial(slide, op))
    if not isinstance(op, ir.Conv):
        return plain
    kernel = plain.weights
    if op.groups > 1:
        if kernel.shape[-2] > 1:
            return plain
        return replace(plain, linear=lambda kernel, x: slide(op, by_channel(kernel, op.groups), x))
    if is_pointwise(op, kernel):
        return replace(plain, linear=partial(_mix, op), back=partial(_mix_back, op))
    if set(op.strides) == {1}:
        return replace(plain, turn=_flip, back=partial(_flipped_back, op))
    if set(op.dilation) == {1}:
        return replace(
            plain, turn=partial(_by_phase, op), back=partial(_phases_back, op, kernel.shape[:-2])
        )
    return plain


def is_pointwise(op: ir.Conv, kernel: Array) -> bool:
    """Whether a convolution is a product of matrices: each output pixel sees one input pixel."""
    padded = not isinstance(op.padding, str) and any(chain.from_iterable(op.padding))
    return (
        set(kernel.shape[:-2]) == {1}
        and op.groups == 1
        and op.data_format == "channels_last"
        and not padded
    )


def _mix(op: ir.Conv, kernel: Array, x: Array) -> Array:
    """A 1×1 convolution as a product of matrices."""
    sampled = lax.slice(x, (0,) * x.ndim, x.shape, (1, *op.strides, 1))
    return matmul(kernel.reshape(kernel.shape[-2:]), sampled)


def _mix_back(op: ir.Conv, kernel: Array, inputs: tuple[Array, ...], z: Array) -> tuple[Array, ...]:
    """`Wᵀz` at the pixels that were sampled, zeros between them."""
    (x,) = inputs
    mixed = matmul(kernel.reshape(kernel.shape[-2:]).T, z)
    if set(op.strides) == {1}:
        return (mixed,)
    axes = zip(x.shape[1:-1], mixed.shape[1:-1], op.strides, strict=True)
    gaps = [(0, 0, 0), *((0, n - (m - 1) * s - 1, s - 1) for n, m, s in axes), (0, 0, 0)]
    return (lax.pad(mixed, jnp.zeros((), mixed.dtype), gaps),)


def _flip(kernel: Array) -> Array:
    """Turn a kernel around and exchange its inputs and outputs.

    The transpose of a convolution of stride 1 is a convolution with this kernel.
    """
    return jnp.swapaxes(jnp.flip(kernel, range(kernel.ndim - 2)), -1, -2)


def _flipped_back(
    op: ir.Conv, flipped: Array, inputs: tuple[Array, ...], z: Array
) -> tuple[Array, ...]:
    (x,) = inputs
    window = dilated(flipped.shape[: len(op.strides)], op.dilation)
    lengths = tuple(x.shape[a] for a in spatial_axes(op.data_format, x.ndim))
    padding = window_padding(op.padding, lengths, window, op.strides)
    outside = tuple(
        (k - 1 - low, k - 1 - high) for k, (low, high) in zip(window, padding, strict=True)
    )
    return (convolve(replace(op, padding=outside), 1, flipped, z),)


def _by_phase(op: ir.Conv, kernel: Array) -> Array:
    """Rearrange a kernel (*window, C, K) to (*taps, K, *strides·C), the taps turned around."""
    rank = len(op.strides)
    taps = [-(-k // s) for k, s in zip(kernel.shape, op.strides, strict=False)]
    full = [(0, s * j - k) for k, s, j in zip(kernel.shape, op.strides, taps, strict=False)]
    cells = jnp.pad(kernel, [*full, (0, 0), (0, 0)])
    split = cells.reshape(
        *chain.from_iterable(zip(taps, op.strides, strict=True)), *kernel.shape[rank:]
    )
    js, rs = range(0, 2 * rank, 2), range(1, 2 * rank, 2)
    turned = jnp.flip(split, js).transpose(*js, 2 * rank + 1, *rs, 2 * rank)
    return turned.reshape(*taps, kernel.shape[-1], math.prod(op.strides) * kernel.shape[-2])


def _phases_back(
    op: ir.Conv, window: tuple[int, ...], turned: Array, inputs: tuple[Array, ...], z: Array
) -> tuple[Array, ...]:
    """Transpose a convolution with strides: all phases of the image, one convolution of stride 1.

    XLA's own transpose convolves an image with zeros between its pixels. With stride 2 these are
    three of four products.
    """
    phases = Phases.of(op, window, inputs[0])
    before = [low for low, _ in phases.reach(tuple(j - 1 for j in phases.taps), z)]
    after = [high for _, high in phases.reach((0,) * len(window), z)]
    stepless = replace(
        op, strides=(1,) * len(window), padding=tuple(zip(before, after, strict=True))
    )
    return (phases.weave(convolve(stepless, 1, turned, z)),)
