"""From the neutral form to a graph: nested models and further calls of shared layers written out."""

from collections.abc import Mapping

import numpy as np

from ir.analysis.shapes import Shapes
from ir.errors import LoadError
from ir.formats.keras.layers import LayerCall, converted
from ir.formats.keras.spec import Call, LayerSpec, ModelSpec
from ir.formats.keras.weights import Params as Arrays
from ir.graph import Graph, GraphError, Node, pruned
from ir.ops import Shape, ShapeError
from ir.ops.base import possible

MOST_NODES = 10_000
"""As many calls of layers are allowed: models that call models can name far more than the file has bytes."""

MOST_EDGES = 10 * MOST_NODES
"""Of all nodes together; what comes out of nested models is counted as well."""

MOST_CONSTANTS = 10_000_000
"""Numbers that stand in the configuration, counted again for every call of their layer."""

Place = tuple[str, int]
"""A layer's name and which of its calls, counted from 0."""


def inlined(spec: ModelSpec, params: Arrays, keras_version: int) -> tuple[Graph, tuple[Shape, ...]]:
    """The graph of a model with these weights, and its inputs' shapes.

    Constants of the configuration become entries of `params`.
    """
    builder = _Builder(params, keras_version)
    layers = {layer.name: layer for layer in spec.layers}
    inputs = [tensor.layer for tensor in spec.inputs]
    for name in inputs:
        builder.shapes[name] = _input_shape(layers[name])
    outputs = builder.model(spec, inputs, "", "")
    nodes = pruned(builder.nodes, outputs)
    kept = {*inputs, *(node.name for node in nodes)}
    aliases = {alias: name for alias, name in builder.aliases.items() if name in kept}
    try:
        graph = Graph(nodes, inputs, outputs, aliases)
    except GraphError as error:
        raise LoadError(f"does not hold a model that can be laid out as a graph: {error}") from error
    return graph, tuple(builder.shapes[name] for name in inputs)


class _Builder:
    """The nodes made so far, with the shapes of their values."""

    def __init__(self, params: Arrays, keras_version: int) -> None:
        self.params = params
        self.keras_version = keras_version
        self.nodes: list[Node] = []
        self.aliases: dict[str, str] = {}
        self.shapes = Shapes()
        self.orders: dict[int, list[tuple[LayerSpec, int]]] = {}
        self.calls = self.edges = self.constants = 0

    def model(self, spec: ModelSpec, fed: list[str], nodes: str, weights: str) -> list[str]:
        """Lay out a model whose inputs are the values `fed`; returns the values that come out.

        `nodes` and `weights` are the prefixes of its nodes' names and of its keys in `params`.
        """
        if len(fed) != len(spec.inputs):
            raise LoadError(
                f"calls {spec.name!r} with {len(fed)} values, but that model has {len(spec.inputs)} inputs."
            )
        values: dict[Place, list[str]] = {}
        for tensor, value in zip(spec.inputs, fed, strict=True):
            values[tensor.layer, tensor.call] = [value]
            if nodes:
                self.aliases[nodes + tensor.layer] = value
        if id(spec) not in self.orders:  # the same in every call
            self.orders[id(spec)] = _ordered(spec, set(values))
        for layer, number in self.orders[id(spec)]:
            call = layer.calls[number]
            read = [_output(values, t.layer, t.call, t.index) for t in call.tensors]
            name = nodes + layer.name + (f":{number}" if number else "")
            values[layer.name, number] = self.layer(layer, call, read, name, weights + layer.name)
        return [_output(values, t.layer, t.call, t.index) for t in spec.outputs]

    def layer(self, layer: LayerSpec, call: Call, read: list[str], name: str, key: str) -> list[str]:
        """Lay out one call of a layer or nested model under `name`; returns the values that come out."""
        if not read:
            raise LoadError(f"is damaged: nothing goes into the layer {name!r} ({layer.class_name}).")
        if call.keywords.get("training"):
            raise LoadError(f"calls the layer {name!r} with training=True, which is not supported.")
        self.count(len(read) + (0 if layer.model is None else len(layer.model.outputs)))
        if layer.model is not None:
            values = self.model(layer.model, read, f"{name}/", f"{key}/")
            self.aliases[name] = values[0]
            return values
        shapes = tuple(self.shapes[value] for value in read)
        parts = converted(LayerCall(layer, call, shapes, self.keras_version))
        inputs: dict[int | str, str] = dict(enumerate(read))
        for part in parts:
            suffix = part.name if part.weights is None else part.weights
            at = f"{key}/{suffix}" if suffix else key
            node = Node(
                f"{name}/{part.name}" if part.name else name,
                part.op,
                tuple(read) if part.reads is None else tuple(inputs[which] for which in part.reads),
                None if part.weights is None and not part.constants else at,
            )
            if part.constants:
                self.params[at] = {**self.params.get(at, {}), **self.made(part.constants, name)}
            self.add(node, layer)
            inputs[part.name] = node.name
            read = [node.name]
        if not parts:
            self.aliases[name] = read[0]
        return read[:1]

    def count(self, edges: int) -> None:
        """Count one more call; `LoadError` where there are too many."""
        self.calls, self.edges = self.calls + 1, self.edges + edges
        if max(self.calls, len(self.nodes)) > MOST_NODES or self.edges > MOST_EDGES:
            raise LoadError(
                f"calls its layers and models so often that they make more than {MOST_NODES:,} nodes or "
                f"{MOST_EDGES:,} edges."
            )

    def made(self, constants: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
        """Constants of the configuration as arrays of their own, which may be one number in the shape of many."""
        self.constants += sum(map(np.size, constants.values()))
        if self.constants > MOST_CONSTANTS:
            raise LoadError(f"has more than {MOST_CONSTANTS:,} numbers as constants of layers, the last at {name!r}.")
        return {role: np.array(array) for role, array in constants.items()}

    def add(self, node: Node, layer: LayerSpec) -> None:
        """Append a node, its shape checked."""
        arrays = self.params.get(node.params, {}) if node.params is not None else {}
        try:
            self.shapes.add(node, arrays)
        except ShapeError as error:
            what = f"{node.name!r} ({layer.class_name})"
            raise LoadError(f"holds layers or weights that do not fit each other: {what} {error}") from error
        self.nodes.append(node)


def _output(values: Mapping[Place, list[str]], layer: str, call: int, index: int) -> str:
    outputs = values.get((layer, call), [])
    if index >= len(outputs):
        raise LoadError(f"is damaged: nothing is output {index} of call {call} of {layer!r}, which is read.")
    return outputs[index]


def _ordered(spec: ModelSpec, given: set[Place]) -> list[tuple[LayerSpec, int]]:
    """Every call of every layer after those that it reads, otherwise in the file's order."""
    layers = {layer.name: layer for layer in spec.layers}
    order: list[tuple[LayerSpec, int]] = []
    done, open_ = set(given), set[Place]()
    for start in [(layer.name, number) for layer in spec.layers for number in range(len(layer.calls))]:
        stack = [start]
        while stack:
            place = stack[-1]
            if place in done:
                stack.pop()
                continue
            name, number = place
            if name not in layers or number >= len(layers[name].calls):
                raise LoadError(f"is damaged: it refers to call {number} of a layer {name!r}, which there is not.")
            missing = [p for t in layers[name].calls[number].tensors if (p := (t.layer, t.call)) not in done]
            if any(p in open_ for p in missing):
                raise LoadError(f"is damaged: the layer {name!r} reads its own output, directly or through others.")
            if missing:
                open_.add(place)
                stack.extend(reversed(missing))
            else:
                stack.pop()
                open_.discard(place)
                done.add(place)
                order.append((layers[name], number))
    return order


def _input_shape(layer: LayerSpec) -> Shape:
    """An input's shape with the batch left open."""
    config = layer.config
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if not isinstance(shape, list | tuple):
        raise LoadError(
            f"does not say of what shape the input {layer.name!r} is: call the model on images or build it with an "
            "input shape, and save it again."
        )
    if len(shape) < 2 or not all(n is None or (type(n) is int and n > 0) for n in shape):
        raise LoadError(f"has the input {layer.name!r} of shape {tuple(shape)}; lengths above zero are needed.")
    if not possible(tuple(shape)):
        raise LoadError(f"has the input {layer.name!r} of a shape that no images can have.")
    return (None, *shape[1:])
