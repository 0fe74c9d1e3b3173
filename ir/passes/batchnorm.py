"""Fold batch normalisation into the linear layer before or behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ir.graph import Graph, Node, Params
from ir.ops import BatchNorm, Convolution, ConvTranspose, Dense, DepthwiseConv, Op
from ir.ops.base import channel_axis
from ir.passes.base import Rewritten, Step, rebuilt
from ir.passes.channels import Channels, channels_behind, keeps_channels

Linear = Dense | Convolution
"""The layers whose kernels this pass knows how to change."""


def scale_and_shift(norm: BatchNorm, weights: Mapping[str, Any]) -> tuple[Any, Any]:
    """Write a layer as `g·x + h`: `g = gamma/√(moving_variance + ε)`, `h = beta - moving_mean·g`.

    Args:
        norm: The layer's op.
        weights: Its weights, arrays of NumPy or JAX.

    Returns:
        `g` and `h`, of shape (channels,).
    """
    scale = (weights["moving_variance"] + norm.epsilon) ** -0.5
    if "gamma" in weights:
        scale = scale * weights["gamma"]
    shift = -weights["moving_mean"] * scale
    return scale, shift + weights["beta"] if "beta" in weights else shift


def fold_batchnorm(graph: Graph) -> Rewritten:
    """Make batch normalisation `g·x + h` a part of a linear layer before or behind it.

    Between the two there may be ops that an affine map per channel may change places with: average
    pooling (whose means leave padding out), crops, permutations, copies of pixels, and in case 2
    `Flatten`. Each value on the way has one reader. `_` stands for such ops, possibly none. The
    first of these cases that fits is taken:

    1. linear layer → _ → `BatchNorm`: `kernel·g`, `bias·g + h`. A layer right before the BatchNorm
       gets its name. With ops between, all keep theirs, except the last one before a BatchNorm that
       is an output of the graph.
    2. `BatchNorm` → _ → dense layer, convolution without padding, or another `BatchNorm`: `kernel`
       scaled by `g` along its input channels, `bias + kernel·h`, under that layer's name. Behind
       `Flatten` the rows of a kernel repeat by channel.
    3. As 1 and 2 with max pooling on the way: `max(g·x + h) = g·max(x) + h` where `g > 0`. The
       weights decide which channels these are. So the `BatchNorm` stays, with `g = 1` and `h = 0`
       in the channels that were folded.
    4. Otherwise it stays: before a ReLU, a sum, or a convolution that pads or is transposed, or
       with several readers.

    Every fold leaves what the network computes as it is, and the relevance of LRP-0 too. Rules that
    treat contributions by sign (z⁺, αβ, γ) give other relevance once a layer is folded. They then
    see with which sign an input acts on the value behind the normalisation, which is their purpose.
    Each of these cases has one way to fold. Through a sum there are many: every share of `h` could
    go to every branch, each with another relevance. Nothing in the network makes that choice, so
    sums stop a fold. A negative `g` before a max pool would make it a min pool. Bilinear resizes
    stop a fold as well: their rule shares by distance alone, and the share of `h` would move.

    Args:
        graph: Any graph. Only a normalisation of the channel axis is folded.

    Returns:
        The folded graph, with the steps that compute its weights from those of `graph`.

    Example:
        >>> import ir
        >>> nodes = [
        ...     ir.Node("bn", ir.BatchNorm(), ("x",), "bn"),
        ...     ir.Node("pool", ir.GlobalAvgPool(), ("bn",)),
        ...     ir.Node("fc", ir.Dense(), ("pool",), "fc"),
        ... ]
        >>> [n.name for n in fold_batchnorm(ir.Graph(nodes, ["x"], ["fc"])).graph.nodes]
        ['pool', 'fc']
    """
    rewritten = Rewritten(graph)
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm):
            rewritten = rewritten.then(partial(_fold_one, name=node.name))
    return rewritten


@dataclass(frozen=True)
class _Place:
    """A linear layer that a BatchNorm can become part of.

    Attributes:
        layer: The layer.
        between: The nodes on the way, in the graph's order.
        channels: Where the channels lie at the end of the way.
    """

    layer: Node
    between: tuple[Node, ...]
    channels: Channels


def _fold_one(graph: Graph, name: str) -> Rewritten:
    norm = graph[name]  # an earlier fold may have changed its op or what it reads
    assert isinstance(norm.op, BatchNorm)
    before, behind = _before(graph, norm, norm.op), _behind(graph, norm, norm.op)
    if before is not None and not before.channels.rising:
        return _folded_before(graph, norm, norm.op, before)
    if behind is not None and not behind.channels.rising:
        return _folded_behind(graph, norm, norm.op, behind)
    if before is not None:
        return _folded_in_part(graph, norm, norm.op, before, FoldIntoPrevious)
    if behind is not None:
        return _folded_in_part(graph, norm, norm.op, behind, FoldIntoNext)
    return Rewritten(graph)


def _before(graph: Graph, norm: Node, op: BatchNorm) -> _Place | None:
    """The linear layer whose output reaches the BatchNorm and nothing else."""
    between: list[Node] = []
    node = graph.get(norm.inputs[0])
    while node is not None and _has_one_reader(graph, node.name):
        if isinstance(node.op, Linear):
            channels = _follow(_output_channels(node.op), between)
            if channels is None or channels.repeated or not channels.same_axis(op.axis):
                return None
            return _Place(node, tuple(between), channels)
        if not keeps_channels(node.op):
            return None
        between.insert(0, node)
        node = graph.get(node.inputs[0])
    return None


def _behind(graph: Graph, norm: Node, op: BatchNorm) -> _Place | None:
    """The linear layer that alone reads what the BatchNorm computes."""
    between: list[Node] = []
    channels: Channels | None = Channels(op.axis)
    node = norm
    while channels is not None and _has_one_reader(graph, node.name):
        node = graph[graph.readers[node.name][0]]
        if len(node.inputs) > 1:
            return None
        if isinstance(node.op, Linear | BatchNorm):
            return _Place(node, tuple(between), channels) if _takes(node.op, channels) else None
        between.append(node)
        channels = channels_behind(node.op, channels)
    return None


def _has_one_reader(graph: Graph, name: str) -> bool:
    return len(graph.readers.get(name, ())) == 1 and name not in graph.outputs


def _follow(channels: Channels, between: list[Node]) -> Channels | None:
    found: Channels | None = channels
    for node in between:
        found = None if found is None else channels_behind(node.op, found)
    return found


def _output_channels(op: Linear) -> Channels:
    if isinstance(op, Dense):
        return Channels(-1)
    rank = len(op.strides) + 2
    return Channels(channel_axis(op.data_format, rank), rank)


def _takes(op: Op, channels: Channels) -> bool:
    """Whether `g` and `h` before a layer can become part of its weights."""
    if isinstance(op, BatchNorm):
        return channels.same_axis(op.axis)
    if isinstance(op, Dense):
        return channels.lie("channels_last")
    if not isinstance(op, Convolution) or op.transposed or channels.repeated:
        return False
    # At the border of a padded image fewer cells are summed: the share of `h` would be smaller.
    unpadded = op.padding == "valid" or (op.padding != "same" and not any(map(any, op.padding)))
    return unpadded and replace(channels, rank=len(op.strides) + 2).lie(op.data_format)


def _folded_before(graph: Graph, norm: Node, op: BatchNorm, place: _Place) -> Rewritten:
    layer, name = place.layer, norm.name
    into = f"{name}/folded"
    step = FoldIntoPrevious(layer.op, op, str(layer.params), str(norm.params), into)
    if not place.between:
        new = Node(name, layer.op, layer.inputs, into)
        nodes = [new if node is norm else node for node in graph.nodes if node is not layer]
        return rebuilt(graph, nodes, {layer.name: name}, (step,))
    last = place.between[-1].name
    nodes = [
        replace(node, params=into) if node is layer else node
        for node in graph.nodes
        if node is not norm
    ]
    if name in graph.outputs:
        nodes = [replace(node, name=name) if node.name == last else node for node in nodes]
        return rebuilt(
            graph, [_reading(node, {last: name}) for node in nodes], {last: name}, (step,)
        )
    return rebuilt(graph, [_reading(node, {name: last}) for node in nodes], {name: last}, (step,))


def _folded_behind(graph: Graph, norm: Node, op: BatchNorm, place: _Place) -> Rewritten:
    layer = place.layer
    into = f"{norm.name}/folded"
    step: Step = FoldIntoNext(layer.op, op, str(layer.params), str(norm.params), into)
    new = replace(layer, op=_plain(layer.op), params=into)
    nodes = [new if node is layer else node for node in graph.nodes if node is not norm]
    nodes = [_reading(node, {norm.name: norm.inputs[0]}) for node in nodes]
    return rebuilt(graph, nodes, {norm.name: layer.name}, (step,))


def _folded_in_part(
    graph: Graph, norm: Node, op: BatchNorm, place: _Place, kind: "type[_Fold]"
) -> Rewritten:
    layer, into, rest = place.layer, f"{norm.name}/folded", f"{norm.name}/rest"
    step = kind(layer.op, op, str(layer.params), str(norm.params), into, rest)
    new = {
        layer.name: replace(layer, op=_plain(layer.op), params=into),
        norm.name: replace(norm, op=_plain(op), params=rest),
    }
    return rebuilt(graph, [new.get(node.name, node) for node in graph.nodes], {}, (step,))


def _plain(op: Op) -> Op:
    """The op of a layer whose weights are new: a BatchNorm's are `g` and `h`, without an ε."""
    return replace(op, epsilon=0.0) if isinstance(op, BatchNorm) else op


def _reading(node: Node, names: Mapping[str, str]) -> Node:
    return replace(node, inputs=tuple(names.get(name, name) for name in node.inputs))


@dataclass(frozen=True)
class _Fold:
    """Which layers are folded, and the new keys of their weights.

    Attributes:
        linear: The layer that takes the BatchNorm up.
        norm: The BatchNorm.
        linear_params: The key of the layer's weights.
        norm_params: The key of the BatchNorm's weights.
        into: The new key of the layer's weights. It has the name of the BatchNorm, which is folded
            once. The layer may take up one BatchNorm before and one behind it.
        rest: The key of the weights that the BatchNorm keeps; `None` where all of it is folded.
    """

    linear: Op
    norm: BatchNorm
    linear_params: str
    norm_params: str
    into: str
    rest: str | None = None

    def __call__(self, params: Params) -> dict[str, Any]:
        scale, shift = scale_and_shift(self.norm, params[self.norm_params])
        rests = {}
        if self.rest is not None:
            rising = (scale > 0).astype(scale.dtype)
            falling = 1 - rising
            rests[self.rest] = _norm_weights(rising + falling * scale, falling * shift)
            scale, shift = rising * scale + falling, rising * shift
        return {**params, **rests, self.into: self.folded(params[self.linear_params], scale, shift)}

    def folded(self, weights: Mapping[str, Any], scale: Any, shift: Any) -> dict[str, Any]:
        """The weights of the linear layer with `g` and `h` in them."""
        raise NotImplementedError


@dataclass(frozen=True)
class FoldIntoPrevious(_Fold):
    """`g·(W·x + b) + h = (g·W)·x + (g·b + h)`: the weights of case 1."""

    def folded(self, weights: Mapping[str, Any], scale: Any, shift: Any) -> dict[str, Any]:
        kernel = weights["kernel"]
        columns = scale
        if isinstance(self.linear, DepthwiseConv):
            columns = scale.reshape(kernel.shape[-2:])
        elif isinstance(self.linear, ConvTranspose):
            columns = scale[:, None]  # its kernel has the output's channels before the input's
        bias = weights["bias"] * scale + shift if "bias" in weights else shift
        return {"kernel": kernel * columns, "bias": bias}


@dataclass(frozen=True)
class FoldIntoNext(_Fold):
    """`W·(g·x + h) + b = (W·g)·x + (W·h + b)`: the weights of case 2."""

    def folded(self, weights: Mapping[str, Any], scale: Any, shift: Any) -> dict[str, Any]:
        if isinstance(self.linear, BatchNorm):
            outer, offset = scale_and_shift(self.linear, weights)
            scale, shift = (_repeated(v, len(outer)) for v in (scale, shift))
            return _norm_weights(outer * scale, outer * shift + offset)
        kernel = weights["kernel"]
        if isinstance(self.linear, Dense):
            scale, shift = (_repeated(v, kernel.shape[-2]) for v in (scale, shift))
        # A depthwise kernel is (window, in, out): one "group" per channel. Other kernels become
        # (window, in, groups, out), with in and out within a group.
        if isinstance(self.linear, DepthwiseConv):
            blocks, by_row = kernel, (scale[:, None], shift[:, None])
        else:
            groups = getattr(self.linear, "groups", 1)
            blocks = kernel.reshape(*kernel.shape[:-1], groups, kernel.shape[-1] // groups)
            by_row = tuple(v.reshape(groups, -1).T[:, :, None] for v in (scale, shift))
        inner = range(
            blocks.ndim - 2
        )  # the window, and the input channels where they are summed over
        bias = (blocks * by_row[1]).sum(axis=tuple(inner)).reshape(-1)
        bias = weights["bias"] + bias if "bias" in weights else bias
        return {"kernel": (blocks * by_row[0]).reshape(kernel.shape), "bias": bias}


def _norm_weights(scale: Any, shift: Any) -> dict[str, Any]:
    """Weights of a BatchNorm without an ε that computes `g·x + h`."""
    zero = scale - scale
    return {"moving_mean": zero, "moving_variance": zero + 1, "gamma": scale, "beta": shift}


def _repeated(values: Any, length: int) -> Any:
    """The values of all channels, once per position; as they are where the length is theirs."""
    return values[None].repeat(length // max(len(values), 1), 0).reshape(-1)
