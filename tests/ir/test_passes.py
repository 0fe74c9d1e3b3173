"""Passes: the new graph computes what the old one did, and says what became of the names."""

import jax
import numpy as np
import pytest

import ir
import jlrp
from ir.passes import fold_batchnorm, fold_padding, select_output, strip_softmax
from tests.networks import conv, norm, residual, two_inputs

NORM = ir.Node("bn", ir.BatchNorm(), ("a",), "bn")


def chain(*nodes):
    return ir.Graph(nodes, ["x"], [nodes[-1].name])


def assert_same_outputs(graph, rewritten, params, images):
    expected = jlrp.forward(graph, params, images)
    for new in (rewritten.params(params), jax.jit(rewritten.params)(params)):
        ours = jlrp.forward(rewritten.graph, new, images)
        assert np.abs(ours - expected).max() <= 1e-5 * np.abs(expected).max()  # float32, multiplied in another order


def test_softmax_is_stripped_and_its_name_stands_for_the_logits():
    graph, _, _ = residual(np.random.default_rng(0))
    stripped = strip_softmax(graph).graph
    assert stripped.outputs == ("predictions/linear",)
    assert stripped.values["predictions"] == "predictions/linear"


@pytest.mark.parametrize("op", [ir.Activation("sigmoid"), ir.Relu()])
def test_other_last_activations_stay(op):
    graph = chain(ir.Node("a", ir.Dense(), ("x",), "a"), ir.Node("b", op, ("a",)))
    assert strip_softmax(graph).graph is graph


def test_a_softmax_inside_the_graph_stays():
    graph = chain(ir.Node("a", ir.Softmax(), ("x",)), ir.Node("b", ir.Dense(), ("a",), "b"))
    assert strip_softmax(graph).graph is graph


def test_one_of_several_outputs_or_any_value():
    graph, _, _ = two_inputs(np.random.default_rng(0))
    selected = select_output(graph, "other")
    assert [node.name for node in selected.nodes] == ["a", "other"]
    assert selected.inputs == graph.inputs
    assert select_output(graph).outputs == ("first",)
    assert [node.name for node in select_output(graph, "add").nodes] == ["a", "b", "add"]
    with pytest.raises(ValueError, match="no layer 'nose' to explain: the outputs are 'first', 'other'"):
        select_output(graph, "nose")


def test_residual_network_is_folded_and_computes_the_same():
    graph, params, images = residual(np.random.default_rng(0))
    rewritten = fold_padding(graph).then(fold_batchnorm)
    assert not any(isinstance(node.op, ir.BatchNorm | ir.ZeroPad) for node in rewritten.graph.nodes)
    assert dict(rewritten.merged) == {"conv1_pad": "bn_conv1", "conv1": "bn_conv1", "conv2": "bn2"}
    assert_same_outputs(graph, rewritten, params, images)
    assert set(params) <= set(rewritten.params(params))  # nothing is taken away from other readers


def test_padding_through_several_pads_and_beside_other_readers():
    rng = np.random.default_rng(0)
    nodes = [
        ir.Node("pad1", ir.ZeroPad(((1, 0), (0, 1))), ("x",)),
        ir.Node("pad2", ir.ZeroPad(((0, 2), (1, 0))), ("pad1",)),
        ir.Node("conv", ir.Conv((2, 2), ((1, 1), (0, 0))), ("pad2",), "conv"),
        ir.Node("pool", ir.MaxPool((1, 2), (2, 2)), ("pad2",)),
        ir.Node("out", ir.Concatenate(), ("conv", "pool")),
    ]
    graph = ir.Graph(nodes, ["x"], ["out"])
    folded = fold_padding(graph)
    assert folded.graph["conv"].op.padding == ((2, 3), (1, 1))
    assert folded.graph["pool"].inputs == ("pad2",)
    assert folded.merged == ()
    assert_same_outputs(graph, folded, {"conv": conv(rng, 3, 2, 3, 4)}, rng.normal(size=(2, 6, 8, 3)).astype("f"))


def test_padding_before_a_same_convolution_stays():
    graph = chain(ir.Node("pad", ir.ZeroPad(), ("x",)), ir.Node("conv", ir.Conv(padding="same"), ("pad",), "conv"))
    assert fold_padding(graph).graph == graph


PREVIOUS = {
    "conv": (ir.Conv((1, 1), "same"), lambda rng: conv(rng, 3, 3, 3, 4)),
    "conv without bias": (ir.Conv(), lambda rng: {"kernel": conv(rng, 3, 3, 3, 4)["kernel"]}),
    "grouped": (ir.Conv(groups=3), lambda rng: conv(rng, 2, 2, 1, 6)),
    "depthwise": (ir.DepthwiseConv(), lambda rng: {"kernel": rng.normal(size=(3, 3, 3, 2)).astype("f")}),
    "dense": (ir.Dense(), lambda rng: conv(rng, 3, 4)),
}


@pytest.mark.parametrize("kind", PREVIOUS)
def test_into_the_linear_layer_before(kind):
    rng = np.random.default_rng(0)
    op, weights = PREVIOUS[kind]
    params = {"a": weights(rng)}
    images = rng.normal(size=(2, 6, 6, 3)).astype("f")
    graph = chain(ir.Node("a", op, ("x",), "a"))
    channels = graph.shapes(params, [images.shape])["a"][-1]
    params["bn"] = norm(rng, channels)
    graph = chain(*graph.nodes, NORM)
    rewritten = fold_batchnorm(graph)
    assert [(node.name, type(node.op)) for node in rewritten.graph.nodes] == [("bn", type(op))]
    assert_same_outputs(graph, rewritten, params, images)


@pytest.mark.parametrize("kind", ["conv without bias", "grouped", "depthwise", "dense"])
def test_into_the_linear_layer_after(kind):
    rng = np.random.default_rng(0)
    op, weights = PREVIOUS[kind]
    graph = chain(ir.Node("bn", ir.BatchNorm(), ("x",), "bn"), ir.Node("a", op, ("bn",), "a"))
    rewritten = fold_batchnorm(graph)
    assert [(node.name, type(node.op)) for node in rewritten.graph.nodes] == [("a", type(op))]
    assert dict(rewritten.merged) == {"bn": "a"}
    params = {"a": weights(rng), "bn": norm(rng, 3)}
    assert_same_outputs(graph, rewritten, params, rng.normal(size=(2, 6, 6, 3)).astype("f"))


def test_channels_first():
    rng = np.random.default_rng(0)
    op = ir.Conv(data_format="channels_first")
    graph = chain(ir.Node("a", op, ("x",), "a"), ir.Node("bn", ir.BatchNorm(axis=1), ("a",), "bn"))
    rewritten = fold_batchnorm(graph)
    assert len(rewritten.graph.nodes) == 1
    params = {"a": conv(rng, 3, 3, 3, 4), "bn": norm(rng, 4)}
    assert_same_outputs(graph, rewritten, params, rng.normal(size=(2, 3, 6, 6)).astype("f"))


CONV = ir.Node("a", ir.Conv(), ("x",), "a")
FIRST = ir.Node("bn", ir.BatchNorm(), ("x",), "bn")


@pytest.mark.parametrize(
    "graph",
    [
        chain(ir.Node("bn", ir.BatchNorm(), ("x",), "bn"), ir.Node("r", ir.Relu(), ("bn",))),
        chain(ir.Node("bn", ir.BatchNorm(), ("x",), "bn"), ir.Node("c", ir.Conv(padding="same"), ("bn",), "c")),
        chain(
            ir.Node("bn", ir.BatchNorm(), ("x",), "bn"), ir.Node("c", ir.Conv(padding=((1, 0), (0, 0))), ("bn",), "c")
        ),
        chain(CONV, ir.Node("bn", ir.BatchNorm(axis=1), ("a",), "bn")),
        chain(CONV, NORM, ir.Node("add", ir.Add(), ("a", "bn"))),
        ir.Graph([CONV, NORM], ["x"], ["a", "bn"]),
        chain(CONV, ir.Node("r", ir.Relu(), ("a",)), ir.Node("bn", ir.BatchNorm(), ("r",), "bn")),
    ],
    ids=["relu behind", "same behind", "padded behind", "other axis", "read twice", "an output", "relu between"],
)
def test_what_cannot_be_folded_stays(graph):
    assert fold_batchnorm(graph).graph == graph


def test_a_shared_layer_is_folded_for_each_call_on_its_own():
    rng = np.random.default_rng(0)
    nodes = [
        ir.Node("c", ir.Conv(), ("x",), "c"),
        ir.Node("bn1", ir.BatchNorm(), ("c",), "bn1"),
        ir.Node("c:1", ir.Conv(), ("x",), "c"),
        ir.Node("bn2", ir.BatchNorm(), ("c:1",), "bn2"),
        ir.Node("add", ir.Add(), ("bn1", "bn2")),
    ]
    graph = ir.Graph(nodes, ["x"], ["add"])
    rewritten = fold_batchnorm(graph)
    assert len(rewritten.graph.nodes) == 3
    params = {"c": conv(rng, 3, 3, 3, 4), "bn1": norm(rng, 4), "bn2": norm(rng, 4)}
    assert_same_outputs(graph, rewritten, params, rng.normal(size=(2, 6, 6, 3)).astype("f"))


def test_aliases_of_merged_layers_go_with_them():
    graph = ir.Graph([CONV, NORM], ["x"], ["bn"], {"dropped": "a", "kept": "bn"})
    rewritten = fold_batchnorm(graph)
    assert rewritten.graph.aliases == (("kept", "bn"),)
    assert dict(rewritten.merged) == {"a": "bn", "dropped": "bn"}
