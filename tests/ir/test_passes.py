"""Passes: the new graph computes what the old one did, and says what became of the names."""

import jax
import numpy as np
import pytest

import ir
import jlrp
from ir.passes import fold_batchnorm, fold_padding, select_output, strip_softmax
from jlrp.composites.rows import common_rows
from tests.networks import conv, norm, residual, two_inputs

NORM = ir.Node("bn", ir.BatchNorm(), ("a",), "bn")


def chain(*nodes):
    return ir.Graph(nodes, ["x"], [nodes[-1].name])


def assert_same_outputs(graph, rewritten, params, images):
    expected = jlrp.forward(graph, params, images)
    for new in (rewritten.params(params), jax.jit(rewritten.params)(params)):
        ours = jlrp.forward(rewritten.graph, new, images)
        assert (
            np.abs(ours - expected).max() <= 1e-5 * np.abs(expected).max()
        )  # float32, multiplied in another order


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
    with pytest.raises(
        ValueError, match="no layer 'nose' to explain: the outputs are 'first', 'other'"
    ):
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
    assert_same_outputs(
        graph, folded, {"conv": conv(rng, 3, 2, 3, 4)}, rng.normal(size=(2, 6, 8, 3)).astype("f")
    )


def test_padding_before_a_same_convolution_stays():
    graph = chain(
        ir.Node("pad", ir.ZeroPad(), ("x",)),
        ir.Node("conv", ir.Conv(padding="same"), ("pad",), "conv"),
    )
    assert fold_padding(graph).graph == graph


PREVIOUS = {
    "conv": (ir.Conv((1, 1), "same"), lambda rng: conv(rng, 3, 3, 3, 4)),
    "conv without bias": (ir.Conv(), lambda rng: {"kernel": conv(rng, 3, 3, 3, 4)["kernel"]}),
    "grouped": (ir.Conv(groups=3), lambda rng: conv(rng, 2, 2, 1, 6)),
    "depthwise": (
        ir.DepthwiseConv(),
        lambda rng: {"kernel": rng.normal(size=(3, 3, 3, 2)).astype("f")},
    ),
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
        chain(
            ir.Node("bn", ir.BatchNorm(), ("x",), "bn"),
            ir.Node("c", ir.Conv(padding="same"), ("bn",), "c"),
        ),
        chain(
            ir.Node("bn", ir.BatchNorm(), ("x",), "bn"),
            ir.Node("c", ir.Conv(padding=((1, 0), (0, 0))), ("bn",), "c"),
        ),
        chain(CONV, ir.Node("bn", ir.BatchNorm(axis=1), ("a",), "bn")),
        chain(CONV, NORM, ir.Node("add", ir.Add(), ("a", "bn"))),
        ir.Graph([CONV, NORM], ["x"], ["a", "bn"]),
        chain(CONV, ir.Node("r", ir.Relu(), ("a",)), ir.Node("bn", ir.BatchNorm(), ("r",), "bn")),
    ],
    ids=[
        "relu behind",
        "same behind",
        "padded behind",
        "other axis",
        "read twice",
        "an output",
        "relu between",
    ],
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


def normal(rng, *shape):
    return rng.normal(size=shape)


def linear(rng, *shape, bias=None):
    return {"kernel": normal(rng, *shape), "bias": normal(rng, shape[-1] if bias is None else bias)}


def statistics(rng, channels):
    """Weights of a BatchNorm in float64; its scales have both signs."""
    return {
        "gamma": normal(rng, channels),
        "beta": normal(rng, channels),
        "moving_mean": normal(rng, channels),
        "moving_variance": rng.uniform(0.5, 2, channels),
    }


def bn(source, axis=-1, name="bn"):
    return ir.Node(name, ir.BatchNorm(axis=axis), (source,), name)


FIRST_MODE = "channels_first"
BETWEEN = {
    # name: (image, nodes, their weights, what is left of the graph)
    "linear, mean pool, norm": (
        (6, 6, 3),
        lambda: [
            ir.Node("a", ir.Conv((1, 1), "same"), ("x",), "a"),
            ir.Node("p", ir.AvgPool((3, 3), (2, 2), "same"), ("a",)),
            bn("p"),
        ],
        lambda rng: {"a": linear(rng, 3, 3, 3, 4), "bn": statistics(rng, 4)},
        ["a", "bn"],
    ),
    "linear, global mean, norm, with a ReLU behind": (
        (6, 6, 3),
        lambda: [
            ir.Node("a", ir.DepthwiseConv(), ("x",), "a"),
            ir.Node("p", ir.GlobalAvgPool(), ("a",)),
            bn("p"),
            ir.Node("r", ir.Relu(), ("bn",)),
        ],
        lambda rng: {"a": linear(rng, 3, 3, 3, 2, bias=6), "bn": statistics(rng, 6)},
        ["a", "p", "r"],
    ),
    "transposed convolution, crop, norm, channels first": (
        (3, 4, 4),
        lambda: [
            ir.Node("a", ir.ConvTranspose((2, 2), data_format=FIRST_MODE), ("x",), "a"),
            ir.Node("p", ir.Crop(((1, 0), (0, 2)), FIRST_MODE), ("a",)),
            bn("p", 1),
        ],
        lambda rng: {"a": linear(rng, 3, 3, 4, 3, bias=4), "bn": statistics(rng, 4)},
        ["a", "bn"],
    ),
    "convolution, permutation, copies of pixels, norm": (
        (3, 4, 4),
        lambda: [
            ir.Node("a", ir.Conv(data_format=FIRST_MODE), ("x",), "a"),
            ir.Node("p", ir.Permute((2, 3, 1)), ("a",)),
            ir.Node("u", ir.Upsample((2, 2)), ("p",)),
            bn("u", 3),
        ],
        lambda rng: {"a": linear(rng, 2, 2, 3, 4), "bn": statistics(rng, 4)},
        ["a", "p", "bn"],
    ),
    "dense, repeat, norm": (
        (5,),
        lambda: [
            ir.Node("a", ir.Dense(), ("x",), "a"),
            ir.Node("p", ir.Repeat(3), ("a",)),
            bn("p"),
        ],
        lambda rng: {"a": linear(rng, 5, 4), "bn": statistics(rng, 4)},
        ["a", "bn"],
    ),
    "dense, repeat, norm of an axis counted from the front": (
        (5,),
        lambda: [
            ir.Node("a", ir.Dense(), ("x",), "a"),
            ir.Node("p", ir.Repeat(3), ("a",)),
            bn("p", 2),
        ],
        lambda rng: {"a": linear(rng, 5, 4), "bn": statistics(rng, 4)},
        ["a", "bn"],
    ),
    "norm, global mean, dense": (
        (6, 6, 3),
        lambda: [
            bn("x"),
            ir.Node("p", ir.GlobalAvgPool(), ("bn",)),
            ir.Node("a", ir.Dense(), ("p",), "a"),
        ],
        lambda rng: {"a": linear(rng, 3, 4), "bn": statistics(rng, 3)},
        ["p", "a"],
    ),
    "norm, mean pool, convolution": (
        (6, 6, 4),
        lambda: [
            bn("x"),
            ir.Node("p", ir.AvgPool((2, 2), (1, 1), "same"), ("bn",)),
            ir.Node("a", ir.Conv(groups=2), ("p",), "a"),
        ],
        lambda rng: {"a": linear(rng, 3, 3, 2, 6), "bn": statistics(rng, 4)},
        ["p", "a"],
    ),
    "norm, flatten, dense": (
        (2, 3, 4),
        lambda: [
            bn("x"),
            ir.Node("p", ir.Flatten(), ("bn",)),
            ir.Node("a", ir.Dense(), ("p",), "a"),
        ],
        lambda rng: {"a": linear(rng, 24, 5), "bn": statistics(rng, 4)},
        ["p", "a"],
    ),
    "norm, flatten each of a series, dense": (
        (2, 3, 4),
        lambda: [
            bn("x"),
            ir.Node("p", ir.Flatten(start=2), ("bn",)),
            ir.Node("a", ir.Dense(), ("p",), "a"),
        ],
        lambda rng: {"a": linear(rng, 12, 5), "bn": statistics(rng, 4)},
        ["p", "a"],
    ),
    "norm, flatten channels first, dense": (
        (4, 2, 3),
        lambda: [
            bn("x", 1),
            ir.Node("p", ir.Flatten(FIRST_MODE), ("bn",)),
            ir.Node("a", ir.Dense(), ("p",), "a"),
        ],
        lambda rng: {"a": linear(rng, 24, 5), "bn": statistics(rng, 4)},
        ["p", "a"],
    ),
    "norm, reshape to a vector, dense": (
        (3, 4),
        lambda: [
            bn("x"),
            ir.Node("p", ir.Reshape((-1,)), ("bn",)),
            ir.Node("a", ir.Dense(), ("p",), "a"),
        ],
        lambda rng: {"a": linear(rng, 12, 5), "bn": statistics(rng, 4)},
        ["p", "a"],
    ),
    "two norms": (
        (3, 4),
        lambda: [bn("x"), bn("bn", name="bn2"), ir.Node("r", ir.Relu(), ("bn2",))],
        lambda rng: {"bn": statistics(rng, 4), "bn2": statistics(rng, 4)},
        ["bn2", "r"],
    ),
    "three norms with flatten between, dense": (
        (3, 4),
        lambda: [
            bn("x"),
            bn("bn", name="bn2"),
            ir.Node("p", ir.Flatten(), ("bn2",)),
            bn("p", name="bn3"),
            ir.Node("a", ir.Dense(), ("bn3",), "a"),
        ],
        lambda rng: (
            {n: statistics(rng, c) for n, c in (("bn", 4), ("bn2", 4), ("bn3", 12))}
            | {"a": linear(rng, 12, 5)}
        ),
        ["p", "a"],
    ),
    "linear, max pool, norm": (
        (6, 6, 3),
        lambda: [
            ir.Node("a", ir.Conv((1, 1), "same"), ("x",), "a"),
            ir.Node("p", ir.MaxPool((3, 3), (2, 2), "same"), ("a",)),
            bn("p"),
        ],
        lambda rng: {"a": linear(rng, 3, 3, 3, 8), "bn": statistics(rng, 8)},
        ["a", "p", "bn"],
    ),
    "norm, max pool, flatten, dense": (
        (6, 6, 8),
        lambda: [
            bn("x"),
            ir.Node("p", ir.MaxPool(), ("bn",)),
            ir.Node("f", ir.Flatten(), ("p",)),
            ir.Node("a", ir.Dense(), ("f",), "a"),
        ],
        lambda rng: {"a": linear(rng, 72, 4), "bn": statistics(rng, 8)},
        ["bn", "p", "f", "a"],
    ),
    "norm, global maximum, norm": (
        (6, 6, 8),
        lambda: [bn("x"), ir.Node("p", ir.GlobalMaxPool(), ("bn",)), bn("p", name="bn2")],
        lambda rng: {"bn": statistics(rng, 8), "bn2": statistics(rng, 8)},
        ["bn", "p", "bn2"],
    ),
}


@pytest.fixture
def folded(request):
    """A graph, its fold, weights and images, in float64."""
    shape, nodes, weights, left = BETWEEN[request.param]
    rng = np.random.default_rng(0)
    graph = chain(*nodes())
    rewritten = fold_batchnorm(graph)
    assert [node.name for node in rewritten.graph.nodes] == left
    return graph, rewritten, weights(rng), normal(rng, 3, *shape)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("folded", BETWEEN, indirect=True)
def test_folds_with_ops_between_compute_the_same(folded):
    graph, rewritten, params, images = folded
    expected = jlrp.forward(graph, params, images)
    for new in (rewritten.params(params), jax.jit(rewritten.params)(params)):
        ours = jlrp.forward(rewritten.graph, new, images)
        # float64: sums of at most 72 products in another order
        assert np.abs(ours - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("epsilon", [0, 1e-12])
@pytest.mark.parametrize("folded", BETWEEN, indirect=True)
def test_folds_leave_the_relevance_of_lrp_0_as_it_is(folded, epsilon):
    """LRP-0 composes over linear maps.

    A BatchNorm with its own quotient, and one that is part of a layer, agree.
    """
    graph, _, params, images = folded
    shared = (ir.Convolution, ir.Dense, ir.BatchNorm, ir.AvgPool, ir.GlobalAvgPool)
    entries = [(shared, jlrp.Zero() if epsilon == 0 else jlrp.Epsilon(epsilon)), *common_rows()]
    start = np.random.default_rng(1).normal(size=jlrp.forward(graph, params, images).shape)
    apart = jlrp.explainer(graph, jlrp.Composite(entries, fold=False))(
        params, images, target=start
    ).relevance
    together = jlrp.explainer(graph, jlrp.Composite(entries))(
        params, images, target=start
    ).relevance
    # Quotients by sums near zero magnify rounding, and an ε of 1e-12 beside sums of 1e-3 is 1e-9 of
    # them.
    assert np.abs(apart - together).max() <= 1e-8 * np.abs(apart).max()


def test_names_after_a_fold_with_ops_between():
    """The layers keep their names.

    Who asks for the BatchNorm is told to ask for the op that now computes its value.
    """
    nodes = [
        ir.Node("a", ir.Conv(), ("x",), "a"),
        ir.Node("p", ir.GlobalAvgPool(), ("a",)),
        bn("p"),
    ]
    behind = [ir.Node("r", ir.Relu(), ("bn",)), ir.Node("d", ir.Dense(), ("r",), "d")]
    graph = ir.Graph([*nodes, *behind], ["x"], ["d"], {"named": "bn", "pooled": "p"})
    rewritten = fold_batchnorm(graph)
    assert dict(rewritten.merged) == {"bn": "p", "named": "p"}
    assert rewritten.graph.aliases == (("pooled", "p"),)
    assert rewritten.graph["r"].inputs == ("p",)
    assert jlrp.PRESETS["epsilon_plus"]().rule_names(graph)["bn"] == "merged into p"


def test_an_output_keeps_its_name():
    nodes = [
        ir.Node("a", ir.Conv(), ("x",), "a"),
        ir.Node("p", ir.GlobalAvgPool(), ("a",)),
        bn("p"),
    ]
    behind = ir.Node("r", ir.Relu(), ("bn",))
    rewritten = fold_batchnorm(ir.Graph([*nodes, behind], ["x"], ["r", "bn"]))
    assert rewritten.graph.outputs == ("r", "bn")
    assert [node.name for node in rewritten.graph.nodes] == ["a", "bn", "r"]
    assert dict(rewritten.merged) == {"p": "bn"}


@pytest.mark.usefixtures("x64")
def test_a_max_pool_lets_the_channels_of_positive_scale_through():
    rng = np.random.default_rng(0)
    graph = chain(ir.Node("a", ir.Conv(), ("x",), "a"), ir.Node("p", ir.MaxPool(), ("a",)), bn("p"))
    params = {"a": linear(rng, 3, 3, 3, 8), "bn": statistics(rng, 8)}
    rewritten = fold_batchnorm(graph)
    left = rewritten.params(params)["bn/rest"]
    positive = params["bn"]["gamma"] > 0
    assert 0 < positive.sum() < 8
    assert (left["gamma"][positive] == 1).all()
    assert (left["beta"][positive] == 0).all()
    assert (left["gamma"][~positive] < 0).all()
    np.testing.assert_array_equal(
        rewritten.params(params)["bn/folded"]["kernel"][..., ~positive],
        params["a"]["kernel"][..., ~positive],
    )


def test_a_complete_fold_comes_before_one_in_part():
    nodes = [
        ir.Node("a", ir.Conv(), ("x",), "a"),
        ir.Node("m", ir.MaxPool(), ("a",)),
        bn("m"),
        ir.Node("p", ir.GlobalAvgPool(), ("bn",)),
        ir.Node("d", ir.Dense(), ("p",), "d"),
    ]
    assert [node.name for node in fold_batchnorm(chain(*nodes)).graph.nodes] == ["a", "m", "p", "d"]


@pytest.mark.usefixtures("x64")
def test_a_layer_takes_a_norm_before_it_and_one_behind_it():
    """Every step adds weights and changes none, so that weights that were bound once can be read
    again."""
    rng = np.random.default_rng(0)
    nodes = [
        bn("x"),
        ir.Node("a", ir.Conv(), ("bn",), "a"),
        ir.Node("p", ir.AvgPool(), ("a",)),
        bn("p", name="bn2"),
        ir.Node("r", ir.Relu(), ("bn2",)),
    ]
    graph = chain(*nodes)
    params = {"a": linear(rng, 3, 3, 3, 4), "bn": statistics(rng, 3), "bn2": statistics(rng, 4)}
    rewritten = fold_batchnorm(graph)
    assert [node.name for node in rewritten.graph.nodes] == ["a", "p", "r"]
    assert set(rewritten.params(params)) == {*params, "bn/folded", "bn2/folded"}
    images = normal(rng, 2, 6, 6, 3)
    expected = jlrp.forward(graph, params, images)
    ours = jlrp.forward(rewritten.graph, rewritten.params(params), images)
    np.testing.assert_allclose(
        ours, expected, rtol=0, atol=1e-12 * np.abs(expected).max()
    )  # as above


MEAN = ir.Node("p", ir.GlobalAvgPool(), ("bn",))
DENSE = ir.Node("d", ir.Dense(), ("p",), "d")
APART = {
    "a weighted mean between": [
        CONV,
        ir.Node("p", ir.Upsample((2, 2), "bilinear"), ("a",)),
        bn("p"),
    ],
    "padding between": [
        bn("x"),
        ir.Node("p", ir.ZeroPad(), ("bn",)),
        ir.Node("c", ir.Conv(), ("p",), "c"),
    ],
    "a sum between": [
        CONV,
        ir.Node("b", ir.Conv(), ("x",), "b"),
        ir.Node("p", ir.Add(), ("a", "b")),
        bn("p"),
    ],
    "a sum behind": [CONV, bn("x"), ir.Node("p", ir.Add(), ("a", "bn"))],
    "another axis is pooled": [bn("x", 1), MEAN, DENSE],
    "an axis that may be another": [bn("x", 3), MEAN, DENSE],
    "another axis is cropped": [
        bn("x", 1),
        ir.Node("p", ir.Crop(), ("bn",)),
        ir.Node("c", ir.Conv(), ("p",), "c"),
    ],
    "features of another layout": [bn("x", 1), ir.Node("p", ir.Flatten(), ("bn",)), DENSE],
    "one scale per cell": [CONV, ir.Node("p", ir.Flatten(), ("a",)), bn("p")],
    "a reshape whose channels are not known": [
        bn("x"),
        ir.Node("p", ir.Reshape((4, 6)), ("bn",)),
        DENSE,
    ],
    "read between": [
        bn("x"),
        MEAN,
        DENSE,
        ir.Node("e", ir.Dense(), ("p",), "e"),
        ir.Node("s", ir.Add(), ("d", "e")),
    ],
    "a convolution on repeated channels": [
        bn("x"),
        ir.Node("p", ir.Flatten(), ("bn",)),
        ir.Node("r", ir.Repeat(3), ("p",)),
        ir.Node("c", ir.Conv((1,), "valid", (1,)), ("r",), "c"),
    ],
    "two norms of different axes": [
        bn("x", 1),
        bn("bn", 2, "bn2"),
        ir.Node("r", ir.Relu(), ("bn2",)),
    ],
    "a ReLU between": [
        bn("x"),
        ir.Node("r", ir.Relu(), ("bn",)),
        ir.Node("p", ir.GlobalAvgPool(), ("r",)),
        DENSE,
    ],
}


@pytest.mark.parametrize("case", APART)
def test_what_is_no_fold_or_a_choice_stays(case):
    graph = chain(*APART[case])
    assert fold_batchnorm(graph).graph == graph
