"""The library's own model files: weights in the safetensors format, the graph in its metadata.

docs/formats.md describes the format.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from ir.analysis.shapes import Shapes
from ir.errors import LoadError
from ir.formats.limits import MAX_EDGES, MAX_NODES
from ir.formats.native import tensors
from ir.formats.native.attributes import (
    CONSTRUCTION_ERRORS,
    Ops,
    fits,
    op_name,
    plain,
    to_json_value,
)
from ir.formats.native.attributes import read as read_value
from ir.formats.request import Request
from ir.formats.source import Source
from ir.formats.strict_json import brief, error_text, parse
from ir.graph import Graph, GraphError, Node
from ir.model import Model
from ir.ops import Shape, ShapeError
from ir.ops.base import possible
from ir.ops.interval import ANYTHING
from ir.preprocessing import Preprocessing

FORMAT, MODEL, VERSION = "jlrp.format", "jlrp.model", "1"
"""The two names in the file's metadata, and the version of the format."""


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model to a file that `ir.load` opens in milliseconds.

    The file holds the same graph, weights and dtypes.

    Args:
        model: The model. Its weights may be on a device.
        path: Where the file goes. `.safetensors` is the usual suffix. The file replaces an older
            one in one step, so that there is always a whole file.

    Raises:
        ValueError: The file cannot hold the model: weights are complex numbers, or an op has
            attributes other than numbers, text and tuples. Or the weights do not fit the graph.
        OSError: The file cannot be written.

    Example:
        >>> import os, tempfile, ir
        >>> model = ir.load("jlrp/data/digits_resnet.h5")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "digits.safetensors")
        ...     ir.save(model, path)
        ...     ir.load(path).graph == model.graph
        True
    """
    params = {
        key: {role: _array(a) for role, a in layer.items()} for key, layer in model.params.items()
    }
    model = replace(model, params=params)
    arrays = {
        _tensor(key, role): array for key, layer in params.items() for role, array in layer.items()
    }
    _ = model.shapes  # raises `ShapeError`
    content = _checked_json(model, arrays)
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    tensors.write(Path(path), arrays, {FORMAT: VERSION, MODEL: text})


begins = tensors.begins


def read(source: Source, request: Request) -> Model:
    """Read the model in a file that `save` wrote."""
    if request.architecture is not None:
        raise LoadError("holds a model with its graph: leave out `architecture` and `variant`.")
    places, metadata = tensors.read_places(source)
    content = _content(metadata)
    try:
        return _model(content, tensors.arrays(source, places))
    except RecursionError as error:
        raise LoadError(f"is damaged: {MODEL!r} in its metadata is nested too deeply.") from error


def read_architecture(source: Source, request: Request) -> Graph:
    """Read the graph in a file that `save` wrote."""
    return read(source, request).graph


def _content(metadata: dict[str, str]) -> dict[str, Any]:
    """The JSON that describes the model."""
    if FORMAT not in metadata or MODEL not in metadata:
        raise LoadError(
            "is a safetensors file of weights alone, without a graph: a model that ir.save wrote "
            "is needed, or the file that Keras saved."
        )
    if metadata[FORMAT] != VERSION:
        raise LoadError(
            f"is of version {brief(metadata[FORMAT])} of this format; {VERSION!r} can be read: "
            "update jlrp."
        )
    content = parse(metadata[MODEL], f"{MODEL!r} in its metadata")
    if not isinstance(content, dict):
        raise LoadError(f"is damaged: {MODEL!r} in its metadata is no JSON object.")
    return content


def _model(content: dict[str, Any], arrays: Mapping[str, Any]) -> Model:
    """The model of this JSON and these tensors. Unknown entries of the JSON are ignored."""
    model = Model(
        _graph(_object(content, "graph", "the model")),
        _params(_object(content, "params", "the model"), arrays),
        _entry(content, "input_shapes", tuple[Shape, ...], "the model"),
        _texts(_object(content, "source", "the model")),
        _preprocess(_object({"preprocess": {}} | content, "preprocess", "the model")),
    )
    _check(model)
    return model


def _graph(content: dict[str, Any]) -> Graph:
    _require_known(content, {"inputs", "outputs", "aliases", "nodes"}, "the graph")
    nodes = content.get("nodes")
    if not isinstance(nodes, list):
        raise LoadError("lacks the list 'nodes' of the graph.")
    inputs, outputs = (
        _entry(content, key, tuple[str, ...], "the graph") for key in ("inputs", "outputs")
    )
    _require_at_most("nodes", len(nodes), MAX_NODES)
    _require_at_most("outputs", len(outputs), MAX_NODES)
    ops = Ops()
    aliases = _entry(content, "aliases", tuple[tuple[str, str], ...], "the graph")
    nodes = [_node(node, ops) for node in nodes]
    _require_at_most("edges", sum(len(node.inputs) for node in nodes), MAX_EDGES)
    try:
        return Graph(nodes, inputs, outputs, aliases)
    except GraphError as error:
        raise LoadError(f"does not hold a graph: {error_text(error)}") from error


def _node(content: Any, ops: Ops) -> Node:
    if not isinstance(content, dict):
        raise LoadError(f"has {brief(content)} in place of a node.")
    name = _entry(content, "name", str, "a node")
    where = f"node {brief(name)}"
    _require_known(content, {"name", "op", "attributes", "inputs", "params"}, where)
    op = _entry(content, "op", str, where)
    return Node(
        name,
        ops.from_json(op, _object(content, "attributes", where), brief(name)),
        _entry(content, "inputs", tuple[str, ...], where),
        _entry({"params": None} | content, "params", str | None, where),
    )


def _params(content: dict[str, Any], arrays: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The tensors by layer and role; every one is listed once."""
    left = dict(arrays)
    params: dict[str, dict[str, Any]] = {}
    for key in content:
        layer = params[key] = {}
        for role in _entry(content, key, tuple[str, ...], "the params"):
            name = f"{key}/{role}"
            if name not in left or "/" in role:
                raise LoadError(f"lacks the tensor {brief(name)}, or lists it twice.")
            layer[role] = left.pop(name)
    if left:
        raise LoadError(
            f"holds the tensor {brief(next(iter(left)))}, which its params do not list."
        )
    return params


def _preprocess(content: dict[str, Any]) -> Any:
    """The preprocessing; `None` if the file has none, so that the model finds it."""
    hints = get_type_hints(Preprocessing)
    _require_known(content, set(hints), "preprocess")
    given = {key: _entry(content, key, hints[key], "preprocess") for key in content}
    try:
        return Preprocessing(**given) if given else None
    except CONSTRUCTION_ERRORS as error:
        raise LoadError(f"has a preprocess that makes no sense: {error_text(error)}") from error


def _check(model: Model) -> None:
    """Raise `LoadError` if the weights, the shapes and the ops do not fit each other."""
    if len(model.input_shapes) != len(model.graph.inputs):
        raise LoadError(
            f"has {len(model.graph.inputs)} inputs, but {len(model.input_shapes)} input_shapes."
        )
    if not all(map(possible, model.input_shapes)):
        raise LoadError(
            f"has the input_shapes {brief(model.input_shapes)}, which no images can have."
        )
    _check_nodes(model)


def _check_nodes(model: Model) -> None:
    """Raise `LoadError` unless every node has a shape and bounds of finite size."""
    shapes = Shapes(zip(model.graph.inputs, model.input_shapes, strict=True))
    bounds = dict.fromkeys(shapes, ANYTHING)
    for node in model.graph.nodes:
        what = f"{brief(node.name)} ({op_name(type(node.op))})"
        if node.params is not None and node.params not in model.params:
            raise LoadError(f"lacks the weights {brief(node.params)} of node {what}.")
        weights = {} if node.params is None else model.params[node.params]
        try:
            shapes.add(node, weights)
            low, high = bounds[node.name] = node.op.bounds(*(bounds[name] for name in node.inputs))
            _ = float(low), float(high)  # a whole number may be too large for a float
        except ShapeError as error:
            raise LoadError(
                f"holds layers or weights that do not fit each other: {what} {error_text(error)}"
            ) from error
        except CONSTRUCTION_ERRORS as error:
            detail = f"{type(error).__name__}: {error_text(error)}"
            raise LoadError(
                f"has the node {what} with attributes that make no sense: {detail}"
            ) from error


def _require_at_most(what: str, count: int, most: int) -> None:
    if count > most:
        raise LoadError(f"has {count:,} {what}, of which {most:,} are allowed.")


def _entry(place: dict[str, Any], key: str, hint: Any, where: str) -> Any:
    """The value of a key, which must have the type `hint`. Lists become tuples."""
    if key not in place:
        raise LoadError(f"lacks {brief(key)} of {where}.")
    value = read_value(place[key])
    if not fits(value, hint):
        raise LoadError(f"has {brief(place[key])} as {brief(key)} of {where}.")
    return value


def _object(place: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    value = place.get(key)
    if not isinstance(value, dict):
        raise LoadError(f"lacks the object {key!r} of {where}.")
    return value


def _texts(content: dict[str, Any]) -> dict[str, str]:
    for key, value in content.items():
        if not isinstance(value, str):
            raise LoadError(f"has {brief(value)} as {brief(key)} of its source, which is no text.")
    return content


def _require_known(content: dict[str, Any], known: set[str], where: str) -> None:
    for key in content:
        if key not in known:
            raise LoadError(f"has {brief(key)} in {where}, which is not known: update jlrp.")


def _model_json(model: Model) -> dict[str, Any]:
    """The JSON of a model: everything but its weights."""
    return {
        "graph": _graph_json(model.graph),
        "input_shapes": [list(plain(tuple(shape))) for shape in model.input_shapes],
        "params": {key: list(layer) for key, layer in model.params.items()},
        "preprocess": {
            key: to_json_value(plain(value)) for key, value in vars(model.preprocess).items()
        },
        "source": dict(model.source),
    }


def _graph_json(graph: Graph) -> dict[str, Any]:
    ops = Ops()
    return {
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "aliases": [list(pair) for pair in graph.aliases],
        "nodes": [_node_json(node, ops) for node in graph.nodes],
    }


def _node_json(node: Node, ops: Ops) -> dict[str, Any]:
    content = {
        "name": node.name,
        "op": op_name(type(node.op)),
        "attributes": ops.to_json(node.op, brief(node.name)),
        "inputs": list(node.inputs),
    }
    return content if node.params is None else content | {"params": node.params}


def _tensor(key: Any, role: Any) -> str:
    """The name of a tensor; the role stands behind the last "/"."""
    if not isinstance(key, str) or not isinstance(role, str) or "/" in role:
        raise ValueError(
            f"The weights {brief(role)} of layer {brief(key)} cannot be saved: both are named by "
            'text, roles without "/".'
        )
    return f"{key}/{role}"


def _array(array: Any) -> Any:
    return array if hasattr(array, "dtype") and hasattr(array, "shape") else np.asarray(array)


def _checked_json(model: Model, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of a model; `ValueError` unless the same model can be read from it."""
    for node in model.graph.nodes:
        if node.op.unsaved:
            raise ValueError(
                f"The model cannot be saved: layer {brief(node.name)} {node.op.unsaved}"
            )
    try:
        content = _model_json(model)
        found = _model(content, arrays)
    except ValueError as error:
        raise ValueError(f"The model cannot be saved: it {error}") from error
    for node, other in zip(model.graph.nodes, found.graph.nodes, strict=True):
        if node != other:
            raise ValueError(
                f"The model cannot be saved: node {brief(node.name)} would be read as {other.op}, "
                f"made by the class {op_name(type(node.op))} as it is defined now."
            )
    return content
