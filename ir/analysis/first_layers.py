"""What the first layers of a model make of images on a given scale, computed from their numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from math import prod

import numpy as np
from numpy.typing import NDArray

from ir.analysis.inputs import SENSELESS
from ir.analysis.shapes import Shapes
from ir.graph import Graph, Node, Params
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
    Scaling,
    Shape,
    Slice,
    Standardize,
    ZeroPad,
)
from ir.ops.base import Weights, channel_axis

MOST_OPS = 64
"""How many ops are followed from the input."""

MOST_NUMBERS = 2**20
"""How many numbers a weight has at most that is looked at."""

MOST_SAMPLES = 2**17
"""How many numbers the samples of a value are at most."""

ROLES = ("kernel", "bias", "scale", "offset", "mean", "variance", "moving_mean", "moving_variance")
"""The weights that are looked at."""

MOST_CONVOLUTIONS = 2
"""How many convolutions are followed, one after the other."""

SAMPLES = 33
"""How many brightnesses are followed: as many steps from black to white, all equally frequent."""

ALIKE = 0.8
"""Which share of the variance of a window's pixels they have in common; in photographs 0.8 to 0.95."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """What the first layers make of images on one scale.

    Attributes:
        ops: The ops that scale, in their order, such as `("Rescale", "BatchNorm")`.
        low: The least value there is; not a number where the layers' numbers are not known.
        high: The greatest value there is, likewise.
        spread: The standard deviation of a channel, the median over the channels that vary.
        misfit: How far the values are from unit size: `|ln spread| + ln(1 + |centre| / spread)`,
            the median likewise. 0 for mean 0 and deviation 1. The second term grows where
            values hardly differ compared with their mean, as they do if they are on a scale far
            too small for an offset.
    """

    ops: tuple[str, ...]
    low: float
    high: float
    spread: float
    misfit: float

    @classmethod
    def of(cls, ops: tuple[str, ...], values: Numbers) -> "Effect":
        """The effect that is seen in samples (samples, …, channels, …)."""
        flat = values.reshape(len(values), -1)
        centre, spread = flat.mean(0), flat.std(0)
        misfit = np.abs(np.log(spread)) + np.log1p(np.abs(centre) / spread)
        alive = np.isfinite(misfit)  # a channel that is always 0 says nothing
        medians = (np.median(each[alive]) if alive.any() else np.nan for each in (spread, misfit))
        return cls(ops, float(flat.min()), float(flat.max()), *map(float, medians))


@dataclass(frozen=True)
class FirstLayers:
    """The effects that the first layers have.

    Attributes:
        scaled: The effect of the layers that scale the input before any layer that mixes pixels;
            `None` where there are none, or where they change nothing.
        normalised: What BatchNorm makes of the first convolutions' results, without its own scale
            and offset; `None` where no BatchNorm follows them.
    """

    scaled: Effect | None = None
    normalised: Effect | None = None


def effects_of(
    graph: Graph, params: Params, name: str, shape: Shape, layout: str, black: float, white: float
) -> FirstLayers:
    """What the first layers make of images of values `black` … `white`.

    Samples from black to white go through the ops that read the input: those that scale, that move
    or resize pixels (which changes no value), that clip. Of a convolution or a dense layer, samples
    are made from what its kernel makes of constant images and of noise; they count only where a
    BatchNorm then normalises them, with or without ReLU or pooling between, as their size says
    nothing by itself. A trained BatchNorm ends its path, and so do all other ops.

    The work has an end, whatever the model: `MOST_OPS`, `MOST_CONVOLUTIONS`, `MOST_NUMBERS`.

    Args:
        graph: The graph.
        params: Its weights; layers whose weights are missing or do not fit are not followed.
        name: The input.
        shape: The shape of the input, the batch first.
        layout: The layout of the input, `"channels_last"` or `"channels_first"`.
        black: The value of black.
        white: The value of white.

    Returns:
        The effects of layers that scale, and of the first convolutions' BatchNorm.

    Example:
        >>> import ir
        >>> nodes = [ir.Node("s", ir.Rescale(1 / 127.5, -1.0), ("x",)), ir.Node("r", ir.Relu(), ("s",))]
        >>> graph, shape = ir.Graph(nodes, ["x"], ["r"]), (None, 8, 8, 3)
        >>> seen = effects_of(graph, {}, "x", shape, "channels_last", 0.0, 255.0).scaled
        >>> seen.ops, seen.low, seen.high, seen.misfit < 1
        (('Rescale',), -1.0, 1.0, True)
        >>> effects_of(graph, {}, "x", shape, "channels_last", 0.0, 1.0).scaled.misfit > 10
        True
    """
    axis = channel_axis(layout, len(shape))
    channels = shape[axis] or 1
    if not 0 < channels <= MOST_SAMPLES // SAMPLES or not 2 <= len(shape) <= 8:
        return FirstLayers()
    pixels = np.linspace(black, white, SAMPLES).reshape((SAMPLES, *[1] * (len(shape) - 1)))
    with np.errstate(all="ignore"):
        return _Walk(graph, params, name, shape, pixels.repeat(channels, axis)).run()


@dataclass(frozen=True)
class _Value:
    """Samples of a value: its own axes, of length 1 where nothing varies along them."""

    samples: Numbers
    ops: tuple[str, ...] = ()
    convolutions: int = 0


class _Walk:
    """The way from an input through the first ops."""

    def __init__(self, graph: Graph, params: Params, name: str, shape: Shape, samples: Numbers) -> None:
        self.graph, self.params = graph, params
        self.known = {name: _Value(samples)}
        self.shapes = Shapes({name: shape})
        self.pixels = samples.reshape(SAMPLES, -1)[:, :1]
        self.ends: dict[str, _Value] = {}
        self.normalised: Effect | None = None

    def run(self) -> FirstLayers:
        left = MOST_OPS
        for node in self.graph.nodes:
            reads = [name for name in dict.fromkeys(node.inputs) if name in self.known]
            if not reads:
                continue
            if left == 0:
                break
            left -= 1
            value = self._value(node)
            if value is not None:
                self.known[node.name] = value
            if value is None or value.convolutions:
                self.ends |= {name: self.known[name] for name in reads}
        self.ends |= {name: self.known[name] for name in self.graph.outputs if name in self.known}
        return FirstLayers(self._scaled(), self.normalised)

    def _scaled(self) -> Effect | None:
        ends = [value for value in self.ends.values() if value.ops and not value.convolutions]
        if all(self._unchanged(value.samples) for value in ends):
            return None
        samples = np.concatenate([value.samples.reshape(SAMPLES, -1) for value in ends], axis=1)
        return Effect.of(max((value.ops for value in ends), key=len), samples)

    def _unchanged(self, samples: Numbers) -> bool:
        """Whether samples are the pixels themselves, up to a hundredth."""
        return bool(np.isclose(samples.reshape(SAMPLES, -1), self.pixels, rtol=0.01, atol=0.01).all())

    def _value(self, node: Node) -> _Value | None:
        """A node's value; `None` where the path ends."""
        if not all(name in self.known for name in node.inputs):
            return None
        before = [self.known[name] for name in node.inputs]
        if sum(value.samples.size for value in before) > MOST_SAMPLES:
            return None
        weights = {} if node.params is None else self.params.get(node.params, {})
        try:
            self.shapes.add(node, weights)
            samples = _followed(node.op, _numbers(weights), *(value.samples for value in before))
        except SENSELESS:
            samples = None
        ops = max((value.ops for value in before), key=len)
        convolutions = max(value.convolutions for value in before)
        if samples is None:
            if isinstance(node.op, Scaling) and not convolutions:
                unknown = np.full((SAMPLES, 1), np.nan)
                self.ends[node.name] = _Value(unknown, (*ops, type(node.op).__name__))
            return None
        if isinstance(node.op, BatchNorm):
            return self._normalised(node, samples, before[0])
        if isinstance(node.op, Relu) and not convolutions:
            return None
        if isinstance(node.op, Scaling):
            ops = (*ops, type(node.op).__name__)
        convolutions += isinstance(node.op, Conv | DepthwiseConv | Dense)
        return _Value(samples, ops, convolutions) if convolutions <= MOST_CONVOLUTIONS else None

    def _normalised(self, node: Node, samples: Numbers, before: _Value) -> _Value | None:
        """What a BatchNorm that was trained sees: the end. One that was not changes nothing, and the path goes on."""
        if np.allclose(samples, before.samples, rtol=0.01, atol=0.0):
            return before
        if not before.convolutions:
            self.ends[node.name] = _Value(samples, (*before.ops, "BatchNorm"))
        elif self.normalised is None:
            self.normalised = Effect.of(("BatchNorm",), samples)
        return None


def _numbers(weights: Weights) -> Mapping[str, Numbers]:
    """Weights as arrays of float64; `ValueError` where there are too many."""
    found = {role: weights[role] for role in ROLES if role in weights}
    if any(prod(array.shape) > MOST_NUMBERS for array in found.values()):
        raise ValueError("too many numbers")
    return {role: np.asarray(array, np.float64) for role, array in found.items()}


def _require_few(*lengths: int) -> None:
    if prod(lengths) > MOST_SAMPLES:
        raise ValueError("too many numbers")


def _along(numbers: Numbers, axes: tuple[int, ...], x: Numbers) -> Numbers:
    """Numbers for some axes of samples, in rising order, in a shape that broadcasts against the samples.

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
def _followed(op: Op, weights: Mapping[str, Numbers], *samples: Numbers) -> Numbers | None:
    """What an op makes of samples; `None` for an op that ends the path.

    The weights have passed the op's own check. `ValueError` where the samples do not suffice.
    """
    return None


@_followed.register(ZeroPad | Crop | Interpolation | Pool)
def _(op: Op, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    return x


@_followed.register
def _(op: Rescale, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    return x * op.scale + op.offset


@_followed.register
def _(op: Scale, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    scale, offset = weights.get("scale", np.ones(1)), weights.get("offset", np.zeros(1))
    return x * _along(scale, (op.axis,), x) + _along(offset, (op.axis,), x)


@_followed.register
def _(op: Standardize, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    mean, variance = (_along(weights[role], op.axes, x) for role in ("mean", "variance"))
    return (x - mean) / np.maximum(np.sqrt(variance), op.epsilon)


@_followed.register
def _(op: BatchNorm, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    """Without scale and offset: mean 0 and deviation 1 for images like those of the training."""
    mean, variance = (_along(weights[f"moving_{role}"], (op.axis,), x) for role in ("mean", "variance"))
    return (x - mean) / np.sqrt(variance + op.epsilon)


@_followed.register
def _(op: Clip, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    return np.minimum(np.maximum(x, op.low), op.high)


@_followed.register
def _(op: Relu, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    above = x if op.max_value is None else np.minimum(x, op.max_value)
    return np.where(x >= op.threshold, above, op.negative_slope * (x - op.threshold))


@_followed.register
def _(op: Permute, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    return x.transpose(0, *op.axes)


@_followed.register
def _(op: Slice, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    index: list[int | slice] = [slice(None)]
    for length, entry in zip(x.shape[1:], op.index, strict=False):
        if isinstance(entry, int):
            index.append(entry if length > 1 else 0)
        else:
            index.append(slice(*entry) if length > 1 else slice(None))
    return x[tuple(index)]


@_followed.register
def _(op: Concatenate, weights: Mapping[str, Numbers], *samples: Numbers) -> Numbers:
    axis = op.axis % samples[0].ndim
    others = np.broadcast_shapes(*(np.delete(x.shape, axis) for x in samples))
    _require_few(*others, sum(x.shape[axis] for x in samples))
    shapes = [(*others[:axis], x.shape[axis], *others[axis:]) for x in samples]
    return np.concatenate([np.broadcast_to(x, shape) for x, shape in zip(samples, shapes, strict=True)], axis)


@_followed.register
def _(op: Reshape, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    last = 1 if x.size == SAMPLES else x.shape[-1]
    if last not in (1, op.shape[-1]):
        raise ValueError("an axis along which samples vary is reshaped")
    return x.reshape(SAMPLES, *[1] * (len(op.shape) - 1), last)


@_followed.register
def _(op: Flatten, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    """The samples of one position, for all of them."""
    if op.start > 1:
        raise ValueError("axes before those flattened stay")
    flat = x.reshape(SAMPLES, -1)
    if (flat == flat[:, :1]).all():
        return flat[:, :1]
    return x.reshape(SAMPLES, x.shape[-1])


@_followed.register
def _(op: Dense, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    kernel = weights["kernel"]
    features, units = kernel.shape
    if features % x.shape[-1]:
        raise ValueError("the samples are of other features")
    return _mixed(x, kernel.reshape(-1, 1, x.shape[-1], units), weights)


@_followed.register
def _(op: Conv, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    kernel, axis = weights["kernel"], channel_axis(op.data_format, x.ndim)
    apart = kernel.reshape(-1, kernel.shape[-2], op.groups, kernel.shape[-1] // op.groups).swapaxes(1, 2)
    return np.moveaxis(_mixed(np.moveaxis(x, axis, -1), apart, weights), -1, axis)


@_followed.register
def _(op: DepthwiseConv, weights: Mapping[str, Numbers], x: Numbers) -> Numbers:
    kernel, axis = weights["kernel"], channel_axis(op.data_format, x.ndim)
    apart = kernel.reshape(-1, kernel.shape[-2], 1, kernel.shape[-1])
    return np.moveaxis(_mixed(np.moveaxis(x, axis, -1), apart, weights), -1, axis)


NOISE = np.sqrt(2) * np.cos(14 * np.pi * (np.arange(SAMPLES) + 0.5) / SAMPLES).reshape(SAMPLES, 1, 1)
"""Mean 0, deviation 1, and nothing to do with brightness: seven periods of a wave from black to white."""


def _mixed(x: Numbers, kernel: Numbers, weights: Mapping[str, Numbers]) -> Numbers:
    """What windows of pixels become under a kernel (window, groups, in, out); the channels are last.

    The pixels of a window are a brightness that they share (`ALIKE` of their variance) plus noise of their own. What
    they share is multiplied by the sum of the kernel, the variance of the noise by the sum of its squares.
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
    return (mixed.reshape(SAMPLES, -1) + bias).reshape(SAMPLES, *[1] * (x.ndim - 2), groups * outputs)
