"""Dense layers, convolutions and batch normalisation as affine maps."""

import string
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

import ir
from ir.ops.base import channel_axis
from ir.ops.window import dilated, window_padding
from ir.passes.batchnorm import scale_and_shift
from jlrp.ops.base import Affine, Params, affine, along_axis, apply, precision


@affine.register
def _(op: ir.Dense, params: Params, x: Array | None = None) -> Affine:
    return Affine(params["kernel"], params.get("bias"), matmul)


@affine.register
def _(op: ir.EinsumDense, params: Params, x: Array | None = None) -> Affine:
    def multiply(kernel: Array, x: Array) -> Array:
        return jnp.einsum(op.equation, x, kernel, precision=precision())

    return Affine(params["kernel"], params.get("bias"), multiply)


@affine.register
def _(op: ir.Conv, params: Params, x: Array | None = None) -> Affine:
    return Affine(params["kernel"], _channel_bias(op, params), partial(convolve, op, op.groups))


@affine.register
def _(op: ir.DepthwiseConv, params: Params, x: Array) -> Affine:
    return Affine(params["kernel"], _channel_bias(op, params), partial(_convolve_by_channel, op))


@affine.register
def _(op: ir.ConvTranspose, params: Params, x: Array) -> Affine:
    return Affine(params["kernel"], _channel_bias(op, params), partial(_convolve_transposed, op))


@affine.register
def _(op: ir.BatchNorm, params: Params, x: Array) -> Affine:
    scale, shift = scale_and_shift(op, params)
    return Affine(
        along_axis(scale, op.axis, x.ndim), along_axis(shift, op.axis, x.ndim), jnp.multiply
    )


@apply.register
def _(op: ir.BatchNorm, params: Params, x: Array) -> Array:
    """Centred first, as frameworks compute it: in float32 twice as exact as `scale·x + shift`."""
    along = partial(along_axis, axis=op.axis, rank=x.ndim)
    scale, _ = scale_and_shift(op, params)
    centred = (x - along(params["moving_mean"])) * along(scale)
    return centred + along(params["beta"]) if "beta" in params else centred


def matmul(kernel: Array, x: Array) -> Array:
    """`x·kernel` along the last axis."""
    return jnp.matmul(x, kernel, precision=precision())


def by_channel(kernel: Array, channels: int) -> Array:
    """A kernel (*window, 1, C·M) as (*window, C, M)."""
    *window, _, out = kernel.shape
    return kernel.reshape(*window, channels, out // channels)


def _convolve_by_channel(op: ir.Convolution, kernel: Array, x: Array) -> Array:
    *window, channels, multiplier = kernel.shape
    return convolve(op, channels, kernel.reshape(*window, 1, channels * multiplier), x)


def convolve(op: ir.Convolution, groups: int, kernel: Array, x: Array) -> Array:
    """The convolution of an op with any kernel (*window, in / groups, out)."""
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


def _convolve_transposed(op: ir.ConvTranspose, kernel: Array, x: Array) -> Array:
    larger = jax.ShapeDtypeStruct(op.output_shape({"kernel": kernel}, x.shape), x.dtype)
    (z,) = jax.linear_transpose(lambda y: convolve(op, 1, kernel, y), larger)(x)
    return z


def _channel_bias(op: ir.Convolution, params: Params) -> Array | None:
    if "bias" not in params:
        return None
    rank = len(op.strides) + 2
    return along_axis(params["bias"], channel_axis(op.data_format, rank), rank)
