"""What is explained.

The value before the squashing activation that ends the network, and which class.
"""

import warnings
from dataclasses import replace

import jax
import numpy as np
import pytest

import ir
import jlrp

X = np.array([[2.0, 1.0]], np.float32)
W = np.array([[-1.0], [1.0]], np.float32)
LOGIT = X * W[:, 0]  # the decomposition of the logit -1, whatever squashes it
SQUASHING = {
    "sigmoid": ir.Activation("sigmoid"),
    "hard sigmoid": ir.HardSigmoid(),
    "log sigmoid": ir.Activation("log_sigmoid"),
    "softplus": ir.Activation("softplus"),
    "exponential": ir.Activation("exponential"),
    "squareplus": ir.Activation("squareplus"),
    "relu": ir.Relu(),
    "relu6": ir.Relu(max_value=6.0),
    "tanh": ir.Activation("tanh"),
    "softsign": ir.Activation("softsign"),
    "clip": ir.Clip(0.0, 1.0),
    "softmax": ir.Softmax(),
    "log softmax": ir.LogSoftmax(),
}
KEPT = {
    "leaky relu": ir.Relu(negative_slope=0.1),
    "elu": ir.Elu(),
    "selu": ir.Activation("selu"),
    "silu": ir.Activation("silu"),
    "gelu": ir.Activation("gelu"),
}


def of(*ops, kernel=W, head="fc"):
    """A dense layer followed by ops, one after the other."""
    nodes = [ir.Node(head, ir.Dense(), ("x",), head)]
    for index, op in enumerate(ops):
        nodes.append(ir.Node(f"op{index}", op, (nodes[-1].name,)))
    return ir.Graph(nodes, ["x"], [nodes[-1].name]), {
        head: {"kernel": np.asarray(kernel, np.float32)}
    }


@pytest.mark.parametrize("name", SQUASHING)
def test_squashing_activations_are_taken_off(name):
    graph, params = of(SQUASHING[name])
    result = jlrp.explainer(graph, "zero")(params, X)
    np.testing.assert_allclose(result.relevance, LOGIT, rtol=1e-6)
    np.testing.assert_allclose(result.output, [[-1]], rtol=1e-6)
    np.testing.assert_allclose(result.prediction, jlrp.forward(graph, params, X), rtol=1e-6)


@pytest.mark.parametrize("name", KEPT)
def test_activations_that_keep_signs_and_do_not_saturate_stay(name):
    """Their map would differ by a factor above 0."""
    graph, params = of(KEPT[name])
    result = jlrp.explainer(graph, "zero")(params, X)
    np.testing.assert_array_equal(result.output, result.prediction)
    np.testing.assert_array_equal(np.sign(result.relevance), np.sign(LOGIT))


MOVED = {
    "reshape": (ir.Reshape((1, 1)), ir.Flatten()),
    "permute": (ir.Reshape((1, 1)), ir.Permute((2, 1)), ir.Flatten()),
    "slice": (ir.Slice(((0, 1, None),)),),
    "times two": (ir.Rescale(2.0),),
    "times two, less one": (ir.Rescale(2.0, -1.0),),
    "clip": (ir.Clip(1e-7, 1.0),),
    "sigmoid again": (ir.Activation("sigmoid"),),
}


@pytest.mark.parametrize("after", MOVED)
@pytest.mark.parametrize("squash", ["sigmoid", "softmax"])
def test_what_moves_values_or_keeps_their_order_may_follow(squash, after):
    graph, params = of(SQUASHING[squash], *MOVED[after])
    result = jlrp.explainer(graph, "zero")(params, X)
    np.testing.assert_allclose(result.relevance, LOGIT, rtol=1e-6)
    np.testing.assert_allclose(result.prediction, jlrp.forward(graph, params, X), rtol=1e-6)


def test_what_lies_before_the_squashing_activation_stays():
    graph, params = of(ir.Relu(negative_slope=0.1), ir.Activation("sigmoid"))
    result = jlrp.explainer(graph, "zero")(params, X)
    np.testing.assert_allclose(result.output, [[-0.1]], rtol=1e-6)


def test_one_minus_a_sigmoid_is_decided_by_the_negative():
    graph, params = of(ir.Activation("sigmoid"), ir.Rescale(-1.0, 1.0))
    result = jlrp.explainer(graph, "zero")(params, X)
    np.testing.assert_allclose(result.relevance, -LOGIT, rtol=1e-6)
    np.testing.assert_allclose(result.output, [[1]], rtol=1e-6)


def test_the_model_s_own_output_on_request():
    graph, params = of(ir.Activation("sigmoid"))
    result = jlrp.explainer(graph, "zero", decision="output")(params, X)
    np.testing.assert_allclose(result.output, jlrp.forward(graph, params, X), rtol=1e-6)
    np.testing.assert_allclose(result.relevance.sum(), result.output.sum(), rtol=1e-6)
    with pytest.raises(ValueError, match="no decision 'logit': it is 'value' or 'output'"):
        jlrp.explainer(graph, decision="logit")


def test_each_of_several_outputs_has_its_own(rng):
    nodes = [
        ir.Node("trunk", ir.Dense(), ("x",), "trunk"),
        ir.Node("relu", ir.Relu(), ("trunk",)),
        ir.Node("kind/linear", ir.Dense(), ("relu",), "kind"),
        ir.Node("kind", ir.Softmax(), ("kind/linear",)),
        ir.Node("marks/linear", ir.Dense(), ("relu",), "marks"),
        ir.Node("marks", ir.Activation("sigmoid"), ("marks/linear",)),
    ]
    graph = ir.Graph(nodes, ["x"], ["kind", "marks"])
    shapes = {"trunk": (2, 4), "kind": (4, 3), "marks": (4, 5)}
    params = {
        name: {"kernel": rng.normal(size=shape).astype("f")} for name, shape in shapes.items()
    }
    _, values = jlrp.forward(graph, params, X, record=("kind/linear", "marks/linear"))
    for name in ("kind", "marks"):
        result = jlrp.explainer(graph, "epsilon", output=name)(params, X)
        np.testing.assert_allclose(result.output, values[f"{name}/linear"], rtol=1e-6)
    names = jlrp.PRESETS["epsilon"]().rule_names(graph)
    assert names["kind"] == names["marks"] == "stripped"


def heads(*ops, join):
    """Dense layers of their own, each with an activation, joined."""
    nodes = []
    for index, op in enumerate(ops):
        nodes.append(ir.Node(f"fc{index}", ir.Dense(), ("x",), f"fc{index}"))
        nodes.append(ir.Node(f"p{index}", op, (f"fc{index}",)))
    nodes.append(ir.Node("join", join, tuple(f"p{index}" for index in range(len(ops)))))
    params = {f"fc{i}": {"kernel": np.eye(2, dtype="f") * (i + 1)} for i in range(len(ops))}
    return ir.Graph(nodes, ["x"], ["join"]), params


@pytest.mark.parametrize("join", [ir.Average(), ir.Add(), ir.Maximum(), ir.Concatenate()])
def test_different_heads_have_no_single_decision_value_and_that_is_said(join):
    graph, params = heads(ir.Softmax(), ir.Softmax(), join=join)
    with pytest.warns(
        UserWarning, match=r"'join' \(\w+\) joins several heads: there is no single decision value"
    ):
        explain = jlrp.explainer(graph, "epsilon")
    np.testing.assert_allclose(explain(params, X).output, jlrp.forward(graph, params, X), rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jlrp.explainer(graph, "epsilon", decision="output")


@pytest.mark.parametrize("read", ["p", "moved"])
def test_a_dense_layer_that_reads_a_softmax_is_explained_as_it_is_and_that_is_said(read):
    nodes = [
        ir.Node("fc", ir.Dense(), ("x",), "fc"),
        ir.Node("p", ir.Softmax(), ("fc",)),
        ir.Node("moved", ir.Flatten(), ("p",)),
        ir.Node("end", ir.Dense(), (read,), "end"),
    ]
    nodes = [node for node in nodes if node.name != "moved" or read == "moved"]
    with pytest.warns(UserWarning, match=r"'end' \(Dense\) reads a softmax"):
        assert jlrp.explainer(ir.Graph(nodes, ["x"], ["end"]), "epsilon").graph.outputs == ("end",)


def test_heads_that_are_one_and_the_same_value_have_one():
    nodes = [
        ir.Node("fc", ir.Dense(), ("x",), "fc"),
        ir.Node("fc:1", ir.Dense(), ("x",), "fc"),
        ir.Node("p", ir.Softmax(), ("fc",)),
        ir.Node("q", ir.Softmax(), ("fc:1",)),
        ir.Node("mean", ir.Average(), ("q", "p")),
    ]
    graph, params = ir.Graph(nodes, ["x"], ["mean"]), {"fc": {"kernel": np.eye(2, dtype="f")}}
    result = jlrp.explainer(graph, "epsilon")(params, X)
    np.testing.assert_allclose(result.output, X, rtol=1e-6)
    np.testing.assert_allclose(result.prediction, jlrp.forward(graph, params, X), rtol=1e-6)


def test_units_with_one_activation_side_by_side_have_their_own():
    """A sigmoid of each of several values is the sigmoid of all.

    The values before it are the decision.
    """
    graph, params = heads(ir.Activation("sigmoid"), ir.Activation("sigmoid"), join=ir.Concatenate())
    result = jlrp.explainer(graph, "zero")(params, -X, target=2)
    np.testing.assert_allclose(result.output, [[-2, -1, -4, -2]], rtol=1e-6)
    np.testing.assert_allclose(result.relevance, [[-4, 0]], rtol=1e-6)


def test_softmax_over_any_axis(rng):
    nodes = [
        ir.Node("conv", ir.Conv(data_format="channels_first"), ("x",), "conv"),
        ir.Node("p", ir.Softmax(axis=1), ("conv",)),
    ]
    graph = ir.Graph(nodes, ["x"], ["p"])
    params, images = (
        {"conv": {"kernel": rng.normal(size=(1, 1, 2, 3)).astype("f")}},
        rng.normal(size=(2, 2, 4, 4)),
    )
    result = jlrp.explainer(graph, "epsilon")(params, images.astype("f"), target=1)
    assert result.output.min() < 0
    np.testing.assert_allclose(result.prediction.sum(1), 1, rtol=1e-6)


def test_an_inner_layer_loses_what_changes_signs_alone():
    graph, _ = of(ir.Activation("sigmoid"), ir.Relu(), ir.Rescale(2.0))
    assert jlrp.explainer(graph, "zero", output="op0").graph.outputs == ("fc",)
    plain, _ = of(ir.Relu(), ir.Relu(negative_slope=0.5))
    assert jlrp.explainer(plain, "zero", output="op0").graph.outputs == ("op0",)


def test_the_target_is_the_class_that_the_model_says_and_ties_go_to_the_decision_value():
    graph, params = of(ir.Activation("sigmoid"), kernel=[[18, 20, -1], [0, 0, 0]])
    x = np.array([[1, 0]], np.float32)
    saturated = jlrp.explainer(graph)(params, x)
    np.testing.assert_array_equal(saturated.prediction[0, :2], 1)
    assert saturated.target.tolist() == [1]
    even, params = of(ir.Activation("sigmoid"), kernel=[[2, 2, 1], [0, 0, 0]])
    assert jlrp.explainer(even)(params, x).target.tolist() == [0]


@pytest.mark.parametrize(
    "op", ["softmax", "sigmoid", "log softmax", "softplus", "tanh", "hard sigmoid", "relu"]
)
def test_the_target_has_the_largest_prediction(op, rng):
    graph, _ = of(SQUASHING[op])
    explain = jlrp.explainer(graph, "epsilon")
    call = jax.jit(lambda params, x: (lambda r: (r.target, r.prediction))(explain(params, x)))
    for _ in range(50):
        kernel = rng.normal(size=(6, 4)).astype("f") * rng.choice([0.1, 1, 10])
        target, prediction = call({"fc": {"kernel": kernel}}, rng.normal(size=(8, 6)).astype("f"))
        np.testing.assert_array_equal(prediction[np.arange(8), target], prediction.max(1))


def test_what_the_model_says_is_there_under_jit_and_in_batches(rng):
    graph, params = of(ir.Softmax(), kernel=rng.normal(size=(2, 3)))
    x = rng.normal(size=(5, 2)).astype("f")
    explain = jlrp.explainer(graph)
    expected = jlrp.forward(graph, params, x)
    np.testing.assert_allclose(jax.jit(explain)(params, x).prediction, expected, rtol=1e-6)
    np.testing.assert_allclose(explain(params, x, batch_size=2).prediction, expected, rtol=1e-6)
    np.testing.assert_allclose(explain.per_class(params, x, (0, 1)).prediction, expected, rtol=1e-6)
    np.testing.assert_allclose(
        explain.conditional(params, x, [{}, {"fc": 0}]).prediction, expected, rtol=1e-6
    )


# One unit, two labels.


def two_sided(**options):
    graph, params = of(ir.Activation("sigmoid"))
    return jlrp.explainer(graph, "zero", labels=("cat", "dog"), **options), params


def test_of_two_labels_the_second_is_the_unit_and_the_first_its_negative():
    explain, params = two_sided()
    by_default = explain(params, np.concatenate([X, -X]))
    assert by_default.target.tolist() == [0, 1]  # logits -1 and 1
    np.testing.assert_allclose(by_default.relevance, np.concatenate([-LOGIT, -LOGIT]), rtol=1e-6)
    for target in (1, "dog"):
        np.testing.assert_allclose(explain(params, X, target=target).relevance, LOGIT, rtol=1e-6)
    for target in (0, "cat"):
        np.testing.assert_allclose(explain(params, X, target=target).relevance, -LOGIT, rtol=1e-6)
    both = explain.per_class(params, X, ("cat", "dog"))
    np.testing.assert_allclose(both.relevance[:, 0], np.concatenate([-LOGIT, LOGIT]), rtol=1e-6)
    assert both.labels == ("cat", "dog")
    one, _ = two_sided(start="one")
    np.testing.assert_allclose(
        one(params, X, target="cat").relevance, -LOGIT, rtol=1e-6
    )  # the logit is -1
    with pytest.raises(ValueError, match="no class 2: the output has the classes 0 to 1"):
        explain(params, X, target=2)
    with pytest.raises(ValueError, match=r"No class has the label 'dgo'\. Did you mean 'dog'\?"):
        explain(params, X, target="dgo")


def test_one_unit_without_labels_has_one_class():
    graph, params = of(ir.Activation("sigmoid"))
    with pytest.raises(
        ValueError, match=r"no class 1: the output is one unit, class 0\. Its negative"
    ):
        jlrp.explainer(graph)(params, X, target=1)


def test_labels_of_a_model_are_known(rng):
    graph, params = of(ir.Softmax(), kernel=rng.normal(size=(2, 2)))
    model = replace(ir.Model(graph, params, ((None, 2),)), labels=["no", "yes"])
    explain = jlrp.explainer(model)
    np.testing.assert_array_equal(
        explain(model, X, "yes").relevance, explain(params, X, 1).relevance
    )
    np.testing.assert_array_equal(explain(model, np.repeat(X, 2, 0), ["yes", "no"]).target, [1, 0])
    assert explain(model, X).labels == ("no", "yes")
    with pytest.raises(ValueError, match="is a label, but the explainer has none"):
        jlrp.explainer(graph)(params, X, "yes")
    with pytest.raises(ValueError, match="The classes 0, 1 all have the label 'a': give an index"):
        jlrp.explainer(model, labels=("a", "a"))(params, X, "a")


# Segmentation.


@pytest.fixture
def segmentation(rng):
    nodes = [
        ir.Node("conv", ir.Conv((1, 1), "same"), ("x",), "conv"),
        ir.Node("relu", ir.Relu(), ("conv",)),
        ir.Node("classes", ir.Conv(), ("relu",), "classes"),
        ir.Node("p", ir.Softmax(), ("classes",)),
    ]
    params = {
        "conv": {"kernel": rng.normal(size=(3, 3, 2, 4)).astype("f")},
        "classes": {
            "kernel": rng.normal(size=(1, 1, 4, 3)).astype("f"),
            "bias": np.array([0.1, 0.2, -0.1], "f"),
        },
    }
    return ir.Graph(nodes, ["x"], ["p"]), params, rng.normal(size=(3, 5, 6, 2)).astype("f")


def test_a_class_of_a_segmentation_starts_where_it_is_predicted(segmentation):
    graph, params, images = segmentation
    explain = jlrp.explainer(graph, record=("p",))
    for target in range(3):
        result = explain(params, images, target=target)
        predicted = np.asarray(result.prediction).argmax(-1) == target
        expected = np.zeros_like(result.output)
        expected[..., target] = np.where(predicted, result.output[..., target], 0)
        np.testing.assert_allclose(result.layers["p"], expected, rtol=1e-6)
    several = explain.per_class(params, images, (0, 1, 2))
    np.testing.assert_allclose(several.layers["p"][2], result.layers["p"], rtol=1e-6)


def test_regions_are_masks_boxes_or_everything(segmentation, rng):
    graph, params, images = segmentation
    explain = jlrp.explainer(graph, record=("p",))

    def started(region, **options):
        result = explain(params, images, target=1, region=region, **options)
        np.testing.assert_array_equal(np.delete(result.layers["p"], 1, -1), 0)
        return np.asarray(result.layers["p"])[..., 1] != 0

    mask = rng.random((5, 6)) > 0.5
    each = rng.random((3, 5, 6)) > 0.5
    box = np.zeros((5, 6), bool)
    box[1:3, 2:6] = True
    np.testing.assert_array_equal(started(mask), np.broadcast_to(mask, (3, 5, 6)))
    np.testing.assert_array_equal(started(each), each)
    np.testing.assert_array_equal(started(each, batch_size=2), each)
    np.testing.assert_array_equal(started((1, 2, 3, 6)), np.broadcast_to(box, (3, 5, 6)))
    assert started("all").all()


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (
            np.ones((6, 5), bool),
            r"positions \(5, 6\), one for all images or one each, or a box of 4 whole numbers",
        ),
        ((0, 0, 6, 6), r"box \(0, 0, 6, 6\) is empty or reaches outside the positions \(5, 6\)"),
        ((2, 2, 2, 4), "is empty"),
        ("middle", "a mask, a box or 'all', not 'middle'"),
    ],
)
def test_bad_regions(segmentation, region, message):
    graph, params, images = segmentation
    with pytest.raises(ValueError, match=message):
        jlrp.explainer(graph)(params, images, target=1, region=region)


def test_an_output_with_a_score_per_class_has_no_regions():
    graph, params = of(ir.Softmax())
    with pytest.raises(
        ValueError, match=r"for outputs with positions, but the output has the shape \(1, 1\)"
    ):
        jlrp.explainer(graph)(params, X, region="all")


def test_a_map_of_one_unit_starts_where_it_is_above_zero(rng):
    nodes = [
        ir.Node("conv", ir.Conv(), ("x",), "conv"),
        ir.Node("p", ir.Activation("sigmoid"), ("conv",)),
    ]
    graph, params = ir.Graph(nodes, ["x"], ["p"]), {"conv": {"kernel": np.ones((1, 1, 1, 1), "f")}}
    images = rng.normal(size=(2, 4, 4, 1)).astype("f")
    result = jlrp.explainer(graph, "zero")(params, images, target=0)
    np.testing.assert_allclose(result.relevance, np.maximum(images, 0), rtol=1e-6)
    sides = jlrp.explainer(graph, "zero", labels=("ground", "road"))
    np.testing.assert_allclose(
        sides(params, images, "road").relevance, np.maximum(images, 0), rtol=1e-6
    )
    np.testing.assert_allclose(
        sides(params, images, "ground").relevance, np.maximum(-images, 0), rtol=1e-6
    )


# The head, and what a start of 1 is.


@pytest.mark.parametrize(
    "preset", ["epsilon_plus", "epsilon_plus_flat", "epsilon_alpha2_beta1", "epsilon_gamma_box"]
)
@pytest.mark.parametrize("head", ["dense", "convolution", "convolution, mean", "resized", "summed"])
def test_the_head_has_the_dense_layers_rule_however_it_is_written(preset, head):
    """A negative start does not paint blue what excites the class."""
    tails = {
        "dense": [
            ir.Node("gap", ir.GlobalAvgPool(), ("relu",)),
            ir.Node("head", ir.Dense(), ("gap",), "head"),
        ],
        "convolution": [
            ir.Node("gap", ir.GlobalAvgPool(keepdims=True), ("relu",)),
            ir.Node("head", ir.Conv(), ("gap",), "head"),
            ir.Node("flat", ir.Flatten(), ("head",)),
        ],
        "convolution, mean": [
            ir.Node("head", ir.Conv(), ("relu",), "head"),
            ir.Node("gap", ir.GlobalAvgPool(), ("head",)),
        ],
        "resized": [
            ir.Node("head", ir.Conv(), ("relu",), "head"),
            ir.Node("up", ir.Upsample(), ("head",)),
        ],
        "summed": [
            ir.Node("head", ir.Conv(), ("relu",), "head"),
            ir.Node("other", ir.Conv(), ("relu",), "head"),
            ir.Node("sum", ir.Add(), ("head", "other")),
        ],
    }
    nodes = [
        ir.Node("conv", ir.Conv((1, 1), "same"), ("x",), "conv"),
        ir.Node("relu", ir.Relu(), ("conv",)),
        *tails[head],
    ]
    graph = ir.Graph(nodes, ["x"], [nodes[-1].name])
    rules = jlrp.PRESETS[preset](0.0, 1.0) if "box" in preset else jlrp.PRESETS[preset]()
    found = rules.assign(graph)
    assert {type(found[name]) for name in found if name in ("head", "other")} == {jlrp.Epsilon}
    assert type(found["conv"]) is not jlrp.Epsilon


def test_layers_behind_an_activation_are_no_head():
    nodes = [
        ir.Node("a", ir.Conv(), ("x",), "a"),
        ir.Node("relu", ir.Relu(), ("a",)),
        ir.Node("gap", ir.GlobalAvgPool(), ("relu",)),
    ]
    graph = ir.Graph(nodes, ["x"], ["gap"])
    assert not jlrp.Head()(graph, graph["a"])


@pytest.mark.parametrize("preset", ["epsilon", "zero", "epsilon_plus", "epsilon_alpha2_beta1"])
def test_a_start_of_one_is_the_sign_of_the_decision_value(preset):
    graph, params = of(ir.Softmax(), kernel=[[-3, 5], [1, 5]])
    x, effect = np.ones((1, 2), np.float32), np.array([[-3, 1], [5, 5]])
    for target in (0, 1):
        result = jlrp.explainer(graph, preset, start="one")(params, x, target=target)
        np.testing.assert_allclose(
            result.relevance[0], effect[target] / abs(effect[target].sum()), rtol=1e-5
        )
    contrast = jlrp.explainer(graph, preset, start="one", contrast="others")(params, x, target=1)
    np.testing.assert_allclose(contrast.relevance[0], [8 / 12, 4 / 12], rtol=1e-5)


@pytest.mark.parametrize(
    "preset", ["crawford2019", "crawford2019_original", "deconvnet", "guided_backprop"]
)
def test_a_start_of_one_is_plus_one_where_nothing_divides_by_the_decision_value(preset):
    graph, params = of(ir.Softmax(), kernel=[[-3, 5], [1, 5]])
    x = np.ones((1, 2), np.float32)
    explain = jlrp.explainer(graph, preset, start="one", record=("fc",))
    np.testing.assert_array_equal(explain(params, x, target=0).layers["fc"], [[1, 0]])


def test_a_start_of_one_where_the_predicted_logit_is_below_zero():
    graph, params = of(ir.Softmax(), kernel=[[-3, -5], [-1, -5]])
    x = np.ones((1, 2), np.float32)
    original = jlrp.explainer(graph, "crawford2019_original", start="one", record=("fc",))(
        params, x
    )
    assert (original.target.tolist(), original.layers["fc"].tolist()) == ([0], [[1, 0]])
    given = jlrp.explainer(graph, "crawford2019_original")(
        params, x, np.array([[1, 0]], np.float32)
    )
    np.testing.assert_array_equal(original.relevance, given.relevance)
    signed = jlrp.explainer(graph, "epsilon", start="one")(params, x)
    np.testing.assert_allclose(
        signed.relevance, [[-0.75, -0.25]], rtol=1e-5
    )  # both inputs push the logit down


def test_excitation_backprop_starts_from_a_prior_that_is_not_negative():
    graph, params = of(ir.Softmax(), kernel=[[-3, 5], [1, 5]])
    x = np.ones((1, 2), np.float32)
    np.testing.assert_allclose(
        jlrp.explainer(graph, "excitation_backprop")(params, x, 0).relevance, [[0, 1]], rtol=1e-5
    )
    logit = jlrp.explainer(graph, "excitation_backprop", start="logit")(params, x, 0)
    np.testing.assert_allclose(logit.relevance, [[0, -2]], rtol=1e-5)


def test_excitation_backprop_gives_sums_to_what_is_positive():
    nodes = [
        ir.Node("a", ir.Dense(), ("x",), "a"),
        ir.Node("b", ir.Dense(), ("x",), "b"),
        ir.Node("sum", ir.Add(), ("a", "b")),
        ir.Node("relu", ir.Relu(), ("sum",)),
        ir.Node("fc", ir.Dense(), ("relu",), "fc"),
    ]
    kernels = {"a": [[5], [0]], "b": [[0], [-4.9]], "fc": [[1]]}
    params = {name: {"kernel": np.array(kernel, np.float32)} for name, kernel in kernels.items()}
    graph = ir.Graph(nodes, ["x"], ["fc"])
    result = jlrp.explainer(graph, "excitation_backprop", record=True)(
        params, np.ones((1, 2), np.float32)
    )
    for name, relevance in result.layers.items():
        assert relevance.min() >= 0, name
        assert relevance.sum() <= 1 + 1e-6, name


# The flat rule, where windows are small.


@pytest.mark.parametrize(
    ("op", "kernel", "small"),
    [
        (ir.Conv((2, 2), "same"), (7, 7), True),
        (ir.Conv(), (3, 3), True),
        (ir.Conv(), (1, 1), True),
        (ir.Conv((4, 4)), (4, 4), False),  # a patch embedding
        (ir.Conv((2, 2)), (2, 2), False),
        (ir.Conv(), (16, 16), False),  # as large as the image
        (ir.Conv(), (9, 3), False),
        (ir.Conv(dilation=(4, 4)), (3, 3), False),
    ],
    ids=str,
)
def test_the_flat_rule_is_for_small_windows(op, kernel, small, rng):
    nodes = [
        ir.Node("first", op, ("x",), "first"),
        ir.Node("relu", ir.Relu(), ("first",)),
        ir.Node("flat", ir.GlobalAvgPool(), ("relu",)),
        ir.Node("fc", ir.Dense(), ("flat",), "fc"),
    ]
    graph = ir.Graph(nodes, ["x"], ["fc"])
    params = {
        "first": {"kernel": rng.normal(size=(*kernel, 2, 4)).astype("f")},
        "fc": {"kernel": rng.normal(size=(4, 3)).astype("f")},
    }
    images = rng.random((2, 16, 16, 2)).astype("f")
    ours = jlrp.explainer(graph, "epsilon_plus_flat")(params, images).relevance
    rule = jlrp.Flat() if small else jlrp.ZPlus()
    same = jlrp.explainer(graph, jlrp.PRESETS["epsilon_plus"]().with_rules(("first", rule)))(
        params, images
    ).relevance
    np.testing.assert_allclose(ours, same, rtol=1e-6)
    bound = jlrp.explainer(graph, "epsilon_plus_flat").bind(params)(images).relevance
    np.testing.assert_allclose(bound, same, rtol=1e-4, atol=1e-7)


def test_a_dense_first_layer_has_no_flat_map(rng):
    nodes = [
        ir.Node("flat", ir.Flatten(), ("x",)),
        ir.Node("a", ir.Dense(), ("flat",), "a"),
        ir.Node("relu", ir.Relu(), ("a",)),
        ir.Node("b", ir.Dense(), ("relu",), "b"),
    ]
    params = {
        "a": {"kernel": rng.normal(size=(16, 5)).astype("f")},
        "b": {"kernel": rng.normal(size=(5, 3)).astype("f")},
    }
    result = jlrp.explainer(ir.Graph(nodes, ["x"], ["b"]), "epsilon_plus_flat")(
        params, rng.random((2, 4, 4, 1))
    )
    assert result.notes() == ("", "")
