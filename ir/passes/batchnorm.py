"""Fold batch normalisation into the linear layer before or after it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ir.graph import Graph, Node, Params
from ir.ops import BatchNorm, Convolution, ConvTranspose, Dense, DepthwiseConv, Op
from ir.ops.base import channel_axis
from ir.passes.base import Rewritten, Step, rebuilt


def scale_and_shift(norm: BatchNorm, weights: Mapping[str, Any]) -> tuple[Any, Any]:
    """`g = gamma/√(moving_variance + ε)`, `h = beta - moving_mean·g`: the layer is `g·x + h`. Shapes (channels,)."""
    scale = (weights["moving_variance"] + norm.epsilon) ** -0.5
    if "gamma" in weights:
        scale = scale * weights["gamma"]
    shift = -weights["moving_mean"] * scale
    return scale, shift + weights["beta"] if "beta" in weights else shift


def fold_batchnorm(graph: Graph) -> Rewritten:
    """Batch normalisation `g·x + h` becomes part of a linear layer beside it.

    Cases, the first that fits:
    1. linear layer → `BatchNorm` that is its only reader: `kernel·g`, `bias·g + h`, under the BatchNorm's name.
    2. `BatchNorm` → dense layer or convolution without padding that is its only reader: `kernel` scaled by `g` along
       its input channels, `bias + kernel·h`, under that layer's name.
    3. Otherwise (a ReLU behind it, a padded or transposed convolution, several readers) it stays.
    Only a normalisation of the channel axis can be folded.
    """
    rewritten = Rewritten(graph)
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm):
            rewritten = rewritten.then(partial(_fold_one, norm=node, op=node.op))
    return rewritten


def _fold_one(graph: Graph, norm: Node, op: BatchNorm) -> Rewritten:
    norm = graph[norm.name]  # an earlier fold may have changed what it reads
    name, source = norm.name, norm.inputs[0]
    before = graph.get(source)
    if before is not None and _linear_on(before.op, op) and _only_reader(graph, source):
        new = Node(name, before.op, before.inputs, params=f"{name}/folded")
        step: Step = FoldIntoPrevious(before.op, op, str(before.params), str(norm.params), into=f"{name}/folded")
        nodes = [new if node is norm else node for node in graph.nodes if node is not before]
        return rebuilt(graph, nodes, {source: name}, (step,))
    if not _only_reader(graph, name):
        return Rewritten(graph)
    after = graph[graph.readers[name][0]]
    if _linear_on(after.op, op) and _keeps_constants(after.op):
        new = replace(after, inputs=norm.inputs, params=f"{after.name}/folded")
        step = FoldIntoNext(after.op, op, str(after.params), str(norm.params), into=f"{after.name}/folded")
        nodes = [new if node is after else node for node in graph.nodes if node is not norm]
        return rebuilt(graph, nodes, {name: after.name}, (step,))
    return Rewritten(graph)


def _only_reader(graph: Graph, name: str) -> bool:
    return len(graph.readers.get(name, ())) == 1 and name not in graph.outputs


def _linear_on(op: Op, norm: BatchNorm) -> bool:
    if isinstance(op, Dense):
        return norm.axis == -1
    if isinstance(op, Convolution):
        rank = len(op.strides) + 2
        return norm.axis % rank == channel_axis(op.data_format, rank)
    return False


def _keeps_constants(op: Op) -> bool:
    """Whether a constant added to all cells of the input adds a constant to all cells of the output."""
    if not isinstance(op, Convolution):
        return True
    unpadded = op.padding == "valid" or (op.padding != "same" and not any(map(any, op.padding)))
    return unpadded and not isinstance(op, ConvTranspose)


@dataclass(frozen=True)
class _Fold:
    """Which layers are folded, and the new key of their weights."""

    linear: Op
    norm: BatchNorm
    linear_params: str
    norm_params: str
    into: str


@dataclass(frozen=True)
class FoldIntoPrevious(_Fold):
    """`g·(W·x + b) + h = (g·W)·x + (g·b + h)`: the weights of case 1."""

    def __call__(self, params: Params) -> dict[str, Any]:
        weights = params[self.linear_params]
        scale, shift = scale_and_shift(self.norm, params[self.norm_params])
        kernel = weights["kernel"]
        columns = scale
        if isinstance(self.linear, DepthwiseConv):
            columns = scale.reshape(kernel.shape[-2:])
        elif isinstance(self.linear, ConvTranspose):
            columns = scale[:, None]  # its kernel has the output's channels before the input's
        bias = weights["bias"] * scale + shift if "bias" in weights else shift
        return {**params, self.into: {"kernel": kernel * columns, "bias": bias}}


@dataclass(frozen=True)
class FoldIntoNext(_Fold):
    """`W·(g·x + h) + b = (W·g)·x + (W·h + b)`: the weights of case 2."""

    def __call__(self, params: Params) -> dict[str, Any]:
        weights = params[self.linear_params]
        scale, shift = scale_and_shift(self.norm, params[self.norm_params])
        kernel = weights["kernel"]
        # (window, in, groups, out) for a depthwise kernel: one "group" per channel; else in and out lie within a group.
        if isinstance(self.linear, DepthwiseConv):
            blocks, by_row = kernel, (scale[:, None], shift[:, None])
        else:
            groups = getattr(self.linear, "groups", 1)
            blocks = kernel.reshape(*kernel.shape[:-1], groups, kernel.shape[-1] // groups)
            by_row = tuple(v.reshape(groups, -1).T[:, :, None] for v in (scale, shift))
        inner = range(blocks.ndim - 2)  # the window, and the input channels where they are summed over
        bias = (blocks * by_row[1]).sum(axis=tuple(inner)).reshape(-1)
        bias = weights["bias"] + bias if "bias" in weights else bias
        return {**params, self.into: {"kernel": (blocks * by_row[0]).reshape(kernel.shape), "bias": bias}}
