"""Affine ops with weights: dense layers, convolutions, batch normalisation."""

from dataclasses import dataclass

from ir.ops.base import (
    Op,
    SameShape,
    Shape,
    ShapeError,
    Weights,
    channel_axis,
    require_axes,
    require_broadcast,
    require_images,
    require_numbers,
    require_one,
    require_optional,
    require_param,
    show,
    spatial_axes,
)
from ir.ops.letters import ByLetters, parsed
from ir.ops.window import Padding, dilated, replaced, window_lengths


@dataclass(frozen=True)
class Dense(Op):
    """`y = x·kernel + bias` on the last axis.

    Weights: `kernel` (in, out), and `bias` (out,) where the layer has one.

    Example:
        >>> import numpy as np, ir
        >>> ir.Dense().output_shape({"kernel": np.zeros((3, 5))}, (None, 3))
        (None, 5)
    """

    has_kernel = True
    keeps_axes = False
    needs = ("kernel",)

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        features, units = require_param(params, "kernel", (None, None))
        if len(x) < 2 or x[-1] not in (features, None):
            raise ShapeError(
                f"takes {features} features on the last axis, but was given shape {show(x)}: "
                "are the images of the size the model was built for?"
            )
        require_optional(params, ("bias",), (units,))
        return (*x[:-1], units)


@dataclass(frozen=True)
class EinsumDense(ByLetters):
    """`y = x·kernel + bias` by Einstein's rule, with a kernel of its own for some axes.

    Weights: `kernel`, with the axes that the equation says, and `bias`, which broadcasts against
    the output without the batch, where the layer has one.

    Attributes:
        equation: The axes of the input, the kernel and the output by letters, as NumPy's `einsum`
            has them. The input's and the output's first letter is the batch.

    Raises:
        ValueError: The equation is none of an input and a kernel.

    Example:
        >>> import numpy as np, ir
        >>> heads = ir.EinsumDense("nthd,hdf->nthf")
        >>> heads.output_shape({"kernel": np.zeros((2, 8, 4))}, (None, 7, 2, 8))
        (None, 7, 2, 4)
    """

    has_kernel = True
    needs = ("kernel",)

    def __post_init__(self) -> None:
        parts = parsed(self.equation)
        if parts is None or parts[2][0] != parts[0][0] or parts[0][0] in parts[1]:
            raise ValueError(
                "EinsumDense has an equation such as 'nti,tio->nto', of an input and an output "
                f"that begin with the batch and of a kernel, not {self.equation!r:.80}."
            )

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        kernel = require_param(params, "kernel", (None,) * len(self.letters[1]))
        made = self._made(x, kernel)
        if made is None:
            raise ShapeError(
                f"computes {self.equation!r}, but was given {show(x)} and a kernel of shape "
                f"{show(kernel)}."
            )
        if "bias" in params:
            require_broadcast(params, "bias", made)
        return made


@dataclass(frozen=True)
class Convolution(Op):
    """Base of all convolutions; there are as many strides as spatial axes.

    Attributes:
        strides: The steps of the window along each spatial axis.
        padding: `"valid"`, `"same"`, or explicit (low, high) pairs.
        dilation: How far apart the cells of the window lie along each axis.
        data_format: `"channels_last"` (N, …, C) or `"channels_first"` (N, C, …).

    Example:
        >>> import ir
        >>> issubclass(ir.Conv, ir.Convolution), ir.ConvTranspose().transposed
        (True, True)
    """

    strides: tuple[int, ...] = (1, 1)
    padding: Padding = "valid"
    dilation: tuple[int, ...] = (1, 1)
    data_format: str = "channels_last"

    has_kernel = True
    positions = True
    needs = ("kernel",)
    transposed = False

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_images(inputs, len(self.strides), self.data_format)
        kernel = require_param(params, "kernel", (None,) * len(x))
        taken, made = self._channels(kernel)
        if x[channel_axis(self.data_format, len(x))] not in (taken, None):
            raise ShapeError(
                f"takes {taken} channels ({self.data_format}), but was given shape {show(x)}."
            )
        require_optional(params, ("bias",), (made,))
        require_numbers("kernel lengths", kernel, 1)
        require_numbers("dilations", self.dilation, 1)
        axes = spatial_axes(self.data_format, len(x))
        window = dilated(kernel[: len(axes)], self.dilation)
        shape = replaced(x, axes, self._lengths(tuple(x[a] for a in axes), window))
        return replaced(shape, (channel_axis(self.data_format, len(x)),), (made,))

    def _channels(self, kernel: tuple[int, ...]) -> tuple[int, int]:
        """How many channels a kernel of this shape takes, and how many it makes."""
        raise NotImplementedError

    def _lengths(self, lengths: Shape, window: tuple[int, ...]) -> Shape:
        """The output's lengths in space."""
        return window_lengths(self.padding, lengths, window, self.strides)


@dataclass(frozen=True)
class Conv(Convolution):
    """Convolution.

    Weights: `kernel` `(*window, in / groups, out)`, and `bias` (out,) where the layer has one.

    Attributes:
        groups: The number of groups of channels; each group of outputs sees one group of inputs.

    Example:
        >>> import numpy as np, ir
        >>> conv = ir.Conv(strides=(2, 2), padding="same")
        >>> conv.output_shape({"kernel": np.zeros((3, 3, 3, 8))}, (None, 15, 15, 3))
        (None, 8, 8, 8)
    """

    groups: int = 1

    def _channels(self, kernel: tuple[int, ...]) -> tuple[int, int]:
        require_numbers("groups", (self.groups,), 1)
        if kernel[-1] % self.groups:
            raise ShapeError(
                f"has {kernel[-1]} output channels, which {self.groups} groups do not divide."
            )
        return kernel[-2] * self.groups, kernel[-1]


@dataclass(frozen=True)
class DepthwiseConv(Convolution):
    """Convolution of each channel by itself.

    Output channel `c·multiplier + m` is channel `c` under the kernel `[…, c, m]`.

    Weights: `kernel` `(*window, in, multiplier)`, and `bias` (in · multiplier,) where the layer has
    one.

    Example:
        >>> import numpy as np, ir
        >>> ir.DepthwiseConv().output_shape({"kernel": np.zeros((3, 3, 4, 2))}, (None, 8, 8, 4))
        (None, 6, 6, 8)
    """

    def _channels(self, kernel: tuple[int, ...]) -> tuple[int, int]:
        return kernel[-2], kernel[-2] * kernel[-1]


@dataclass(frozen=True)
class ConvTranspose(Convolution):
    """Transposed convolution, as TensorFlow and Keras define it.

    It is the transpose of the convolution with this kernel that goes from the output's shape to the
    input's. With stride s and a window that reaches over k cells, n cells become n·s under `"same"`
    padding and n·s + max(k - s, 0) under `"valid"`. There is no explicit padding.

    Weights: `kernel` `(*window, out, in)`, and `bias` (out,) where the layer has one.

    Example:
        >>> import numpy as np, ir
        >>> up = ir.ConvTranspose(strides=(2, 2), padding="same")
        >>> up.output_shape({"kernel": np.zeros((3, 3, 8, 3))}, (None, 15, 15, 3))
        (None, 30, 30, 8)
    """

    transposed = True

    def _channels(self, kernel: tuple[int, ...]) -> tuple[int, int]:
        return kernel[-1], kernel[-2]

    def _lengths(self, lengths: Shape, window: tuple[int, ...]) -> Shape:
        require_numbers("strides", self.strides, 1)
        if self.padding not in ("same", "valid"):
            raise ShapeError(f"pads 'same' or 'valid', not {self.padding}.")
        beyond = [
            max(k - s, 0) if self.padding == "valid" else 0
            for k, s in zip(window, self.strides, strict=True)
        ]
        steps = zip(lengths, self.strides, beyond, strict=True)
        return tuple(None if n is None else n * s + more for n, s, more in steps)


@dataclass(frozen=True)
class BatchNorm(SameShape):
    """Batch normalisation at inference.

    It computes `gamma·(x - moving_mean)/√(moving_variance + epsilon) + beta`.

    Weights of shape (channels,): `moving_mean`, `moving_variance`, and `gamma` and `beta` where the
    layer has them.

    Attributes:
        epsilon: What is added to the variance.
        axis: The channel axis, negative if counted from the end.

    Example:
        >>> import numpy as np, ir
        >>> weights = {"moving_mean": np.zeros(3), "moving_variance": np.ones(3)}
        >>> ir.BatchNorm(epsilon=1.001e-5).output_shape(weights, (None, 8, 8, 3))
        (None, 8, 8, 3)
    """

    epsilon: float = 1e-3
    axis: int = -1

    monotone = True
    elementwise = True
    needs = ("moving_mean", "moving_variance")

    @property
    def channel_axis(self) -> int:
        return self.axis

    def _require(self, params: Weights, x: Shape) -> None:
        (axis,) = require_axes((self.axis,), x)
        for role in self.needs:
            require_param(params, role, (x[axis],))
        require_optional(params, ("gamma", "beta"), (x[axis],))
