"""The relevance pass of 2019 in NumPy and Python loops, one image at a time.

It is the baseline, written as it was then. Every convolution is a loop over output channels, rows
and columns; at each position NumPy works on the whole receptive field. The rules are αβ with α = β
= ½, and every convolution flips the sign. One walk follows the first listed input of an `Add` only
as far as the next activation. JAX computes the same for a batch under the preset
`crawford2019_original`. Two peculiarities are deliberate:

- `same` padding reads windows that start at `stride · a`. The convolution saw other windows.
- A 1×1 convolution with stride 2 copies the relevance of each sampled pixel onto its skipped
  neighbours.

The forward pass is vectorised: only the relevance pass is timed. Arrays are (height, width,
channels), without batch.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

import numpy as np

import ir

Array = np.ndarray
Arrays = dict[str, Array]
Pads = Sequence[tuple[int, int]]
Position = tuple[int, int, int]
Rule = Callable[["Layer", list[Array], Array], tuple[Array, ...]]
"""A function from a layer, its inputs and the relevance of its output to that of each input."""


@dataclass(frozen=True)
class Layer:
    """A layer with its weights, in Keras's words.

    Attributes:
        kind: The class name.
        config: The settings that matter here.
    """

    name: str
    kind: str
    inputs: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Array] = field(default_factory=dict)


# --- from a model
# -----------------------------------------------------------------------------------------------


def from_model(model: ir.Model) -> list[Layer]:
    """The layers of a model with one input and one output, of Keras's ResNets and VGGs."""
    graph = model.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ValueError("The loops take a model with one input and one output.")
    if graph.outputs[0] != graph.nodes[-1].name:
        raise ValueError(
            f"The loops start at the last layer, but the output is {graph.outputs[0]!r}."
        )
    return [
        Layer(graph.inputs[0], "InputLayer"),
        *(_layer(node, model.params) for node in graph.nodes),
    ]


def _layer(node: ir.Node, params: ir.Params) -> Layer:
    kind, config = _described(node)
    weights = (
        {}
        if node.params is None
        else {role: np.asarray(array) for role, array in params[node.params].items()}
    )
    return Layer(node.name, kind, node.inputs, config, weights)


def _described(node: ir.Node) -> tuple[str, dict[str, Any]]:
    if getattr(node.op, "data_format", "channels_last") != "channels_last":
        raise ValueError(
            f"The loops take channels_last models only, but layer {node.name!r} is channels_first."
        )
    match node.op:
        case ir.Conv(
            strides=(_, _) as strides, padding=str() as padding, dilation=(1, 1), groups=1
        ):
            return "Conv2D", {"strides": strides, "padding": padding}
        case ir.MaxPool(pool_size=(_, _) as size, strides=strides, padding=str() as padding):
            return "MaxPooling2D", {"pool_size": size, "strides": strides, "padding": padding}
        case ir.ZeroPad(padding=(_, _) as padding):
            return "ZeroPadding2D", {"padding": padding}
        case ir.GlobalAvgPool(keepdims=False):
            return "GlobalAveragePooling2D", {}
        case ir.BatchNorm(epsilon=epsilon, axis=-1 | 3):
            return "BatchNormalization", {"epsilon": epsilon}
        case ir.Relu(max_value=None, negative_slope=0, threshold=0):
            return "Activation", {"activation": "relu"}
        case ir.Softmax(axis=-1 | 1):
            return "Activation", {"activation": "softmax"}
        case ir.Add() if len(node.inputs) == 2:
            return "Add", {}
        case ir.Dense():
            return "Dense", {}
        case ir.Flatten():
            return "Flatten", {}
    raise ValueError(
        f"The loops know the layers of ResNets and VGGs, but no rule for layer {node.name!r}: "
        f"{node.op}."
    )


# --- forward
# ----------------------------------------------------------------------------------------------------


def forward(layers: Sequence[Layer], image: Array) -> Arrays:
    """The output of every layer for one image (height, width, channels)."""
    outputs = {layers[0].name: image}
    for layer in layers[1:]:
        linear = _OUTPUT[layer.kind](layer, *(outputs[name] for name in layer.inputs))
        outputs[layer.name] = _ACTIVATION[layer.config.get("activation", "linear")](linear)
    return outputs


def _conv_output(layer: Layer, x: Array) -> Array:
    kernel = layer.weights["kernel"]
    windows = _windows(layer, _padded(x, _pads(layer, x)))
    return np.tensordot(windows, kernel, axes=([3, 4, 2], [0, 1, 2])) + _bias(layer)


def _max_pool_output(layer: Layer, x: Array) -> Array:
    return _windows(layer, _padded(x, _pads(layer, x), -np.inf)).max(axis=(3, 4))


def _batchnorm_output(layer: Layer, x: Array) -> Array:
    weights = layer.weights
    scale = weights.get("gamma", 1) / np.sqrt(weights["moving_variance"] + layer.config["epsilon"])
    return (x - weights["moving_mean"]) * scale + weights.get("beta", 0)


def _softmax(x: Array) -> Array:
    exponential = np.exp(x - x.max())
    return exponential / exponential.sum()


def _window(layer: Layer) -> tuple[int, int]:
    """Height and width of the layer's window."""
    height, width = (
        layer.config["pool_size"]
        if layer.kind == "MaxPooling2D"
        else layer.weights["kernel"].shape[:2]
    )
    return height, width


def _pads(layer: Layer, x: Array) -> Pads:
    """The cells that the layer adds before and after rows and columns.

    Under `same` padding the smaller half is before.
    """
    if layer.config["padding"] == "valid":
        return [(0, 0), (0, 0)]
    totals = [max(cells, 0) for cells in _needed(layer, x)]
    return [(total // 2, total - total // 2) for total in totals]


def _needed(layer: Layer, x: Array) -> list[int]:
    """How far the last `same` window reaches past the end, if the first starts at cell 0."""
    axes = zip(x.shape[:2], _window(layer), layer.config["strides"], strict=True)
    return [
        (-(-length // stride) - 1) * stride + window - length for length, window, stride in axes
    ]


def _padded(x: Array, pads: Pads, value: float = 0.0) -> Array:
    return np.pad(x, (*pads, (0, 0)), constant_values=value)


def _windows(layer: Layer, padded: Array) -> Array:
    """All windows of an image: (row, column, channel, window row, window column)."""
    down, right = layer.config["strides"]
    return np.lib.stride_tricks.sliding_window_view(padded, _window(layer), axis=(0, 1))[
        ::down, ::right
    ]


def _bias(layer: Layer) -> Array:
    kernel = layer.weights["kernel"]
    return layer.weights.get("bias", np.zeros(kernel.shape[-1], kernel.dtype))


_ACTIVATION: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "softmax": _softmax,
}
_OUTPUT: dict[str, Callable[..., Array]] = {
    "Activation": lambda layer, x: x,
    "Add": lambda layer, a, b: a + b,
    "BatchNormalization": _batchnorm_output,
    "Conv2D": _conv_output,
    "Dense": lambda layer, x: x @ layer.weights["kernel"] + _bias(layer),
    "Flatten": lambda layer, x: x.reshape(-1),
    "GlobalAveragePooling2D": lambda layer, x: x.mean(axis=(0, 1)),
    "MaxPooling2D": _max_pool_output,
    "ZeroPadding2D": lambda layer, x: _padded(x, layer.config["padding"]),
}


# --- the rules
# --------------------------------------------------------------------------------------------------


def propagate(layer: Layer, inputs: list[Array], R: Array) -> tuple[Array, ...]:
    """The relevance of each input of a layer, from the relevance `R` of its output."""
    if layer.kind == "Add":
        return add_relevance(inputs[0], inputs[1], R)
    return (_RELEVANCE[layer.kind](layer, inputs[0], R),)


def shares(z: Array, bias: float) -> Array:
    """The share of each contribution: ½ [z⁺ / (Σz⁺ + b⁺) − z⁻ / (Σz⁻ + b⁻)], 0/0 as 0."""
    positive, negative = np.maximum(z, 0), np.minimum(z, 0)
    return 0.5 * (
        _ratio(positive, positive.sum() + max(bias, 0))
        - _ratio(negative, negative.sum() + min(bias, 0))
    )


def _ratio(part: Array, total: float) -> Array:
    return part / total if total != 0 else np.zeros_like(part)


def dense_relevance(layer: Layer, x: Array, R: Array) -> Array:
    """Share out the relevance of one unit after another."""
    kernel, bias = layer.weights["kernel"], _bias(layer)
    relevance = np.zeros_like(x)
    for unit in range(len(R)):
        relevance += R[unit] * shares(x * kernel[:, unit], bias[unit])
    return relevance


def conv_relevance(
    layer: Layer, x: Array, R: Array, positions: Iterable[Position] | None = None
) -> Array:
    """Share out the relevance of one position after another, with the opposite sign.

    Args:
        layer: The convolution.
        x: Its input.
        R: The relevance of its output.
        positions: The (out-channel, row, column) positions to run; all by default.
    """
    kernel, bias = layer.weights["kernel"], _bias(layer)
    (height, width), (down, right) = kernel.shape[:2], layer.config["strides"]
    pads, (top, left) = _walk_pads(layer, x)
    padded = _padded(x, pads)
    relevance = np.zeros_like(padded)
    for channel, row, column in conv_positions(R) if positions is None else positions:
        rows, columns = _span(top + down * row, height), _span(left + right * column, width)
        z = padded[rows, columns] * kernel[:, :, :, channel]
        relevance[rows, columns] -= R[row, column, channel] * shares(z, bias[channel])
    relevance = _cropped(relevance, pads, x)
    return _upsampled(relevance) if (height, width, down, right) == (1, 1, 2, 2) else relevance


def conv_positions(R: Array) -> Iterable[Position]:
    """Every (out-channel, row, column) of a convolution's output, in the loop's order."""
    rows, columns, channels = R.shape
    return product(range(channels), range(rows), range(columns))


def _walk_pads(layer: Layer, x: Array) -> tuple[Pads, tuple[int, int]]:
    """How far the relevance pass pads, and where its first window starts in the padded image.

    Under `same` padding it pads by P = max(k − s, 0) on every side, or by max(k − n mod s, 0) if
    the stride does not divide the number of rows n. The first window starts at P. If that leaves
    the image, it pads as the convolution does.
    """
    pads = _pads(layer, x)
    if layer.config["padding"] == "same":
        window, stride = layer.weights["kernel"].shape[0], layer.config["strides"][0]
        pad = max(window - (x.shape[0] % stride or stride), 0)
        if max(_needed(layer, x)) <= pad:
            return [(pad, pad), (pad, pad)], (pad, pad)
    return pads, (0, 0)


def _span(first: int, length: int) -> slice:
    return slice(first, first + length)


def _upsampled(relevance: Array) -> Array:
    rows, columns = relevance.shape[:2]
    return relevance[::2, ::2].repeat(2, axis=0).repeat(2, axis=1)[:rows, :columns]


def max_pool_relevance(layer: Layer, x: Array, R: Array) -> Array:
    """Give each window's relevance evenly to all its cells, whichever won."""
    (height, width), (down, right) = layer.config["pool_size"], layer.config["strides"]
    pads = _pads(layer, x)
    relevance = np.zeros_like(_padded(x, pads))
    for row, column in product(range(R.shape[0]), range(R.shape[1])):
        relevance[_span(down * row, height), _span(right * column, width)] += R[row, column] / (
            height * width
        )
    return _cropped(relevance, pads, x)


def add_relevance(a: Array, b: Array, R: Array) -> tuple[Array, Array]:
    """Share in proportion to |a| and |b|; where both are 0, one half each."""
    total = abs(a) + abs(b)
    share = np.divide(abs(a), total, out=np.full_like(total, 0.5), where=total != 0)
    return R * share, R * (1 - share)


def _cropped(R: Array, pads: Pads, x: Array) -> Array:
    (top, _), (left, _) = pads
    return R[_span(top, x.shape[0]), _span(left, x.shape[1])]


_RELEVANCE: dict[str, Callable[[Layer, Array, Array], Array]] = {
    "Activation": lambda layer, x, R: R,
    "BatchNormalization": lambda layer, x, R: R,
    "Conv2D": conv_relevance,
    "Dense": dense_relevance,
    "Flatten": lambda layer, x, R: R.reshape(x.shape),
    "GlobalAveragePooling2D": lambda layer, x, R: np.broadcast_to(
        R / (x.shape[0] * x.shape[1]), x.shape
    ),
    "MaxPooling2D": max_pool_relevance,
    "ZeroPadding2D": lambda layer, x, R: _cropped(R, layer.config["padding"], x),
}


# --- the walk
# ---------------------------------------------------------------------------------------------------


def explain(layers: Sequence[Layer], image: Array) -> Arrays:
    """The relevance at every layer's output for one image, and at the pixels."""
    outputs = forward(layers, image)
    return walk(layers, outputs, start(outputs[layers[-1].name]))


def start(probabilities: Array) -> Array:
    """1 where the output equals its maximum, else 0."""
    return (probabilities == probabilities.max()).astype(probabilities.dtype)


def walk(layers: Sequence[Layer], outputs: Arrays, R: Array, rule: Rule = propagate) -> Arrays:
    """Go from the last layer to the first and gather relevance at each layer on the way.

    After an `Add` the walk follows its first input as far as the next activation, where the
    relevance waits. Then it follows the second. An activation passes on what it has gathered when
    the walk comes by. A further `Add` before that activation replaces the second input that was
    still waiting.
    """
    by_name = {layer.name: layer for layer in layers}
    gathered = {layer.name: np.zeros_like(outputs[layer.name]) for layer in layers}
    layer, second = layers[-1], None
    while True:
        gathered[layer.name] += R
        stops = layer.kind == "Activation" or not layer.inputs
        if stops and second:
            (name, R), second = second, None
        elif not layer.inputs:
            return gathered
        else:
            R = gathered[layer.name] if layer.kind == "Activation" else R
            R, *others = rule(layer, [outputs[name] for name in layer.inputs], R)
            name = layer.inputs[0]
            second = (layer.inputs[1], others[0]) if others else second
        layer = by_name[name]


# --- measuring
# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LayerTime:
    """How long the relevance pass takes at one layer.

    Attributes:
        positions: The number of output positions in the layer's loop; 1 unless it is a convolution.
        timed: The number of positions that ran. If there are more, `seconds` is scaled up.
        seconds: The seconds for all positions.
    """

    layer: str
    kind: str
    positions: int
    timed: int
    seconds: float

    @property
    def measured(self) -> bool:
        """Whether the whole layer ran, so that `seconds` is not scaled up."""
        return self.timed == self.positions


def time_per_layer(
    layers: Sequence[Layer], image: Array, positions: int | None = 200, repeats: int = 1
) -> list[LayerTime]:
    """The time of the relevance pass at every layer, in the order of the walk.

    The sum is the time of the whole pass. The work at every position of a convolution is the same,
    so its loop runs on some positions and the time is scaled up. What happens once per layer
    (padding, making the arrays) is timed apart and not scaled. A layer that the walk passes twice
    appears twice.

    Args:
        layers: The layers.
        image: The image.
        positions: How many positions of a convolution to run; `None` for all.
        repeats: The times are medians of this many runs.
    """
    times: list[LayerTime] = []

    def timed(layer: Layer, inputs: list[Array], R: Array) -> tuple[Array, ...]:
        times.append(_layer_time(layer, inputs, R, positions, repeats))
        return tuple(np.ones_like(x) for x in inputs)

    outputs = forward(layers, image)
    walk(layers, outputs, start(outputs[layers[-1].name]), timed)
    return times


def _layer_time(
    layer: Layer, inputs: list[Array], R: Array, positions: int | None, repeats: int
) -> LayerTime:
    if layer.kind != "Conv2D" or positions is None or positions >= R.size:
        count = R.size if layer.kind == "Conv2D" else 1
        seconds = _median_seconds(lambda: propagate(layer, inputs, R), repeats)
        return LayerTime(layer.name, layer.kind, count, count, seconds)
    chosen = list(islice(conv_positions(R), positions))
    once = _median_seconds(lambda: conv_relevance(layer, inputs[0], R, ()), repeats)
    some = _median_seconds(lambda: conv_relevance(layer, inputs[0], R, chosen), repeats)
    seconds = once + max(some - once, 0.0) * R.size / positions
    return LayerTime(layer.name, layer.kind, R.size, positions, seconds)


def time_whole(layers: Sequence[Layer], image: Array) -> float:
    """Seconds of one whole relevance pass for one image, without the forward pass."""
    outputs = forward(layers, image)
    first = start(outputs[layers[-1].name])
    return _median_seconds(lambda: walk(layers, outputs, first), 1)


def _median_seconds(call: Callable[[], object], repeats: int) -> float:
    return statistics.median(_seconds(call) for _ in range(repeats))


def _seconds(call: Callable[[], object]) -> float:
    before = time.perf_counter()
    call()
    return time.perf_counter() - before
