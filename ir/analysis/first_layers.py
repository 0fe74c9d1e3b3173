"""What the first layers of a model make of images on a given scale, computed from their numbers."""

from dataclasses import dataclass

import numpy as np

from ir.analysis.inputs import SENSELESS
from ir.analysis.samples import MAX_SAMPLES, SAMPLES, Numbers, follow, numbers
from ir.analysis.shapes import Shapes
from ir.graph import Graph, Node, Params
from ir.ops import BatchNorm, Relu, Scaling, Shape
from ir.ops.base import channel_axis

MAX_OPS = 64
"""How many ops are followed from the input."""

MAX_CONVOLUTIONS = 2
"""How many convolutions are followed, one after the other."""


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
        """The effect in samples (samples, …, channels, …)."""
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
    """Compute what the first layers make of images of values `black` … `white`.

    Samples from black to white go through the ops that read the input: those that scale, clip, and
    move or resize pixels. A convolution or a dense layer gives samples of what its kernel makes of
    constant images and of noise. They count only where a BatchNorm then normalises them, with or
    without ReLU or pooling between, as their size says nothing by itself. A trained BatchNorm ends
    its path, and so do all other ops.

    `MAX_OPS`, `MAX_CONVOLUTIONS`, and the limits of `samples` bound the work for any model.

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
        >>> scale = ir.Node("s", ir.Rescale(1 / 127.5, -1.0), ("x",))
        >>> graph = ir.Graph([scale, ir.Node("r", ir.Relu(), ("s",))], ["x"], ["r"])
        >>> shape = (None, 8, 8, 3)
        >>> seen = effects_of(graph, {}, "x", shape, "channels_last", 0.0, 255.0).scaled
        >>> seen.ops, seen.low, seen.high, seen.misfit < 1
        (('Rescale',), -1.0, 1.0, True)
        >>> effects_of(graph, {}, "x", shape, "channels_last", 0.0, 1.0).scaled.misfit > 10
        True
    """
    axis = channel_axis(layout, len(shape))
    channels = shape[axis] or 1
    if not 0 < channels <= MAX_SAMPLES // SAMPLES or not 2 <= len(shape) <= 8:
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

    def __init__(
        self, graph: Graph, params: Params, name: str, shape: Shape, samples: Numbers
    ) -> None:
        self.graph, self.params = graph, params
        self.known = {name: _Value(samples)}
        self.shapes = Shapes({name: shape})
        self.pixels = samples.reshape(SAMPLES, -1)[:, :1]
        self.ends: dict[str, _Value] = {}
        self.normalised: Effect | None = None

    def run(self) -> FirstLayers:
        left = MAX_OPS
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
        return bool(
            np.isclose(samples.reshape(SAMPLES, -1), self.pixels, rtol=0.01, atol=0.01).all()
        )

    def _value(self, node: Node) -> _Value | None:
        """A node's value; `None` where the path ends."""
        if not all(name in self.known for name in node.inputs):
            return None
        before = [self.known[name] for name in node.inputs]
        if sum(value.samples.size for value in before) > MAX_SAMPLES:
            return None
        weights = {} if node.params is None else self.params.get(node.params, {})
        try:
            self.shapes.add(node, weights)
            samples = follow(node.op, numbers(weights), *(value.samples for value in before))
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
        convolutions += node.op.has_kernel
        return _Value(samples, ops, convolutions) if convolutions <= MAX_CONVOLUTIONS else None

    def _normalised(self, node: Node, samples: Numbers, before: _Value) -> _Value | None:
        """What a trained BatchNorm sees, which ends the path; an untrained one changes nothing."""
        if np.allclose(samples, before.samples, rtol=0.01, atol=0.0):
            return before
        if not before.convolutions:
            self.ends[node.name] = _Value(samples, (*before.ops, "BatchNorm"))
        elif self.normalised is None:
            self.normalised = Effect.of(("BatchNorm",), samples)
        return None
