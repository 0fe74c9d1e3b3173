"""Dense layers, convolutions and batch normalisation as affine maps."""

import string
from functools import partial

import jax.numpy as jnp
from jax import Array, lax

import ir
from ir.ops.base import channel_axis
from ir.ops.window import dilated, window_padding
from ir.passes.batchnorm import scale_and_shift
from jlrp.ops.base import Affine, affine, along_axis, precision


@affine.register
def _(op: ir.Dense, params, x):
    return Affine(params["kernel"], params.get("bias"), _matmul)


@affine.register
def _(op: ir.Conv, params, x):
    return Affine(params["kernel"], _channel_bias(op, params, x), partial(_convolve, op, op.groups))


@affine.register
def _(op: ir.DepthwiseConv, params, x):
    def linear(kernel: Array, x: Array) -> Array:
        *window, channels, multiplier = kernel.shape
        return _convolve(op, channels, kernel.reshape(*window, 1, channels * multiplier), x)

    return Affine(params["kernel"], _channel_bias(op, params, x), linear)


@affine.register
def _(op: ir.BatchNorm, params, x):
    scale, shift = scale_and_shift(op, params)
    return Affine(along_axis(scale, op.axis, x.ndim), along_axis(shift, op.axis, x.ndim), jnp.multiply)


def _matmul(kernel: Array, x: Array) -> Array:
    return jnp.matmul(x, kernel, precision=precision())


def _convolve(op: ir.Convolution, groups: int, kernel: Array, x: Array) -> Array:
    axes = string.ascii_lowercase[: len(op.strides)]
    images = f"NC{axes}" if op.data_format == "channels_first" else f"N{axes}C"
    lengths = tuple(x.shape[images.index(a)] for a in axes)
    window = dilated(kernel.shape[: len(axes)], op.dilation)
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=op.strides,
        padding=window_padding(op.padding, lengths, window, op.strides),
        rhs_dilation=op.dilation,
        dimension_numbers=(images, f"{axes}IO", images),
        feature_group_count=groups,
        precision=precision(),
    )


def _channel_bias(op: ir.Convolution, params, x: Array) -> Array | None:
    if "bias" not in params:
        return None
    return along_axis(params["bias"], channel_axis(op.data_format, x.ndim), x.ndim)
