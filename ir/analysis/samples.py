"""Samples of what an op makes of images of any brightness, from the op's numbers."""

from collections.abc import Mapping
from functools import singledispatch
from math import prod

import numpy as np
from numpy.typing import NDArray

from ir.ops import (
    BatchNorm,
    Clip,
    Concatenate,
    Conv,
    Crop,
    Dense,
    DepthwiseConv,
    Flatten,
    Interpolation,
    Op,
    Permute,
    Pool,
    Relu,
    Rescale,
    Reshape,
    Scale,
    Slice,
    Standardize,
    ZeroPad,
)
from ir.ops.base import Weights, channel_axis

MAX_NUMBERS = 2**20
"""The size of the largest weight that is read."""

MAX_SAMPLES = 2**17
"""The size of the largest array of samples."""

ROLES = ("kernel", "bias", "scale", "offset", "mean", "variance", "moving_mean", "moving_variance")
"""The weights that are read."""

SAMPLES = 33
"""The number of brightnesses: equal steps from black to white, all equally frequent."""

ALIKE = 0.8
"""The share of the variance that a window's pixels have in common; 0.8 to 0.95 in photographs."""

Numbers = NDArray[np.float64]


def numbers(weights: Weights) -> Mapping[str, Numbers]:
    """Read the weights that `follow` needs.

    Returns:
        The weights of `ROLES` as arrays of float64.

    Raises:
        ValueError: A weight has more than `MAX_NUMBERS` numbers.
    """
    found = {role: weights[role] for role in ROLES if role in weights}
    if any(prod(array.shape) > MAX_NUMBERS for array in found.values()):
        raise ValueError("too many numbers")
    return {role: np.asarray(array, np.float64) for role, array in found.items()}


def _require_few(*lengths: int) -> None:
    if prod(lengths) > MAX_SAMPLES:
        raise ValueError("too many numbers")


def _along(numbers: Numbers, axes: tuple[int, ...], x: Numbers) -> Numbers:
    """Shape numbers for some axes, in rising order, so that they broadcast against samples.

    Of numbers for several axes, those along an axis on which samples do not vary are averaged.
    """
    rising = sorted({axis % x.ndim for axis in axes})
    lengths = [1] * x.ndim
    for axis, length in zip(rising, numbers.shape, strict=True):
        lengths[axis] = length
    shaped = numbers.reshape(lengths)
    if len(rising) > 1:
        shaped = shaped.mean(tuple(axis for axis in rising if x.shape[axis] == 1), keepdims=True)
    _require_few(*np.broadcast_shapes(shaped.shape, x.shape))
    return shaped


@singledispatch
def follow(op: Op, weights: Mapping[str, Numbers], *samples: Numbers) -> Numbers | None:
    """Compute what an op makes of samples.

    Args:
        op: The op.
        weights: Its weights, which have passed the op's own check of shapes.
        *samples: For each input, samples (`SAMPLES`, …) with its axes; of length 1 where nothing
            varies.

    Returns:
        Samples of the output; `None` for an op that ends the path.

    Raises:
        ValueError: The samples do not suffice.

    Example:
        >>> import ir
        >>> follow(ir.Rescale(2.0), {}, np.ones((SAMPLES, 1)))[0]
        array([2.])
    """
    return None


@follow.register(ZeroPad | Crop | Interpolation | Pool)
def _(op: Op, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    return x


@follow.register
def _(op: Rescale, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    return x * op.scale + op.offset


@follow.register
def _(op: Scale, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    scale, offset = weights.get("scale", np.ones(1)), weights.get("offset", np.zeros(1))
    return x * _along(scale, (op.axis,), x) + _along(offset, (op.axis,), x)


@follow.register
def _(op: Standardize, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    mean, variance = (_along(weights[role], op.axes, x) for role in ("mean", "variance"))
    return (x - mean) / np.maximum(np.sqrt(variance), op.epsilon)


@follow.register
def _(op: BatchNorm, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    """Without scale and offset: mean 0 and deviation 1 for images like the training's."""
    mean, variance = (
        _along(weights[f"moving_{role}"], (op.axis,), x) for role in ("mean", "variance")
    )
    return (x - mean) / np.sqrt(variance + op.epsilon)


@follow.register
def _(op: Clip, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    return np.minimum(np.maximum(x, op.low), op.high)


@follow.register
def _(op: Relu, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    above = x if op.max_value is None else np.minimum(x, op.max_value)
    return np.where(x >= op.threshold, above, op.negative_slope * (x - op.threshold))


@follow.register
def _(op: Permute, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    return x.transpose(0, *op.axes)


@follow.register
def _(op: Slice, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    index: list[int | slice] = [slice(None)]
    for length, entry in zip(x.shape[1:], op.index, strict=False):
        if isinstance(entry, int):
            index.append(entry if length > 1 else 0)
        else:
            index.append(slice(*entry) if length > 1 else slice(None))
    return x[tuple(index)]


@follow.register
def _(op: Concatenate, weights: Mapping[str, Numbers], *samples: Numbers) -> Numbers:
    axis = op.axis % samples[0].ndim
    others = np.broadcast_shapes(*(np.delete(x.shape, axis) for x in samples))
    _require_few(*others, sum(x.shape[axis] for x in samples))
    shapes = [(*others[:axis], x.shape[axis], *others[axis:]) for x in samples]
    return np.concatenate(
        [np.broadcast_to(x, shape) for x, shape in zip(samples, shapes, strict=True)], axis
    )


@follow.register
def _(op: Reshape, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    last = 1 if x.size == SAMPLES else x.shape[-1]
    if last not in (1, op.shape[-1]):
        raise ValueError("an axis along which samples vary is reshaped")
    return x.reshape(SAMPLES, *[1] * (len(op.shape) - 1), last)


@follow.register
def _(op: Flatten, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    """The samples of one position, for all of them."""
    if op.start > 1:
        raise ValueError("axes before those flattened stay")
    flat = x.reshape(SAMPLES, -1)
    if (flat == flat[:, :1]).all():
        return flat[:, :1]
    return x.reshape(SAMPLES, x.shape[-1])


@follow.register
def _(op: Dense, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    kernel = weights["kernel"]
    features, units = kernel.shape
    if features % x.shape[-1]:
        raise ValueError("the samples are of other features")
    return _mixed(x, kernel.reshape(-1, 1, x.shape[-1], units), weights)


@follow.register
def _(op: Conv, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    kernel, axis = weights["kernel"], channel_axis(op.data_format, x.ndim)
    apart = kernel.reshape(-1, kernel.shape[-2], op.groups, kernel.shape[-1] // op.groups).swapaxes(
        1, 2
    )
    return np.moveaxis(_mixed(np.moveaxis(x, axis, -1), apart, weights), -1, axis)


@follow.register
def _(op: DepthwiseConv, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    kernel, axis = weights["kernel"], channel_axis(op.data_format, x.ndim)
    apart = kernel.reshape(-1, kernel.shape[-2], 1, kernel.shape[-1])
    return np.moveaxis(_mixed(np.moveaxis(x, axis, -1), apart, weights), -1, axis)


NOISE = np.sqrt(2) * np.cos(14 * np.pi * (np.arange(SAMPLES) + 0.5) / SAMPLES).reshape(
    SAMPLES, 1, 1
)
"""Seven periods of a wave from black to white: mean 0, deviation 1, no relation to brightness."""


def _mixed(x: Numbers, kernel: Numbers, weights: Mapping[str, Numbers]) -> Numbers:
    """What windows of pixels, channels last, become under a kernel (window, groups, in, out).

    The pixels of a window share a brightness, which has `ALIKE` of their variance, and each has
    noise of its own. The kernel's sum multiplies the brightness, and the sum of its squares the
    variance of the noise.
    """
    _, groups, inputs, outputs = kernel.shape
    _require_few(SAMPLES, groups * max(inputs, outputs))
    pixels = x.reshape(SAMPLES, -1, x.shape[-1]).mean(1)
    pixels = np.broadcast_to(pixels, (SAMPLES, groups * inputs)).reshape(SAMPLES, groups, inputs)
    shared = np.einsum("sgi,gio->sgo", pixels, kernel.sum(0))
    noise = np.einsum("gi,gio->go", pixels.var(0), np.square(kernel).sum(0))
    centre = shared.mean(0)
    mixed = centre + np.sqrt(ALIKE) * (shared - centre) + np.sqrt((1 - ALIKE) * noise) * NOISE
    bias = weights.get("bias", np.zeros(1))
    return (mixed.reshape(SAMPLES, -1) + bias).reshape(
        SAMPLES, *[1] * (x.ndim - 2), groups * outputs
    )
