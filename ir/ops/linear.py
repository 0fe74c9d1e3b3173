"""Affine ops with weights: dense layers, convolutions, batch normalisation."""

from dataclasses import dataclass

from ir.ops.base import (
    Op,
    Shape,
    ShapeError,
    Weights,
    channel_axis,
    require_axes,
    require_layout,
    require_numbers,
    require_one,
    require_param,
    require_rank,
    show,
    spatial_axes,
)
from ir.ops.window import Padding, dilated, replaced, window_lengths


@dataclass(frozen=True)
class Dense(Op):
    """`y = x·kernel + bias` on the last axis. Weights: `kernel` (in, out), `bias` (out,) or none.

    >>> import numpy as np, ir
    >>> ir.Dense().output_shape({"kernel": np.zeros((3, 5))}, (None, 3))
    (None, 5)
    """

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        features, units = require_param(params, "kernel", (None, None))
        if len(x) < 2 or x[-1] not in (features, None):
            raise ShapeError(
                f"takes {features} features on the last axis, but was given shape {show(x)}: "
                "are the images of the size the model was built for?"
            )
        _require_bias(params, units)
        return (*x[:-1], units)


@dataclass(frozen=True)
class Convolution(Op):
    """What all convolutions share; the number of strides is the number of spatial axes.

    `padding` is `"valid"`, `"same"` or explicit (low, high) pairs; `data_format` is `"channels_last"` (N, …, C) or
    `"channels_first"` (N, C, …).

    >>> import ir
    >>> issubclass(ir.Conv, ir.Convolution), issubclass(ir.ConvTranspose, ir.Convolution)
    (True, True)
    """

    strides: tuple[int, ...] = (1, 1)
    padding: Padding = "valid"
    dilation: tuple[int, ...] = (1, 1)
    data_format: str = "channels_last"

    def _window(self, kernel: tuple[int, ...], rank: int) -> tuple[int, ...]:
        """The extent of the kernel along the spatial axes; `ShapeError` where there is none."""
        require_numbers("kernel lengths", kernel, 1)
        require_numbers("dilations", self.dilation, 1)
        return dilated(kernel[:rank], self.dilation)

    def _convolved(self, x: Shape, kernel: tuple[int, ...], out: int | None) -> Shape:
        axes = spatial_axes(self.data_format, len(x))
        lengths = tuple(x[a] for a in axes)
        window = self._window(kernel, len(axes))
        shape = replaced(x, axes, window_lengths(self.padding, lengths, window, self.strides))
        return replaced(shape, (channel_axis(self.data_format, len(x)),), (out,))


@dataclass(frozen=True)
class Conv(Convolution):
    """Convolution. Weights: `kernel` (*window, in / groups, out), `bias` (out,) or none.

    >>> import numpy as np, ir
    >>> ir.Conv(strides=(2, 2), padding="same").output_shape({"kernel": np.zeros((3, 3, 3, 8))}, (None, 15, 15, 3))
    (None, 8, 8, 8)
    """

    groups: int = 1

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x, rank = require_one(inputs), len(self.strides) + 2
        require_rank(x, rank, "images")
        require_layout(self.data_format)
        kernel = require_param(params, "kernel", (None,) * rank)
        require_numbers("groups", (self.groups,), 1)
        _require_channels(x, self.data_format, kernel[-2] * self.groups)
        if kernel[-1] % self.groups:
            raise ShapeError(f"has {kernel[-1]} output channels, which {self.groups} groups do not divide.")
        _require_bias(params, kernel[-1])
        return self._convolved(x, kernel, kernel[-1])


@dataclass(frozen=True)
class DepthwiseConv(Convolution):
    """Convolution of each channel on its own. Weights: `kernel` (*window, in, multiplier), `bias` or none.

    Output channel `c·multiplier + m` is channel `c` under kernel `[…, c, m]`.

    >>> import numpy as np, ir
    >>> ir.DepthwiseConv().output_shape({"kernel": np.zeros((3, 3, 4, 2))}, (None, 8, 8, 4))
    (None, 6, 6, 8)
    """

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x, rank = require_one(inputs), len(self.strides) + 2
        require_rank(x, rank, "images")
        require_layout(self.data_format)
        kernel = require_param(params, "kernel", (None,) * rank)
        _require_channels(x, self.data_format, kernel[-2])
        _require_bias(params, kernel[-2] * kernel[-1])
        return self._convolved(x, kernel, kernel[-2] * kernel[-1])


@dataclass(frozen=True)
class ConvTranspose(Convolution):
    """Transposed convolution. Weights: `kernel` (*window, out, in), `bias` (out,) or none.

    The transpose of the convolution with this kernel that goes from the output's shape to the input's, as TensorFlow
    and Keras define it: of length n it makes n·s under `"same"` padding and n·s + max(k - s, 0) under `"valid"`, s the
    stride and k the extent of the window. There is no explicit padding.

    >>> import numpy as np, ir
    >>> up = ir.ConvTranspose(strides=(2, 2), padding="same")
    >>> up.output_shape({"kernel": np.zeros((3, 3, 8, 3))}, (None, 15, 15, 3))
    (None, 30, 30, 8)
    """

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x, rank = require_one(inputs), len(self.strides) + 2
        require_rank(x, rank, "images")
        require_layout(self.data_format)
        kernel = require_param(params, "kernel", (None,) * rank)
        _require_channels(x, self.data_format, kernel[-1])
        _require_bias(params, kernel[-2])
        axes = spatial_axes(self.data_format, rank)
        windows = self._window(kernel, len(axes))
        require_numbers("strides", self.strides, 1)
        lengths = [self._length(x[a], k, s) for a, k, s in zip(axes, windows, self.strides, strict=True)]
        return replaced(replaced(x, axes, tuple(lengths)), (channel_axis(self.data_format, rank),), (kernel[-2],))

    def _length(self, n: int | None, window: int, stride: int) -> int | None:
        if self.padding not in ("same", "valid"):
            raise ShapeError(f"pads 'same' or 'valid', not {self.padding}.")
        if n is None:
            return None
        return n * stride + (max(window - stride, 0) if self.padding == "valid" else 0)


@dataclass(frozen=True)
class BatchNorm(Op):
    """Batch normalisation as at inference: `gamma·(x - moving_mean)/√(moving_variance + epsilon) + beta`.

    Weights of shape (channels,): `moving_mean`, `moving_variance`, and `gamma`, `beta` where the layer has them.
    `axis` is the channel axis, counted from the end if negative.

    >>> import numpy as np, ir
    >>> weights = {"moving_mean": np.zeros(3), "moving_variance": np.ones(3)}
    >>> ir.BatchNorm(epsilon=1.001e-5).output_shape(weights, (None, 8, 8, 3))
    (None, 8, 8, 3)
    """

    epsilon: float = 1e-3
    axis: int = -1

    @property
    def monotone(self) -> bool:
        return True

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        (axis,) = require_axes((self.axis,), x)
        channels = x[axis]
        for role in ("moving_mean", "moving_variance", *(r for r in ("gamma", "beta") if r in params)):
            require_param(params, role, (channels,))
        return x


def _require_channels(x: Shape, data_format: str, channels: int) -> None:
    found = x[channel_axis(data_format, len(x))]
    if found not in (channels, None):
        raise ShapeError(f"takes {channels} channels ({data_format}), but was given shape {show(x)}.")


def _require_bias(params: Weights, units: int) -> None:
    if "bias" in params:
        require_param(params, "bias", (units,))
