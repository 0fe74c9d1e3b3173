"""A graph's layers as Keras lists them, to match a file of weights alone to a graph.

The graph's keys of weights say which layers there are and which are nested (`outer/inner`). The ops
say what Keras calls the classes and which arrays they may store. Only the file says which of these
they do store (a bias, a scale).
"""

from collections.abc import Sequence
from typing import Protocol

from ir.errors import LoadError
from ir.formats.keras.checkpoint import CheckpointView
from ir.formats.keras.layers import Weight
from ir.formats.keras.legacy import LegacyView
from ir.formats.keras.spec import LayerSpec, ModelSpec
from ir.graph import Graph, Params
from ir.ops import (
    BatchNorm,
    Conv,
    Convolution,
    ConvTranspose,
    Dense,
    DepthwiseConv,
    GroupNorm,
    LayerNorm,
    Op,
    PRelu,
    Scale,
    Standardize,
)
from ir.ops.base import Shape

Weights = tuple[Weight, ...]
Tree = dict[str, "Tree | list[Op]"]
"""Layers in order: a nested model's layers, or the ops of one layer."""

KERNEL = Weight("kernel", ("kernel", "W", "depthwise_kernel"), None, kernel=True)
DEPTHWISE = Weight("kernel", ("depthwise_kernel",), None, part="depthwise")
POINTWISE = Weight("kernel", ("pointwise_kernel",), None)
BIAS = Weight("bias", ("bias", "b"), None)
GAMMA, BETA = Weight("gamma", ("gamma", "scale"), None), Weight("beta", ("beta",), None)
STATISTICS = (
    Weight("moving_mean", ("moving_mean", "running_mean"), None, trainable=False),
    Weight("moving_variance", ("moving_variance", "running_std"), None, trainable=False),
)


class View(Protocol):
    """The layers of a model or nested model in a file. Ask for them in the graph's order."""

    def nested(self, name: str) -> tuple[str, "View"]:
        """The class of a nested model, and its own layers."""

    def arrays(self, name: str, class_name: str) -> list[str]:
        """The names of a layer's arrays."""


def spec_of(graph: Graph, file: CheckpointView | LegacyView) -> ModelSpec:
    """The layers of a graph that store arrays in a file, in the graph's order and without calls."""
    return _model("model", _tree(graph), file)


def input_shape(graph: Graph, name: str, params: Params) -> Shape:
    """What a graph and its weights say about an input's shape: its rank and channels."""
    for reader in graph.readers.get(name, ()):
        node = graph[reader]
        if (
            isinstance(node.op, Convolution | Dense)
            and node.params is not None
            and node.params in params
        ):
            kernel = params[node.params]["kernel"].shape
            if isinstance(node.op, Dense):
                return (None, kernel[0])
            channels = kernel[-1 if isinstance(node.op, ConvTranspose) else -2] * getattr(
                node.op, "groups", 1
            )
            lengths = [None] * len(node.op.strides)
            first = node.op.data_format == "channels_first"
            return (None, channels, *lengths) if first else (None, *lengths, channels)
        if len(node.inputs) == 1 and (found := input_shape(graph, reader, params)) is not None:
            return found
    return (None, None, None, None)


def _tree(graph: Graph) -> Tree:
    ops: dict[str, Op] = {}
    for node in graph.nodes:
        if node.params is not None:
            ops.setdefault(node.params, node.op)
    tree: Tree = {}
    for key, op in ops.items():
        outer, _, part = key.rpartition("/")
        separable = part == "depthwise" and outer in ops
        if not separable:
            both = [ops[f"{key}/depthwise"], op] if f"{key}/depthwise" in ops else [op]
            _enter(tree, key.split("/"), both)
    return tree


def _enter(tree: Tree, path: list[str], ops: list[Op]) -> None:
    for name in path[:-1]:
        inner = tree.setdefault(name, {})
        if isinstance(inner, list):
            raise LoadError(
                f"cannot be matched to a graph in which {name!r} is a layer and a nested model."
            )
        tree = inner
    tree[path[-1]] = ops


def _model(name: str, tree: Tree, view: View) -> ModelSpec:
    layers = []
    for child, entry in tree.items():
        if isinstance(entry, list):
            class_name, options = _class_name(entry), _options(entry)
            arrays = view.arrays(child, class_name)
            layers.append(
                LayerSpec(child, class_name, weights=_choose(child, class_name, options, arrays))
            )
        else:
            class_name, inner = view.nested(child)
            layers.append(LayerSpec(child, class_name, model=_model(child, entry, inner)))
    return ModelSpec(name, tuple(layers), (), ())


def _class_name(ops: Sequence[Op]) -> str:
    op = ops[-1]
    rank = f"{len(op.strides)}D" if isinstance(op, Convolution) else ""
    if len(ops) == 2:
        return f"SeparableConv{rank}"
    names: dict[type[Op], str] = {
        Dense: "Dense",
        Conv: f"Conv{rank}",
        DepthwiseConv: f"DepthwiseConv{rank}",
        ConvTranspose: f"Conv{rank}Transpose",
        BatchNorm: "BatchNormalization",
        LayerNorm: "LayerNormalization",
        GroupNorm: "GroupNormalization",
        PRelu: "PReLU",
        Scale: "LayerScale",
        Standardize: "Normalization",
    }
    return names.get(type(op), type(op).__name__)


def _options(ops: Sequence[Op]) -> list[Weights]:
    """The sets of arrays that a layer may store, in Keras's order."""
    op = ops[-1]
    if len(ops) == 2:
        return [(DEPTHWISE, POINTWISE, BIAS), (DEPTHWISE, POINTWISE)]
    if isinstance(op, Dense | Convolution):
        return [(KERNEL, BIAS), (KERNEL,)]
    if isinstance(op, BatchNorm):
        return [(*learned, *STATISTICS) for learned in ((GAMMA, BETA), (GAMMA,), (BETA,), ())]
    if isinstance(op, LayerNorm | GroupNorm):
        return [(GAMMA, BETA), (GAMMA,), (BETA,)]
    if isinstance(op, PRelu):
        return [(Weight("alpha", ("alpha", "alphas"), None),)]
    if isinstance(op, Scale):
        return [(Weight("scale", ("gamma", "scale"), None),)]
    if isinstance(op, Standardize):
        roles = ("mean", "variance", "count")
        return [
            tuple(
                Weight(role, (role,), None, trainable=False, used=role != "count") for role in roles
            )
        ]
    return []


def _choose(layer: str, class_name: str, options: list[Weights], arrays: list[str]) -> Weights:
    """Choose the option that a layer's arrays are, by their number and their names."""
    fitting = [option for option in options if len(option) == len(arrays)]
    if len(fitting) > 1:
        ends = [array.removesuffix(":0").rpartition("/")[2] for array in arrays]
        fitting = [
            o
            for o in fitting
            if all(any(e.endswith(n) for n in w.names) for w, e in zip(o, ends, strict=True))
        ]
    if len(fitting) != 1:
        raise LoadError(
            f"holds {len(arrays)} arrays for the graph's layer {layer!r} ({class_name}), which "
            "does not say what they are: give the architecture as a .json or .keras file."
        )
    return fitting[0]
