"""The 2019 algorithm, against what its original listing computed, and quirk by quirk."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.composites.crawford import OriginalHalfHalf, shifted_padding, walked_edges

OPS = {
    "ZeroPadding2D": lambda config: ir.ZeroPad(tuple(map(tuple, config["padding"]))),
    "Conv2D": lambda config: ir.Conv(tuple(config["strides"]), config["padding"]),
    "BatchNormalization": lambda config: ir.BatchNorm(config["epsilon"]),
    "Activation": lambda config: ir.Relu(),
    "MaxPooling2D": lambda config: ir.MaxPool(
        tuple(config["pool_size"]), tuple(config["strides"]), config["padding"]
    ),
    "Add": lambda config: ir.Add(),
    "GlobalAveragePooling2D": lambda config: ir.GlobalAvgPool(),
}


def read(golden):
    """The graph and weights of a golden file.

    Its last layer is a dense layer with a fused softmax.
    """
    *layers, last = json.loads(str(golden["layers_json"]))
    params = {
        n["name"]: {r: golden[f"weight/{n['name']}/{r}"] for r in n["weights"]}
        for n in [*layers, last]
    }
    nodes = [
        ir.Node(
            n["name"],
            OPS[n["class_name"]](n["config"]),
            tuple(n["inputs"]),
            n["name"] if n["weights"] else None,
        )
        for n in layers
        if n["class_name"] != "InputLayer"
    ]
    name = last["name"]
    nodes.append(ir.Node(f"{name}/linear", ir.Dense(), tuple(last["inputs"]), name))
    nodes.append(ir.Node(name, ir.Softmax(), (f"{name}/linear",)))
    return ir.Graph(nodes, [layers[0]["name"]], [name]), {k: v for k, v in params.items() if v}


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["same", "shortcut_first", "valid"])
def test_original_agrees_at_every_layer(name, data):
    golden = np.load(data / "crawford2019" / f"{name}.npz")
    graph, params = read(golden)
    result = jlrp.explainer(graph, "crawford2019_original", start="one", record=True)(
        params, golden["images"]
    )
    np.testing.assert_allclose(
        jlrp.forward(graph, params, golden["images"]), golden["probabilities"], atol=1e-12
    )
    checked = 0
    for key in (key for key in golden.files if key.startswith("relevance/")):
        expected = golden[key]
        ours = np.asarray(result.layers[key.removeprefix("relevance/")])
        assert (
            np.abs(ours - expected).max() <= 1e-9 * np.abs(expected).max()
        )  # float64: rounding is near 1e-14
        checked += 1
    assert checked == len(graph.nodes)  # all but dense_1/linear, and the input


@pytest.mark.usefixtures("x64")
def test_mended_follows_every_branch(data):
    golden = np.load(data / "crawford2019" / "valid.npz")
    graph, params = read(golden)
    layers = {
        preset: jlrp.explainer(graph, preset, start="one", record=True)(
            params, golden["images"]
        ).layers
        for preset in ("crawford2019", "crawford2019_original")
    }
    assert np.abs(layers["crawford2019_original"]["res2a_branch2a"]).max() == 0
    assert np.abs(layers["crawford2019"]["res2a_branch2a"]).max() > 0


def block(first, second):
    """A residual block; `first` and `second` name what its Add lists."""
    nodes = [
        ir.Node("in", ir.Relu(), ("x",)),
        ir.Node("a", ir.Relu(), ("in",)),
        ir.Node("b", ir.BatchNorm(), ("a",), "b"),
        ir.Node("add", ir.Add(), (first, second)),
        ir.Node("out", ir.Relu(), ("add",)),
    ]
    return ir.Graph(nodes, ["x"], ["out"])


def test_walk_with_the_branch_listed_first_leaves_it_at_its_last_activation():
    followed = walked_edges(block("b", "in"))
    assert ("b", 0) in followed
    assert ("a", 0) not in followed
    assert {("add", 0), ("add", 1), ("in", 0)} <= followed


def test_walk_with_the_shortcut_listed_first_follows_everything():
    graph = block("in", "b")
    assert walked_edges(graph) == {
        (node.name, i) for node in graph.nodes for i in range(len(node.inputs))
    }


def test_walk_loses_the_second_input_of_an_add_whose_first_leads_to_another_add():
    nodes = [
        ir.Node("in", ir.Relu(), ("x",)),
        ir.Node("a", ir.BatchNorm(), ("in",), "a"),
        ir.Node("add_1", ir.Add(), ("in", "a")),
        ir.Node("b", ir.BatchNorm(), ("in",), "b"),
        ir.Node("add_2", ir.Add(), ("add_1", "b")),
    ]
    followed = walked_edges(ir.Graph(nodes, ["x"], ["add_2"]))
    assert ("add_2", 1) not in followed
    assert {("add_2", 0), ("add_1", 0), ("add_1", 1), ("in", 0)} <= followed


def test_walk_follows_all_of_a_sum_of_three():
    nodes = [ir.Node("in", ir.Relu(), ("x",)), ir.Node("add", ir.Add(), ("in", "in", "in"))]
    assert walked_edges(ir.Graph(nodes, ["x"], ["add"])) == {
        ("add", 0),
        ("add", 1),
        ("add", 2),
        ("in", 0),
    }


def test_shifted_padding_starts_at_the_first_pixel():
    assert shifted_padding((8, 8), (3, 3), (1, 1)) == ((0, 2), (0, 2))
    assert shifted_padding((7, 7), (3, 3), (2, 2)) == ((0, 2), (0, 2))
    assert (
        shifted_padding((8, 7), (3, 3), (2, 2)) is None
    )  # the columns need 2 cells, the rows' padding has 1


@pytest.mark.parametrize("size", [4, 5])
def test_stride_2_copies_relevance_onto_skipped_pixels(size):
    x = jnp.ones((1, size, size, 1))
    params = {"kernel": jnp.ones((1, 1, 1, 1))}
    op = ir.Conv((2, 2))
    output = jlrp.apply(op, params, x)
    call = jlrp.LayerCall(op, params, (x,), output, (False,))
    relevance = jnp.arange(1.0, output.size + 1).reshape(output.shape)
    (mended,) = jlrp.HalfHalf().relevance(call, relevance)
    (original,) = OriginalHalfHalf().relevance(call, relevance)
    assert float(mended[0, 1, 1, 0]) == 0
    for row in range(size):
        for column in range(size):
            assert float(original[0, row, column, 0]) == float(
                mended[0, row - row % 2, column - column % 2, 0]
            )
