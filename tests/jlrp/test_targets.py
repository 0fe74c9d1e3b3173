"""What relevance starts as and passes through: contrasts, inner layers as outputs, conditions."""

import jax
import numpy as np
import pytest

import ir
import jlrp
from jlrp.propagation import programs
from jlrp.propagation.conditions import closed_edges
from tests.networks import conv, residual


@pytest.fixture(scope="module")
def network():
    return residual(np.random.default_rng(1))


@pytest.fixture(scope="module")
def chain():
    """A network without branches: two convolutions, pooling, two dense layers."""
    rng = np.random.default_rng(2)
    nodes = [
        ir.Node("conv1", ir.Conv((1, 1), "same"), ("image",), "conv1"),
        ir.Node("relu1", ir.Relu(), ("conv1",)),
        ir.Node("conv2", ir.Conv((2, 2), "same"), ("relu1",), "conv2"),
        ir.Node("relu2", ir.Relu(), ("conv2",)),
        ir.Node("flat", ir.Flatten(), ("relu2",)),
        ir.Node("fc1", ir.Dense(), ("flat",), "fc1"),
        ir.Node("relu3", ir.Relu(), ("fc1",)),
        ir.Node("fc2", ir.Dense(), ("relu3",), "fc2"),
    ]
    params = {
        "conv1": conv(rng, 3, 3, 3, 4),
        "conv2": conv(rng, 3, 3, 4, 6),
        "fc1": conv(rng, 54, 7),
        "fc2": conv(rng, 7, 5),
    }
    return ir.Graph(nodes, ["image"], ["fc2"]), params, rng.normal(size=(3, 6, 6, 3)).astype("f")


def assert_close(ours, expected, tolerance=1e-5):
    """float32: another program, and sums in another order."""
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() <= tolerance * np.abs(expected).max()


def singles(explain, params, images):
    """The relevance of each class on its own: (classes, N, …)."""
    return np.asarray(explain.per_class(params, images, range(5)).relevance)


@pytest.mark.parametrize("target", [None, 2])
def test_others_takes_off_the_mean_of_all_other_classes(network, target):
    graph, params, images = network
    result = jlrp.explainer(graph, contrast="others")(params, images, target)
    each = singles(jlrp.explainer(graph), params, images)
    for image, chosen in enumerate(np.asarray(result.target)):
        others = [each[c, image] for c in range(5) if c != chosen]
        assert_close(result.relevance[image], each[chosen, image] - sum(others) / 4, 1e-4)


@pytest.mark.parametrize("target", [None, 2])
def test_runner_up_takes_off_the_strongest_other_class(network, target):
    graph, params, images = network
    result = jlrp.explainer(graph, contrast="runner_up")(params, images, target)
    each = singles(jlrp.explainer(graph), params, images)
    for image, chosen in enumerate(np.asarray(result.target)):
        order = [c for c in np.argsort(-np.asarray(result.output[image])) if c != chosen]
        assert_close(result.relevance[image], each[chosen, image] - each[order[0], image], 1e-4)


@pytest.mark.parametrize("contrast", [None, "others", "runner_up"])
@pytest.mark.parametrize("target", [None, 2])
def test_a_start_of_one_is_the_start_over_its_size(network, contrast, target):
    """Of the decision value that is its sign.

    Of a contrast the difference of two becomes 1 or -1.
    """
    graph, params, images = network
    logit = jlrp.explainer(graph, contrast=contrast, ledger=True)(params, images, target)
    one = jlrp.explainer(graph, contrast=contrast, start="one", ledger=True)(params, images, target)
    size = np.abs(np.asarray(logit.ledger.start))
    assert_close(one.relevance, logit.relevance / size[:, None, None, None], 1e-4)
    np.testing.assert_allclose(np.abs(one.ledger.start), 1, rtol=1e-5)


def test_contrasts_need_classes():
    graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    with pytest.raises(
        ValueError, match="no contrast 'all': it is None or 'others' or 'runner_up'"
    ):
        jlrp.explainer(graph, contrast="all")
    with pytest.raises(ValueError, match=r"two classes or more, but it has shape \(3, 1\)"):
        jlrp.explainer(graph, contrast="others")(
            {"fc": {"kernel": np.ones((2, 1), "f")}}, np.ones((3, 2), "f")
        )


def test_an_inner_layer_with_a_start_relevance(chain, rng):
    """What the whole network gives a layer, given to that layer as start, leads to the same."""
    graph, params, images = chain
    whole = jlrp.explainer(graph, record=("relu2", "conv1"))(params, images)
    inner = jlrp.explainer(graph, output="relu2", record=("conv1",))
    result = inner(params, images, whole.layers["relu2"])
    assert_close(result.relevance, whole.relevance)
    assert_close(result.layers["conv1"], whole.layers["conv1"])
    activations = jlrp.forward(graph, params, images, record=("relu2",))[1]["relu2"]
    np.testing.assert_allclose(result.output, activations, rtol=1e-6)


@pytest.mark.parametrize("layer", ["conv2", "relu2", "fc1"])
def test_a_start_at_an_inner_layer_goes_on_as_the_whole_network(chain, layer):
    graph, params, images = chain
    whole = jlrp.explainer(graph, record=(layer,))(params, images)
    inner = jlrp.explainer(graph, output=layer)(params, images, whole.layers[layer])
    assert_close(inner.relevance, whole.relevance)


@pytest.mark.parametrize("start", ["logit", "one"])
@pytest.mark.parametrize("target", [3, (0, 5, 3)])
def test_an_inner_layer_with_a_channel(chain, start, target):
    """A channel as target is the start that has its values, or their signs, at all positions, and 0
    elsewhere."""
    graph, params, images = chain
    explain = jlrp.explainer(graph, output="conv2", start=start)
    result = explain(params, images, target)
    chosen = np.broadcast_to(target, 3)
    kept = np.arange(6) == chosen[:, None, None, None]
    by_hand = np.where(
        kept, result.output if start == "logit" else np.sign(result.output), 0
    ).astype("f")
    assert_close(result.relevance, explain(params, images, by_hand).relevance)
    np.testing.assert_array_equal(result.target, chosen)


def test_an_inner_layer_with_a_unit(chain):
    graph, params, images = chain
    result = jlrp.explainer(graph, output="fc1")(params, images, target=4)
    start = np.where(np.arange(7) == 4, result.output, 0).astype("f")
    assert_close(
        result.relevance, jlrp.explainer(graph, output="fc1")(params, images, start).relevance
    )


def test_inner_layers_of_a_network_with_channels_first():
    rng = np.random.default_rng(0)
    node = ir.Node("c", ir.Conv(data_format="channels_first"), ("x",), "c")
    explain = jlrp.explainer(ir.Graph([node], ["x"], ["c"]), "zero")
    params, images = {"c": conv(rng, 2, 2, 3, 4)}, rng.normal(size=(2, 3, 5, 5)).astype("f")
    result = explain(params, images, target=1, region="all")
    start = np.where(np.arange(4)[:, None, None] == 1, result.output, 0).astype("f")
    assert_close(result.relevance, explain(params, images, start).relevance)


def test_bad_starts_at_inner_layers(chain):
    graph, params, images = chain
    explain = jlrp.explainer(graph, output="conv2")
    with pytest.raises(
        ValueError, match=r"shape \(3, 3, 3, 6\), a class for each position: give the class"
    ):
        explain(params, images)
    with pytest.raises(
        ValueError, match=r"the output's shape \(3, 3, 3, 6\), but \(3, 6\) was given"
    ):
        explain(params, images, np.zeros((3, 6), "f"))
    with pytest.raises(ValueError, match="no class 6: the output has the classes 0 to 5"):
        explain(params, images, 6)
    with pytest.raises(ValueError, match="one per image: 3 images, but 2 targets"):
        explain(params, images, (0, 1))
    with pytest.raises(ValueError, match=r"contrast needs an output of two classes or more"):
        jlrp.explainer(graph, output="conv2", contrast="others")(params, images, 1)
    with pytest.raises(ValueError, match="no layer 'image' to explain"):
        jlrp.explainer(graph, output="image")


def masked(graph, params, images, conditions, rules="epsilon_plus"):
    """One condition by hand.

    Back to a layer, masked there, on from there, layer by layer from the output.
    """
    start = None
    for layer in [node.name for node in reversed(graph.nodes) if node.name in conditions]:
        whole = jlrp.explainer(
            graph, rules, record=(layer,), output=None if start is None else start[0]
        )
        relevance = np.asarray(
            whole(params, images, None if start is None else start[1]).layers[layer]
        )
        kept = np.isin(np.arange(relevance.shape[-1]), conditions[layer])
        start = (layer, np.where(kept, relevance, 0).astype("f"))
    explain = jlrp.explainer(graph, rules, output=None if start is None else start[0])
    return explain(params, images, None if start is None else start[1]).relevance


CONDITIONS = [
    {},
    {"relu2": 3},
    {"relu2": [0, 4, 5]},
    {"conv1": (1, 2), "fc1": [0, 3, 6]},
    {"relu3": 2, "conv2": [5], "relu1": [0, 1, 3]},
    {"relu2": ()},
]


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_a_condition_is_a_mask_at_the_layer(chain, condition):
    graph, params, images = chain
    (ours,) = jlrp.explainer(graph).conditional(params, images, [condition]).relevance
    expected = masked(graph, params, images, condition)
    if condition == {"relu2": ()}:
        assert np.abs(ours).max() == np.abs(expected).max() == 0
    else:
        assert_close(ours, expected)


def test_a_condition_is_a_start_relevance_of_the_layer(chain):
    graph, params, images = chain
    whole = jlrp.explainer(graph, record=("relu2",))
    start = np.array(whole(params, images).layers["relu2"])
    start[..., [1, 2, 4, 5]] = 0
    (ours,) = whole.conditional(params, images, [{"relu2": [0, 3]}]).relevance
    assert_close(ours, jlrp.explainer(graph, output="relu2")(params, images, start).relevance)


def test_several_conditions_at_once_equal_one_at_a_time(network):
    graph, params, images = network
    explain = jlrp.explainer(graph, record=("pool", "bn2"))
    conditions = [{}, {"bn2": 3}, {"pool": [0, 1], "bn2": (2, 5, 7)}, {"add": 4}]
    together = explain.conditional(params, images, conditions, target=2)
    assert together.relevance.shape == (4, *images.shape)
    assert together.layers["pool"].shape == (4, 4, 4, 4, 8)
    assert together.output.shape == (4, 5)
    assert together.target.tolist() == [2] * 4
    for index, condition in enumerate(conditions):
        alone = explain.conditional(params, images, [condition], target=2)
        assert_close(together.relevance[index], alone.relevance[0])
        for name in ("pool", "bn2"):
            assert_close(together.layers[name][index], alone.layers[name][0])
    assert_close(together.relevance[0], explain(params, images, target=2).relevance)
    kept = np.abs(together.layers["bn2"][2]).max((0, 1, 2)) > 0
    assert set(np.flatnonzero(kept)) <= {2, 5, 7}


def test_conditions_of_all_channels_add_up(chain):
    graph, params, images = chain
    explain = jlrp.explainer(graph).bind(params)
    parts = explain.conditional(images, [{"relu2": channel} for channel in range(6)]).relevance
    assert_close(parts.sum(0), explain(images).relevance)


def test_conditions_of_one_shape_share_one_program(chain):
    graph, params, images = chain
    programs.explain.clear_cache()
    explain = jlrp.explainer(graph)
    for channels in ([0, 1], [4, 5]):
        explain.conditional(params, images, [{"relu2": channels}])
    assert programs.explain.cache_size() == 1


def test_conditions_under_jit(chain):
    graph, params, images = chain
    explain = jlrp.explainer(graph)
    run = jax.jit(lambda p, x: explain.conditional(p, x, [{"relu2": 1}]).relevance)
    assert_close(run(params, images), explain.conditional(params, images, [{"relu2": 1}]).relevance)


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ([], "a sequence of mappings from layers to channels"),
        ({"add": 1}, "a sequence of mappings from layers to channels"),
        ([{"nose": 1}], "no layer 'nose' to condition"),
        (
            [{"conv1": 1}],
            "'conv1' is merged into 'bn_conv1' before the rules are applied: condition that",
        ),
        ([{"add": -1}], "channels of layer 'add' are indices from 0 up"),
        ([{"add": [[1, 2]]}], "channels of layer 'add' are indices from 0 up"),
    ],
)
def test_bad_conditions(network, conditions, message):
    graph, params, images = network
    with pytest.raises(ValueError, match=message):
        jlrp.explainer(graph).conditional(params, images, conditions)


# Ways past the layers of a condition.


@pytest.fixture(scope="module")
def ways():
    """Two branches side by side, with a shortcut past both.

    X → a → b and x → c, and x itself, summed.
    """
    nodes = [
        ir.Node("a", ir.Dense(), ("x",), "a"),
        ir.Node("b", ir.Dense(), ("a",), "b"),
        ir.Node("c", ir.Dense(), ("x",), "c"),
        ir.Node("sum", ir.Add(), ("b", "c", "x")),
        ir.Node("out", ir.Dense(), ("sum",), "out"),
    ]
    rng = np.random.default_rng(0)
    params = {
        name: {"kernel": rng.uniform(0.5, 1, (2, 2)).astype("f")} for name in ("a", "b", "c", "out")
    }
    return ir.Graph(nodes, ["x"], ["out"]), params, np.array([[1.0, 2.0]], np.float32)


ALL = [0, 1]


@pytest.mark.parametrize(
    ("through", "closed"),
    [
        ((), []),
        (("b",), [("sum", 1), ("sum", 2), ("c", 0)]),
        (("a", "b"), [("sum", 1), ("sum", 2), ("c", 0)]),
        (("b", "c"), [("sum", 2)]),
        (("a", "c"), [("sum", 2)]),
        (("sum",), []),
        (("x",), []),
        (("sum", "c"), [("sum", 0), ("sum", 2), ("a", 0), ("b", 0)]),
    ],
    ids=str,
)
def test_edges_on_no_way_through_some_values_are_closed(ways, through, closed):
    assert closed_edges(ways[0], frozenset(through)) == set(closed)


def test_what_goes_past_a_condition_is_dropped(ways):
    graph, params, x = ways
    explain = jlrp.explainer(graph, "zero", ledger=True)
    whole = explain(params, x)
    conditions = [{}, {"b": ALL}, {"c": ALL}, {"b": ALL, "c": ALL}, {"a": ALL, "b": ALL}]
    found = explain.conditional(params, x, conditions)
    everything, b, c, both, chain = np.asarray(found.relevance)
    np.testing.assert_allclose(everything, whole.relevance, rtol=1e-6)
    np.testing.assert_allclose(both, b + c, rtol=1e-5)
    np.testing.assert_allclose(chain, b, rtol=1e-6)
    assert b.sum() < 0.9 * whole.relevance.sum()
    assert b.min() > 0
    entries = np.asarray(found.ledger.entries)
    np.testing.assert_allclose(
        entries[:, :, 0], entries[:, :, 1:].sum(2), atol=1e-5
    )  # received = all that became of it
    open_ = explain.conditional(params, x, conditions, exclude_parallel=False)
    for relevance in open_.relevance:
        np.testing.assert_allclose(relevance, whole.relevance, rtol=1e-6)


def test_a_condition_on_an_input(ways):
    graph, params, x = ways
    explain = jlrp.explainer(graph, "zero", record=("x",))
    whole = np.asarray(explain(params, x).relevance)
    found = explain.conditional(params, x, [{"x": 1}, {"x": 0, "c": ALL}])
    np.testing.assert_allclose(found.relevance[0], whole * [0, 1], rtol=1e-6)
    np.testing.assert_array_equal(found.layers["x"], found.relevance)
    assert found.relevance[1, 0, 1] == 0 < found.relevance[1, 0, 0] < whole[0, 0]


def test_classes_and_conditions_together(chain):
    graph, params, images = chain
    explain = jlrp.explainer(graph, record=("conv1",), ledger=True)
    conditions = [{}, {"relu2": [0, 3]}, {"fc1": 2}]
    found = explain.per_class(params, images, (1, 4), conditions=conditions)
    assert found.relevance.shape == (2, 3, 3, 6, 6, 3)
    assert found.axes == (("class", "condition", "image", "row", "column", "channel"),)
    assert found.target.tolist() == [[1, 1, 1], [4, 4, 4]]
    for position, target in enumerate((1, 4)):
        alone = explain.conditional(params, images, conditions, target)
        assert_close(found.relevance[position], alone.relevance)
        assert_close(found.layers["conv1"][position], alone.layers["conv1"])
        assert_close(found.ledger.entries[position], alone.ledger.entries)
    parts = explain.bind(params).per_class(images, (1, 4), conditions=conditions, batch_size=2)
    assert_close(parts.relevance, found.relevance)
    assert_close(parts.ledger.entries, found.ledger.entries)
    assert len(found.notes()) == 2 * 3 * 3
