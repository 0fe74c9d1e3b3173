"""Where relevance went.

The ledger adds up, and each of its columns is right where it can be reckoned by hand.
"""

import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.propagation.ledger import COLUMNS
from tests.networks import preset, residual

LINEAR = (ir.Convolution, ir.Dense)


def explained(nodes, params, images, rules, **options):
    graph = ir.Graph(nodes, ["x"], [nodes[-1].name])
    rules = rules if isinstance(rules, jlrp.Composite) else jlrp.Composite([(ir.Op, rules)])
    return jlrp.explainer(graph, rules, ledger=True, **options)(params, np.asarray(images, "f"))


def column(ledger, layer):
    """The first image's entries of a layer, by column, those that are zero left out."""
    entries = dict(
        zip(
            COLUMNS,
            np.asarray(ledger.entries)[ledger.layers.index(layer), :, 0].tolist(),
            strict=True,
        )
    )
    return {
        name: pytest.approx(value, rel=1e-5) for name, value in entries.items() if abs(value) > 1e-9
    }


def dense(kernel, bias=None):
    weights = {"kernel": np.asarray(kernel, "f")}
    return {"fc": weights if bias is None else weights | {"bias": np.asarray(bias, "f")}}


FC = [ir.Node("fc", ir.Dense(), ("x",), "fc")]


def assert_adds_up(ledger):
    """Each layer's columns, and the start as what reached the inputs and what was kept."""
    entries = np.asarray(ledger.entries, np.float64)
    kept = entries[:, 2:].sum((0, 1))
    # float32: sums over thousands of cells of both signs, so relative to the largest entry
    scale = np.abs(entries).max((0, 1))
    assert np.all(np.abs(entries[:, 0] - entries[:, 1:].sum(1)) <= 1e-5 * scale)
    assert np.all(np.abs(ledger.start - ledger.inputs - kept) <= 1e-5 * scale)
    assert np.isfinite(entries).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", jlrp.PRESETS)
def test_entries_add_up_to_the_start(name):
    graph, params, images = residual(np.random.default_rng(0))
    result = jlrp.explainer(graph, preset(name), ledger=True)(params, images)
    assert_adds_up(result.ledger)
    start = 1 if name == "excitation_backprop" else result.output.max(1)
    np.testing.assert_allclose(result.ledger.start, start, rtol=1e-6)
    np.testing.assert_allclose(
        result.ledger.inputs, result.relevance.sum((1, 2, 3)), rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", jlrp.PRESETS)
@pytest.mark.parametrize("file", ["resnet_mini", "vgg_mini"])
def test_entries_of_models_of_keras_add_up_to_the_start(file, name, data):
    model = ir.load(data / "zennit" / f"{file}.h5")
    images = np.load(data / "zennit" / f"{file}.images.npy")
    rules = jlrp.PRESETS[name](-200.0, 200.0) if name == "epsilon_gamma_box" else preset(name)
    assert_adds_up(jlrp.explainer(model.graph, rules, ledger=True)(model.params, images).ledger)


def test_passed_and_bias():
    """z = 1·2 + 2·1 + 4 = 8 starts as 8: 4 go on, 4 stay with the bias."""
    ledger = explained(FC, dense([[2.0], [1.0]], [4.0]), [[1, 2]], jlrp.Zero()).ledger
    assert column(ledger, "fc") == {"received": 8, "passed": 4, "bias": 4}
    ledger = explained(
        FC, dense([[2.0], [1.0]], [4.0]), [[1, 2]], jlrp.WithoutBias(jlrp.Zero())
    ).ledger
    assert column(ledger, "fc") == {"received": 8, "passed": 8}


def test_only_the_positive_bias_takes_part_in_z_plus():
    """z⁺ = 3 of 3 + 1 bias.

    The negative contribution of −1 is left out, and so is a negative bias.
    """
    ledger = explained(FC, dense([[3.0], [-1.0]], [1.0]), [[1, 1]], jlrp.ZPlus(0.0)).ledger
    assert column(ledger, "fc") == {"received": 3, "passed": 2.25, "bias": 0.75}
    ledger = explained(FC, dense([[3.0], [-1.0]], [-1.0]), [[1, 1]], jlrp.ZPlus(0.0)).ledger
    assert column(ledger, "fc") == {"received": 1, "passed": 1}


@pytest.mark.parametrize("sign", [1, -1])
def test_stabiliser(sign):
    """Of z = ±3 with ε = 1 a quarter stays with the stabiliser, whatever the sign."""
    ledger = explained(FC, dense([[3.0 * sign]]), [[1]], jlrp.Epsilon(1.0)).ledger
    assert column(ledger, "fc") == {
        "received": 3 * sign,
        "passed": 2.25 * sign,
        "stabiliser": 0.75 * sign,
    }


def test_empty():
    """A unit of z⁺ without any positive contribution has nobody to pass its relevance to."""
    ledger = explained(FC, dense([[-2.0], [-1.0]]), [[1, 1]], jlrp.ZPlus()).ledger
    assert column(ledger, "fc") == {"received": -3, "empty": -3}


def test_gamma_passes_nothing_at_zero():
    explain = jlrp.explainer(
        ir.Graph(FC, ["x"], ["fc"]), jlrp.Composite([(ir.Op, jlrp.Gamma())]), ledger=True
    )
    result = explain(dense([[1.0], [-1.0]]), np.ones((1, 2), "f"), np.ones((1, 1), "f"))
    assert column(result.ledger, "fc") == {"received": 1, "empty": 1}
    assert np.abs(result.relevance).max() == 0


def test_cropped():
    """A 1×1 image in a frame of zeros under a kernel of ones.

    Flat gives 8 of 9 parts to the frame, which is cut.
    """
    nodes = [ir.Node("pad", ir.ZeroPad(), ("x",)), ir.Node("conv", ir.Conv(), ("pad",), "conv")]
    params, rules = {"conv": {"kernel": np.ones((3, 3, 1, 1), "f")}}, [(ir.Conv, jlrp.Flat(0.0))]
    start = np.full((1, 1, 1, 1), 9, "f")
    graph = ir.Graph(nodes, ["x"], ["conv"])
    composite = jlrp.Composite([*rules, (ir.ZeroPad, jlrp.Transpose())], fold=False)
    images = np.ones((1, 1, 1, 1), "f")
    ledger = jlrp.explainer(graph, composite, ledger=True)(params, images, start).ledger
    assert column(ledger, "conv") == {"received": 9, "passed": 9}
    assert column(ledger, "pad") == {"received": 9, "passed": 1, "cropped": 8}
    folded = jlrp.explainer(graph, jlrp.Composite(rules), ledger=True)(params, images, start).ledger
    assert column(folded, "conv") == {"received": 9, "passed": 9}


def test_uniform_pooling_crops_what_falls_into_padding():
    nodes = [ir.Node("pool", ir.AvgPool((2, 2), (2, 2), "same"), ("x",))]
    graph, images = ir.Graph(nodes, ["x"], ["pool"]), np.ones((1, 1, 1, 1), "f")
    explain = jlrp.explainer(graph, jlrp.Composite([(ir.Pool, jlrp.UniformPooling())]), ledger=True)
    assert column(explain({}, images, np.full((1, 1, 1, 1), 4, "f")).ledger, "pool") == {
        "received": 4,
        "passed": 1,
        "cropped": 3,
    }


@pytest.mark.parametrize(
    ("alpha", "beta", "passed"), [(2.0, 1.0, 1), (1.0, 1.0, 0), (3.0, 0.5, 2.5)]
)
def test_what_alpha_beta_keeps(alpha, beta, passed):
    """α times the positive part less β times the negative: α − β of it goes on."""
    ledger = explained(
        FC, dense([[3.0], [-2.0]]), [[1, 1]], jlrp.AlphaBeta(alpha, beta, 0.0)
    ).ledger
    rest = {} if passed == 1 else {"rule": 1 - passed}
    assert column(ledger, "fc") == {"received": 1, **({"passed": passed} if passed else {}), **rest}


def test_what_half_half_keeps():
    """Half of the positive shares less half of the negative: nothing goes on in sum."""
    result = explained(FC, dense([[3.0], [-2.0]]), [[1, 1]], jlrp.HalfHalf())
    assert column(result.ledger, "fc") == {"received": 1, "rule": 1}
    np.testing.assert_allclose(result.relevance, [[0.5, -0.5]], rtol=1e-6)


def test_branches_that_are_not_followed_are_kept_by_the_rule():
    """Of 1·3 + 1 the walk follows the first input alone."""
    nodes = [*FC, ir.Node("add", ir.Add(), ("fc", "x"))]
    entries = [(ir.Dense, jlrp.Zero()), (ir.Add, jlrp.Norm(0.0))]
    composite = jlrp.Composite(entries, followed=lambda graph: frozenset({("add", 0), ("fc", 0)}))
    ledger = explained(
        nodes, dense([[3.0]]), [[1]], composite, start="one"
    ).ledger  # its output is of rank 2
    assert column(ledger, "add") == {"received": 1, "passed": 0.75, "rule": 0.25}
    assert column(ledger, "fc") == {"received": 0.75, "passed": 0.75}


def test_what_a_condition_takes_away_is_kept_by_the_rule():
    nodes = [ir.Node("a", ir.Dense(), ("x",), "a"), ir.Node("b", ir.Dense(), ("a",), "b")]
    params = {"a": {"kernel": np.eye(2, dtype="f")}, "b": {"kernel": np.array([[1.0], [2.0]], "f")}}
    explain = jlrp.explainer(
        ir.Graph(nodes, ["x"], ["b"]), jlrp.Composite([(ir.Dense, jlrp.Zero())]), ledger=True
    )
    ledger = explain.conditional(params, np.ones((1, 2), "f"), [{"a": 1}]).ledger
    row = dict(
        zip(COLUMNS, np.asarray(ledger.entries)[0, ledger.layers.index("a"), :, 0], strict=True)
    )
    assert (float(row["received"]), float(row["passed"]), float(row["rule"])) == pytest.approx(
        (3, 2, 1)
    )


def test_layers_rules_and_columns():
    graph, params, images = residual(np.random.default_rng(0))
    ledger = jlrp.explainer(graph, "epsilon_plus", ledger=True)(params, images).ledger
    assert ledger.layers[0] == "predictions/linear"
    assert ledger.layers[-1] == "bn_conv1"
    assert dict(zip(ledger.layers, ledger.rules, strict=True))["pool"] == "WinnerTakesAll"
    assert ledger.entries.shape == (len(ledger.layers), len(COLUMNS), len(images))
    np.testing.assert_array_equal(ledger.column("passed"), ledger.entries[:, 1])
    np.testing.assert_allclose(ledger.column("received")[0], ledger.start, rtol=1e-6)
    table = ledger.table(image=1).splitlines()
    assert table[0].split()[:3] == ["layer", "rule", "received"]
    assert [line.split()[0] for line in table[1:]] == [*ledger.layers, "start", "inputs"]


def test_without_being_asked_for_there_is_none():
    assert (
        jlrp.explainer(ir.Graph(FC, ["x"], ["fc"]))(dense([[1.0]]), jnp.ones((1, 1))).ledger is None
    )
