"""Dense layers, convolutions and batch normalisation."""

from ir.formats.keras.layers.activation import with_activation
from ir.formats.keras.layers.arithmetic import equation_parts
from ir.formats.keras.layers.fields import (
    axis,
    data_format,
    flag,
    length,
    lengths,
    number,
    padding,
    rank_of,
    unusual,
)
from ir.formats.keras.layers.registry import LayerCall, Part, Weight, layer, refusal
from ir.formats.keras.spec import LayerSpec
from ir.ops import BatchNorm, Conv, ConvTranspose, Dense, DepthwiseConv
from ir.ops.window import Padding

KERNEL = ("kernel", "W")
DEPTHWISE = ("depthwise_kernel", "kernel")


def dense_weights(spec: LayerSpec) -> list[Weight]:
    """`kernel` (in, units) and `bias`."""
    units = length(spec, "units")
    return [Weight("kernel", KERNEL, (None, units)), *_bias(spec, units)]


def conv_weights(spec: LayerSpec) -> list[Weight]:
    """`kernel` (*window, in / groups, filters) and `bias`."""
    filters = length(spec, "filters")
    window = lengths(spec, "kernel_size", rank_of(spec))
    return [Weight("kernel", KERNEL, (*window, None, filters), kernel=True), *_bias(spec, filters)]


def depthwise_weights(spec: LayerSpec) -> list[Weight]:
    """`kernel` (*window, in, multiplier) and `bias`."""
    return [Weight("kernel", DEPTHWISE, _depthwise_shape(spec)), *_bias(spec, None)]


def conv_transpose_weights(spec: LayerSpec) -> list[Weight]:
    """`kernel` (*window, filters, in) and `bias`."""
    filters = length(spec, "filters")
    window = lengths(spec, "kernel_size", rank_of(spec))
    return [Weight("kernel", KERNEL, (*window, filters, None), kernel=True), *_bias(spec, filters)]


def separable_weights(spec: LayerSpec) -> list[Weight]:
    """The kernel over each channel, the kernel over all channels, and `bias`."""
    filters, ones = length(spec, "filters"), (1,) * rank_of(spec)
    return [
        Weight("kernel", ("depthwise_kernel",), _depthwise_shape(spec), part="depthwise"),
        Weight("kernel", ("pointwise_kernel",), (*ones, None, filters)),
        *_bias(spec, filters),
    ]


def batchnorm_weights(spec: LayerSpec) -> list[Weight]:
    """`gamma` and `beta`, if the layer has them, `moving_mean` and `moving_variance`.

    Keras 1 calls the variance `running_std`.
    """
    return [
        *([Weight("gamma", ("gamma",), (None,))] if flag(spec, "scale", True) else []),
        *([Weight("beta", ("beta",), (None,))] if flag(spec, "center", True) else []),
        Weight("moving_mean", ("moving_mean", "running_mean"), (None,), trainable=False),
        Weight("moving_variance", ("moving_variance", "running_std"), (None,), trainable=False),
    ]


@layer("Dense", weights=dense_weights)
def dense(call: LayerCall) -> list[Part]:
    return with_activation(call, [Part(Dense(), weights="")])


def einsum_weights(spec: LayerSpec) -> list[Weight]:
    """`kernel` and `bias`, with shapes from the equation."""
    found = [Weight("kernel", ("kernel",), None)]
    return [*found, Weight("bias", ("bias",), None)] if spec.config.get("bias_axes") else found


@layer("EinsumDense", weights=einsum_weights)
def einsum_dense(call: LayerCall) -> list[Part]:
    spec = call.spec
    bias_axes = spec.config.get("bias_axes")
    parts = equation_parts(
        call, spec.config.get("equation"), bias_axes if isinstance(bias_axes, str) else None
    )
    return with_activation(call, parts)


@layer("Conv1D", "Conv2D", "Conv3D", weights=conv_weights)
def conv(call: LayerCall) -> list[Part]:
    spec = call.spec
    op = Conv(*_window(spec), lengths(spec, "groups", 1, default=1)[0])
    return with_activation(call, [Part(op, weights="")])


@layer("DepthwiseConv1D", "DepthwiseConv2D", weights=depthwise_weights)
def depthwise_conv(call: LayerCall) -> list[Part]:
    return with_activation(call, [Part(DepthwiseConv(*_window(call.spec)), weights="")])


@layer("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", weights=conv_transpose_weights)
def conv_transpose(call: LayerCall) -> list[Part]:
    spec = call.spec
    op = ConvTranspose(*_window(spec))
    if spec.config.get("output_padding") is not None:
        raise unusual(
            spec, "output_padding", "only null (the output's size as strides and padding give it)"
        )
    if lengths(spec, "groups", 1, default=1) != (1,):
        raise unusual(spec, "groups", "only 1")
    if op.padding not in ("valid", "same"):
        raise unusual(spec, "padding", "'valid' and 'same'")
    return with_activation(call, [Part(op, weights="")])


@layer("SeparableConv1D", "SeparableConv2D", weights=separable_weights)
def separable_conv(call: LayerCall) -> list[Part]:
    spec, ones = call.spec, (1,) * rank_of(call.spec)
    depthwise = Part(DepthwiseConv(*_window(spec)), "depthwise", weights="depthwise")
    return with_activation(
        call, [depthwise, Part(Conv(ones, "valid", ones, data_format(spec)), weights="")]
    )


@layer(
    "BatchNormalization",
    "BatchNormalizationV1",
    "BatchNormalizationV2",
    "SyncBatchNormalization",
    weights=batchnorm_weights,
)
def batch_normalization(call: LayerCall) -> list[Part]:
    spec, rank = call.spec, len(call.shapes[0])
    for key in ("mode", "renorm", "virtual_batch_size"):
        if spec.config.get(key):
            raise refusal(
                spec, f"has {key}={spec.config[key]}; only plain batch normalisation can be loaded"
            )
    position = axis(spec, -1)
    position = position % rank if -rank <= position < rank else position
    return [
        Part(
            BatchNorm(number(spec, "epsilon", 1e-3), -1 if position == rank - 1 else position),
            weights="",
        )
    ]


def _bias(spec: LayerSpec, units: int | None) -> list[Weight]:
    return [Weight("bias", ("bias", "b"), (units,))] if flag(spec, "use_bias", True) else []


def _depthwise_shape(spec: LayerSpec) -> tuple[int | None, ...]:
    multiplier = lengths(spec, "depth_multiplier", 1, default=1)[0]
    return (*lengths(spec, "kernel_size", rank_of(spec)), None, multiplier)


def _window(spec: LayerSpec) -> tuple[tuple[int, ...], Padding, tuple[int, ...], str]:
    """Strides, padding, dilation and data format of a convolution."""
    rank = rank_of(spec)
    dilation = lengths(spec, "dilation_rate", rank, default=1)
    pad = padding(spec, lengths(spec, "kernel_size", rank), dilation)
    return lengths(spec, "strides", rank, default=1), pad, dilation, data_format(spec)
