"""Models written to the library's own files, read again, and files changed by hand."""

import json
import math
import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np

import ir
from tests.networks import residual


@dataclass(frozen=True)
class Polynomial(ir.ActivationOp):
    """An op as a user's module may define it."""

    coefficients: tuple[float, ...]
    kind: Literal["plain", "odd"] = "plain"
    window: tuple[tuple[int, int], str] | None = None
    low: float | None = -math.inf


def again(path, model):
    """The model from the file that it is saved to."""
    ir.save(model, path)
    return ir.load(path)


def network(rng, make=residual, **source):
    graph, params, images = make(rng)
    images = images if isinstance(images, tuple) else (images,)
    return ir.Model(graph, params, tuple((None, *x.shape[1:]) for x in images), source)


def one_op(op, params=None, *shapes):
    """A model of one node."""
    names = [f"x{i}" for i in range(len(shapes))]
    node = ir.Node("a", op, tuple(names), None if params is None else "a")
    return ir.Model(
        ir.Graph([node], names, ["a"]), {} if params is None else {"a": params}, tuple(shapes)
    )


def assert_same(found, model):
    assert found.graph == model.graph
    assert hash(found.graph) == hash(model.graph)
    assert found.graph.nodes == model.graph.nodes
    assert found.graph.aliases == model.graph.aliases
    assert found.input_shapes == model.input_shapes
    assert found.source == model.source
    assert found.preprocess == model.preprocess
    assert {key: list(layer) for key, layer in found.params.items()} == {
        k: list(v) for k, v in model.params.items()
    }
    assert list(found.params) == list(model.params)
    for key, layer in model.params.items():
        for role, array in layer.items():
            other = found.params[key][role]
            assert type(other) is np.ndarray
            assert other.dtype == array.dtype.newbyteorder("="), (key, role)
            assert other.shape == array.shape, (key, role)
            assert other.tobytes() == np.asarray(array, other.dtype).tobytes(), (key, role)


def edited(path, model, change):
    """The file of a model whose JSON `change` has changed in place."""
    ir.save(model, path)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    described = json.loads(header["__metadata__"]["jlrp.model"])
    change(described)
    header["__metadata__"]["jlrp.model"] = json.dumps(described)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    return path
