"""From the Keras file to relevance, against zennit 1.0.0."""

import jax
import numpy as np
import pytest

import ir
import jlrp

LINEAR = (ir.Convolution, ir.Dense)


def every_layer(rule):
    """This rule on convolutions and dense layers, the rest as in all presets."""
    return jlrp.PRESETS["epsilon"]().with_rules((LINEAR, rule))


METHODS = {
    "epsilon_plus": "epsilon_plus",
    "epsilon_plus_flat": "epsilon_plus_flat",
    "epsilon_alpha2_beta1": "epsilon_alpha2_beta1",
    "epsilon_alpha2_beta1_flat": "epsilon_alpha2_beta1_flat",
    "all_epsilon_1e-6": "epsilon",
    "all_epsilon_0.1": every_layer(jlrp.Epsilon(0.1)),
    "all_zplus": every_layer(jlrp.ZPlus()),
    "all_alpha2_beta1": every_layer(jlrp.AlphaBeta(2.0, 1.0)),
    "all_alpha1_beta0": every_layer(jlrp.AlphaBeta(1.0, 0.0)),
    "first_flat_rest_epsilon_1e-6": jlrp.PRESETS["epsilon"]().with_rules((jlrp.First(), jlrp.Flat())),
}
LOGIT, ONE = {"logit": "logit"}, {"one_hot": "one"}  # their name of a start → ours
MODELS = ("resnet_mini", "vgg_mini")


@pytest.fixture(scope="module", params=MODELS)
def case(request):
    from tests.conftest import DATA

    folder = DATA / "zennit"
    golden = dict(np.load(folder / f"{request.param}.golden.npz"))
    return ir.load(folder / f"{request.param}.h5"), np.load(folder / f"{request.param}.images.npy"), golden


def error(ours, golden):
    """The largest difference over the largest relevance, per image; the worst image."""
    axes = tuple(range(1, golden.ndim))
    return float((np.abs(np.asarray(ours, np.float64) - golden).max(axes) / np.abs(golden).max(axes)).max())


def assert_agrees(case, method, dtype, tolerance, starts):
    model, images, golden = case
    params = jax.tree.map(lambda array: array.astype(dtype), model.params)
    for theirs, ours in starts.items():
        result = jlrp.explainer(model.graph, METHODS[method], start=ours, record=True)(params, images)
        assert result.relevance.dtype == dtype
        assert error(result.relevance, golden[f"relevance/{method}/{theirs}"]) < tolerance
        np.testing.assert_array_equal(result.target, golden["target"])
        inner = f"intermediate/{method}/{theirs}/"
        for key in (key for key in golden if key.startswith(inner)):
            assert error(result.layers[key.removeprefix(inner)], golden[key]) < tolerance
        assert_same_sums(result.layers, golden, f"layer_relevance_sum/{method}/{theirs}", tolerance)


def assert_same_sums(layers, golden, key, tolerance):
    for name, expected in zip(golden["layer_names"], golden.get(key, ()), strict=False):
        sums = np.asarray(layers[str(name)], np.float64).reshape(len(expected), -1).sum(1)
        np.testing.assert_allclose(sums, expected, atol=tolerance * np.abs(expected).max(initial=1))


# 1e-9: float64 leaves a few 1e-14; every mistake in a formula, an ε or a fold is above 1e-6.
@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("method", METHODS)
def test_agrees_in_float64(case, method):
    assert_agrees(case, method, np.float64, 1e-9, LOGIT | ONE if method == "epsilon_plus" else ONE)


# 2e-4: zennit's own float32 differs from its float64 by up to 4e-5 on ResNets. Ours: at most 1.7e-5.
@pytest.mark.parametrize("method", METHODS)
def test_agrees_in_float32(case, method):
    assert_agrees(case, method, np.float32, 2e-4, LOGIT)


@pytest.mark.usefixtures("x64")
def test_logits_are_those_of_the_golden_file(case):
    model, images, golden = case
    params = jax.tree.map(lambda array: array.astype(np.float64), model.params)
    np.testing.assert_allclose(jlrp.explainer(model.graph)(params, images).output, golden["logits"], rtol=1e-10)
    np.testing.assert_allclose(jlrp.forward(model.graph, params, images), golden["probabilities"], rtol=1e-9)


@pytest.mark.usefixtures("x64")
def test_lrp_0_is_gradient_times_input(case):
    """On a network of ReLUs, max pooling and biases LRP-0 is the gradient times the input, where no sum is zero."""
    model, images, golden = case
    params = jax.tree.map(lambda array: array.astype(np.float64), model.params)
    result = jlrp.explainer(model.graph, "zero", start="logit")(params, images)
    assert error(result.relevance, golden["relevance/gradient_times_input/one_hot"]) < 1e-9
