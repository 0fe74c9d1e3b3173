"""From the neutral form to a graph, with a node for every call, also in nested models."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ir.analysis.shapes import Shapes
from ir.errors import LoadError
from ir.formats.keras.layers import LayerCall, Part, convert_layer
from ir.formats.keras.layers.registry import (
    BEFORE_LOADING,
    Outputs,
    acts_in_training,
    refusal,
    wrapper_of,
)
from ir.formats.keras.spec import Call, LayerSpec, ModelSpec
from ir.formats.keras.steps import at_every_step, weights_at_every_step
from ir.formats.keras.weights import Params as Arrays
from ir.formats.keras.weights import unwrap
from ir.formats.limits import MAX_EDGES, MAX_NODES
from ir.graph import Graph, GraphError, Node, pruned
from ir.ops import Op, Shape, ShapeError
from ir.ops.base import possible

MAX_CONSTANTS = 10_000_000
"""Numbers in the configuration. Each call of a layer counts them again."""

Place = tuple[str, int]
"""A layer's name, and the number of a call, from 0."""

Steps = tuple[int | None, ...]
"""The lengths of the axes of steps behind the batch, the outermost first (`TimeDistributed`)."""


def lay_out(spec: ModelSpec, params: Arrays) -> tuple[Graph, tuple[Shape, ...]]:
    """Lay out a model as a graph.

    Args:
        spec: The model.
        params: The weights. Constants of the configuration are added to them.

    Returns:
        The graph, and the shapes of its inputs.
    """
    builder = _Builder(params, spec.keras_version)
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
        raise LoadError(
            f"does not hold a model that can be laid out as a graph: {error}"
        ) from error
    return graph, tuple(builder.shapes[name] for name in inputs)


class _Builder:
    """The nodes so far, with the shapes of their values."""

    def __init__(self, params: Arrays, keras_version: int) -> None:
        self.params = params
        self.stored = dict(params)
        self.keras_version = keras_version
        self.nodes: list[Node] = []
        self.aliases: dict[str, str] = {}
        self.shapes = Shapes()
        self.orders: dict[int, list[tuple[LayerSpec, int]]] = {}
        self.calls = self.edges = self.constants = 0

    def model(
        self, spec: ModelSpec, fed: list[str], nodes: str, weights: str, steps: Steps = ()
    ) -> list[str]:
        """Lay out a model and return its output values.

        Args:
            spec: The model.
            fed: The values that are its inputs.
            nodes: The prefix of its nodes' names.
            weights: The prefix of its keys in `params`.
            steps: The axes of steps, if the model is applied at every step of a series.
        """
        if len(fed) != len(spec.inputs):
            raise LoadError(
                f"calls {spec.name!r} with {len(fed)} values, but that model has "
                f"{len(spec.inputs)} inputs."
            )
        values: dict[Place, list[str]] = {}
        for tensor, value in zip(spec.inputs, fed, strict=True):
            values[tensor.layer, tensor.call] = [value]
            if nodes:
                self.aliases[nodes + tensor.layer] = value
        if id(spec) not in self.orders:  # the same in every call
            self.orders[id(spec)] = _order(spec, set(values))
        for layer, number in self.orders[id(spec)]:
            call = layer.calls[number]
            read = [_output(values, t.layer, t.call, t.index) for t in call.tensors]
            name = nodes + layer.name + (f":{number}" if number else "")
            values[layer.name, number] = self.layer(
                layer, call, read, name, weights + layer.name, steps
            )
        return [_output(values, t.layer, t.call, t.index) for t in spec.outputs]

    def layer(
        self, layer: LayerSpec, call: Call, read: list[str], name: str, key: str, steps: Steps = ()
    ) -> list[str]:
        """Lay out one call of a layer or nested model as `name`, and return its output values."""
        if not read:
            raise LoadError(
                f"is damaged: nothing goes into the layer {name!r} ({layer.class_name})."
            )
        # Keras 3 replaces the argument by that of the whole model, which is inference.
        if call.keywords.get("training") and self.keras_version < 3:
            _refuse_training(layer, name)
        self.count(len(read) + (0 if layer.model is None else len(layer.model.outputs)))
        if layer.model is not None:
            values = self.model(layer.model, read, f"{name}/", f"{key}/", steps)
            self.aliases[name] = values[0]
            return values
        if layer.inner is not None:
            if wrapper_of(layer.class_name, layer.name) == "TimeDistributed":
                steps = (*steps, self.length_of_series(layer, read, steps))
            return self.layer(unwrap(layer), call, read, name, key, steps)
        shapes = tuple(_of_one_step(self.shapes[value], steps) for value in read)
        parts = convert_layer(LayerCall(layer, call, shapes, self.keras_version))
        inputs: dict[int | str, str] = dict(enumerate(read))
        made = []
        for part in parts:
            reads = (
                tuple(read) if part.reads is None else tuple(inputs[which] for which in part.reads)
            )
            self.count(len(reads), calls=0)
            node = self.part(part, layer, reads, name, key, steps)
            inputs[part.name] = node.name
            read = [node.name]
            made.append(node.name)
        if not parts:
            self.aliases[name] = read[0]
        if isinstance(parts, Outputs):
            if name not in made:
                self.aliases[name] = made[0]
            return made
        return read[:1]

    def part(
        self,
        part: Part,
        layer: LayerSpec,
        reads: tuple[str, ...],
        name: str,
        key: str,
        steps: Steps,
    ) -> Node:
        """Add the node of one part of a layer, and its weights."""
        op, brought = self.at_all_steps(part.op, layer, reads, steps)
        if part.arrays is not None:
            brought = [part.arrays, *brought]
        suffix = part.name if part.weights is None or part.arrays is not None else part.weights
        at = f"{key}/{suffix}" if suffix else key
        if part.constants:
            self.params[at] = {
                **self.params.get(at, {}),
                **self.copy_constants(part.constants, name),
            }
        if brought and (part.weights is not None or part.constants):
            stored = f"{key}/{part.weights}" if part.weights else key
            arrays: Mapping[str, Any] = (
                self.stored.get(stored, {}) if part.weights is not None else self.params[at]
            )
            for bring in brought:
                arrays = bring(arrays)
            self.params[at] = {role: np.asarray(array) for role, array in arrays.items()}
        weighted = part.weights is not None or part.constants
        node = Node(
            f"{name}/{part.name}" if part.name else name, op, reads, at if weighted else None
        )
        self.add(node, layer)
        return node

    def at_all_steps(
        self, op: Op, layer: LayerSpec, reads: tuple[str, ...], steps: Steps
    ) -> tuple[Op, list[Callable[[Mapping[str, Any]], Mapping[str, Any]]]]:
        """The op that does `op` at all steps, and the functions that reshape its weights."""
        brought = []
        for index, length in reversed(list(enumerate(steps))):
            rank = len(self.shapes[reads[0]]) - index - 1
            lifted = at_every_step(op, length, rank)
            if lifted is None:
                raise refusal(
                    layer,
                    "is applied at every step of a series (TimeDistributed), which is not "
                    f"supported for {op}",
                )
            change = weights_at_every_step(op)
            brought += [] if change is None else [change]
            op = lifted
        return op, brought

    def length_of_series(self, layer: LayerSpec, read: list[str], steps: Steps) -> int | None:
        """The number of steps in a layer's input series."""
        shapes = [self.shapes[value] for value in read]
        at = 1 + len(steps)
        if any(len(shape) < at + 2 for shape in shapes) or len({shape[at] for shape in shapes}) > 1:
            raise refusal(
                layer,
                f"is applied to each step of a series, but is given values of shape {shapes[0]}",
            )
        return shapes[0][at]

    def count(self, edges: int, calls: int = 1) -> None:
        """Count more calls and edges; `LoadError` if there are too many."""
        self.calls, self.edges = self.calls + calls, self.edges + edges
        if max(self.calls, len(self.nodes)) > MAX_NODES or self.edges > MAX_EDGES:
            raise LoadError(
                f"calls its layers and models so often that they make more than {MAX_NODES:,} "
                f"nodes or {MAX_EDGES:,} edges."
            )

    def copy_constants(
        self, constants: Mapping[str, np.ndarray], name: str
    ) -> dict[str, np.ndarray]:
        """Copy constants of the configuration. They may be views of a single number."""
        self.constants += sum(map(np.size, constants.values()))
        if self.constants > MAX_CONSTANTS:
            raise LoadError(
                f"has more than {MAX_CONSTANTS:,} numbers as constants of layers, the last at "
                f"{name!r}."
            )
        return {role: np.array(array) for role, array in constants.items()}

    def add(self, node: Node, layer: LayerSpec) -> None:
        """Append a node and check its shape."""
        arrays = self.params.get(node.params, {}) if node.params is not None else {}
        try:
            self.shapes.add(node, arrays)
        except ShapeError as error:
            what = f"{node.name!r} ({layer.class_name})"
            raise LoadError(
                f"holds layers or weights that do not fit each other: {what} {error}"
            ) from error
        self.nodes.append(node)


def _of_one_step(shape: Shape, steps: Steps) -> Shape:
    return (*shape[:1], *shape[1 + len(steps) :])


def _refuse_training(layer: LayerSpec, name: str) -> None:
    """`LoadError` for a call with `training=True` of a layer or model that it changes."""
    waiting = [layer]
    while waiting:
        each = waiting.pop()
        if each.model is not None:
            waiting += each.model.layers
        elif each.inner is not None:
            waiting.append(each.inner)
        if each.model is None and acts_in_training(each):
            raise LoadError(
                f"calls the layer {name!r} with training=True, so that {each.class_name} acts as "
                f"in training. {BEFORE_LOADING} instead, such as its mean: "
                f'`ir.keras.register("{each.class_name}", training=True)` '
                "(after `import ir.keras`)."
            )


def _output(values: Mapping[Place, list[str]], layer: str, call: int, index: int) -> str:
    outputs = values.get((layer, call), [])
    if index >= len(outputs):
        raise LoadError(
            f"is damaged: output {index} of call {call} of {layer!r} is read but does not exist."
        )
    return outputs[index]


def _order(spec: ModelSpec, given: set[Place]) -> list[tuple[LayerSpec, int]]:
    """Order the calls of all layers: each after those that it reads, else as in the file."""
    layers = {layer.name: layer for layer in spec.layers}
    order: list[tuple[LayerSpec, int]] = []
    done, open_ = set(given), set[Place]()
    for start in [
        (layer.name, number) for layer in spec.layers for number in range(len(layer.calls))
    ]:
        stack = [start]
        while stack:
            place = stack[-1]
            if place in done:
                stack.pop()
                continue
            name, number = place
            if name not in layers or number >= len(layers[name].calls):
                raise LoadError(
                    f"is damaged: it refers to call {number} of a layer {name!r}, which does not "
                    "exist."
                )
            missing = [
                p
                for t in layers[name].calls[number].tensors
                if (p := (t.layer, t.call)) not in done
            ]
            if any(p in open_ for p in missing):
                raise LoadError(
                    f"is damaged: the layer {name!r} reads its own output, directly or through "
                    "others."
                )
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
    """An input's shape, with `None` for the batch."""
    config = layer.config
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if not isinstance(shape, list | tuple):
        raise LoadError(
            f"does not say of what shape the input {layer.name!r} is: call the model on images or "
            "build it with an input shape, and save it again."
        )
    if len(shape) < 2 or not all(n is None or (type(n) is int and n > 0) for n in shape):
        raise LoadError(
            f"has the input {layer.name!r} of shape {tuple(shape)}; lengths above zero are needed."
        )
    if not possible(tuple(shape)):
        raise LoadError(f"has the input {layer.name!r} of a shape that no images can have.")
    return (None, *shape[1:])
