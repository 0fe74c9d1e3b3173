"""The rule of a BatchNorm that cannot be folded.

It stands behind a sum or a ReLU, before a ReLU or a padded layer.
"""

import numpy as np
import pytest

import ir
import jlrp
from tests.networks import BOUNDS, preset

FOLDING = sorted(
    {*jlrp.PRESETS} - {"crawford2019", "crawford2019_original", "deconvnet", "guided_backprop"}
)


def weights(rng, *shape):
    return {
        "kernel": rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1])),
        "bias": 0.1 * rng.normal(size=shape[-1]),
    }


def statistics(rng, channels):
    return {
        "gamma": rng.uniform(0.5, 1.5, channels),
        "beta": rng.normal(size=channels),
        "moving_mean": rng.normal(size=channels),
        "moving_variance": rng.uniform(0.5, 2, channels),
    }


@pytest.fixture
def network(rng):
    """Pre-activation blocks in float64: each BatchNorm stands behind a sum, before a ReLU."""
    nodes, params = (
        [ir.Node("conv", ir.Conv((1, 1), "same"), ("image",), "conv")],
        {"conv": weights(rng, 3, 3, 3, 8)},
    )
    shortcut = "conv"
    for block in "abc":
        nodes += [
            ir.Node(f"bn_{block}", ir.BatchNorm(), (shortcut,), f"bn_{block}"),
            ir.Node(f"relu_{block}", ir.Relu(), (f"bn_{block}",)),
            ir.Node(f"conv_{block}", ir.Conv((1, 1), "same"), (f"relu_{block}",), f"conv_{block}"),
            ir.Node(f"add_{block}", ir.Add(), (shortcut, f"conv_{block}")),
        ]
        params |= {f"bn_{block}": statistics(rng, 8), f"conv_{block}": weights(rng, 3, 3, 8, 8)}
        shortcut = f"add_{block}"
    nodes += [
        ir.Node("bn", ir.BatchNorm(), (shortcut,), "bn"),
        ir.Node("relu", ir.Relu(), ("bn",)),
        ir.Node("gap", ir.GlobalAvgPool(), ("relu",)),
        ir.Node("logits", ir.Dense(), ("gap",), "logits"),
    ]
    params |= {"bn": statistics(rng, 8), "logits": weights(rng, 8, 5)}
    return ir.Graph(nodes, ["image"], ["logits"]), params, rng.normal(size=(6, 8, 8, 3))


def growth(graph, rules, params, images):
    """`Σ|R|` of the pixels over what relevance started as: the worst image."""
    result = jlrp.explainer(graph, rules)(params, images)
    start = np.abs(np.asarray(result.output)).max(1)
    return float((np.abs(np.asarray(result.relevance)).sum((1, 2, 3)) / start).max())


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", FOLDING)
def test_relevance_stays_bounded(network, name):
    assert growth(network[0], preset(name), *network[1:]) < 5


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["zero", "epsilon", "epsilon_alpha2_beta1"])
def test_relevance_explodes_under_pass(network, name):
    """Why the presets have another rule, and how to get zennit's: one entry."""
    passing = preset(name).with_rules((ir.BatchNorm, jlrp.Pass()))
    assert growth(network[0], passing, *network[1:]) > 1000


@pytest.mark.usefixtures("x64")
def test_lrp_0_is_gradient_times_input_where_batchnorms_stay(network):
    graph, params, images = network
    relevance = jlrp.explainer(graph, "zero")(params, images).relevance
    expected = jlrp.gradient_times_input(graph)(params, images).relevance
    # float64; quotients by sums near zero magnify rounding
    np.testing.assert_allclose(relevance, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("name", jlrp.PRESETS)
def test_the_rule_of_each_preset(network, name):
    rules = preset(name).assign(preset(name).rewrite(network[0]).graph)
    kept = {"crawford2019": jlrp.Pass(), "deconvnet": jlrp.Gradient()}
    kept |= {"crawford2019_original": kept["crawford2019"], "guided_backprop": kept["deconvnet"]}
    expected = kept.get(name, jlrp.Zero() if name == "zero" else jlrp.Epsilon())
    assert [rules[name] for name in ("bn_b", "bn_c", "bn")] == [expected] * 3


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["epsilon_plus_flat", "epsilon_gamma_box"])
def test_a_batchnorm_on_the_image_passes_relevance_on(name, rng):
    """Flat and box rules leave relevance where the normalised value is near 0, which a quotient
    would magnify."""
    nodes = [
        ir.Node("bn", ir.BatchNorm(), ("image",), "bn"),
        ir.Node("conv", ir.Conv((1, 1), "same"), ("bn",), "conv"),
        ir.Node("gap", ir.GlobalAvgPool(), ("conv",)),
        ir.Node("logits", ir.Dense(), ("gap",), "logits"),
    ]
    graph = ir.Graph(nodes, ["image"], ["logits"])
    params = {
        "bn": statistics(rng, 3),
        "conv": weights(rng, 3, 3, 3, 8),
        "logits": weights(rng, 8, 5),
    }
    images = rng.uniform(BOUNDS["low"], BOUNDS["high"], (4, 8, 8, 3))
    rules = preset(name)
    assert rules.assign(graph)["bn"] == jlrp.Pass()
    result = jlrp.explainer(graph, rules, record=("bn",))(params, images)
    np.testing.assert_array_equal(result.relevance, result.layers["bn"])


@pytest.mark.usefixtures("x64")
def test_what_a_relu_clipped_gets_nothing_through_a_batchnorm(rng):
    """Behind a ReLU the rule gives 0 where the ReLU did, so that the fast γ may leave that half
    out."""
    nodes = [
        ir.Node("a", ir.Conv(), ("image",), "a"),
        ir.Node("r", ir.Relu(), ("a",)),
        ir.Node("bn", ir.BatchNorm(), ("r",), "bn"),
        ir.Node("b", ir.Conv((1, 1), "same"), ("bn",), "b"),
        ir.Node("gap", ir.GlobalAvgPool(), ("b",)),
        ir.Node("logits", ir.Dense(), ("gap",), "logits"),
    ]
    graph = ir.Graph(nodes, ["image"], ["logits"])
    params = {
        "a": weights(rng, 3, 3, 3, 8),
        "bn": statistics(rng, 8),
        "b": weights(rng, 3, 3, 8, 8),
    }
    params["logits"] = weights(rng, 8, 5)
    images = rng.normal(size=(4, 8, 8, 3))
    rules = preset("epsilon_gamma_box").with_rules((ir.Convolution, jlrp.Gamma(0.25)))
    fast, plain = (
        jlrp.explainer(graph, rules, record=("r",), formulation=form)(params, images)
        for form in ("fast", "plain")
    )
    clipped = np.asarray(jlrp.forward(ir.Graph(nodes[:2], ["image"], ["r"]), params, images)) == 0
    assert clipped.any()
    assert (np.asarray(plain.layers["r"])[clipped] == 0).all()
    scale = np.abs(plain.relevance).max()
    np.testing.assert_allclose(
        fast.relevance, plain.relevance, rtol=0, atol=1e-10 * scale
    )  # sums in another order
