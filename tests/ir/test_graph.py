"""The graph's invariants, names, hash, signs and shapes."""

import numpy as np
import pytest

import ir
from tests.networks import residual


def relu(name, *inputs):
    return ir.Node(name, ir.Relu(), inputs)


@pytest.mark.parametrize(
    ("nodes", "inputs", "outputs", "aliases", "message"),
    [
        (
            [relu("a", "b"), relu("b", "x")],
            ["x"],
            ["a"],
            {},
            "'a' reads 'b', which no input and no earlier node",
        ),
        ([relu("a", "x"), relu("a", "x")], ["x"], ["a"], {}, "'a' stands for two values"),
        ([relu("x", "x")], ["x"], ["x"], {}, "'x' stands for two values"),
        ([relu("a", "x"), relu("b", "x")], ["x"], ["a"], {}, "Nothing reads 'b'"),
        ([relu("a", "x")], ["x"], ["c"], {}, "output 'c' is neither an input nor a node"),
        ([relu("a", "x")], ["x"], [], {}, "at least one output"),
        ([relu("a", "x")], ["x"], ["a"], {"a": "x"}, "'a' stands for two values"),
        ([relu("a", "x")], ["x"], ["a"], {"d": "c"}, "'d' stands for 'c'"),
    ],
)
def test_nodes_that_make_no_graph(nodes, inputs, outputs, aliases, message):
    with pytest.raises(ir.GraphError, match=message):
        ir.Graph(nodes, inputs, outputs, aliases)


def test_equal_graphs_hash_alike_and_hold_no_arrays():
    one, two = residual(np.random.default_rng(0))[0], residual(np.random.default_rng(1))[0]
    assert one is not two
    assert one == two
    assert hash(one) == hash(two)
    assert one != ir.Graph(one.nodes, one.inputs, one.outputs)  # the aliases differ


def test_names():
    graph = residual(np.random.default_rng(0))[0]
    assert graph["conv1"].inputs == ("conv1_pad",)
    assert "image" not in graph
    assert graph.get("image") is None
    assert graph.readers["pool"] == ("conv2", "add")
    assert graph.values["drop"] == "pool"
    assert graph.values["image"] == "image"


def test_signs_that_follow_from_the_ops_alone():
    graph = residual(np.random.default_rng(0))[0]
    assert graph.nonnegative == {"relu1", "pool", "relu2", "gap", "predictions"}


def test_shapes_name_the_first_layer_that_does_not_fit():
    graph, params, _ = residual(np.random.default_rng(0))
    shapes = graph.shapes(params, [(None, 8, 8, 3)])
    assert shapes["conv1_pad"] == (None, 10, 10, 3)
    assert shapes["predictions"] == (None, 5)
    assert graph.shapes(params, [(None, None, None, 3)])["pool"] == (None, None, None, 8)
    with pytest.raises(
        ir.ShapeError, match=r"Layer 'conv1' \(Conv\) takes 3 channels .* \(N, 10, 10, 4\)"
    ):
        graph.shapes(params, [(None, 8, 8, 4)])
    with pytest.raises(
        ir.ShapeError, match="'conv1' needs the weights 'conv1', which the params do not have"
    ):
        graph.shapes({}, [(None, 8, 8, 3)])
    with pytest.raises(ir.ShapeError, match="has the inputs image, but 2 shapes"):
        graph.shapes(params, [(None, 8), (None, 8)])
