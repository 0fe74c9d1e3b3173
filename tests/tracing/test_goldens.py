"""Traced transformers against relevance that was computed by hand in another framework."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.composites.rows import common_rows
from tests.tracing import transformers


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def attention_rules(epsilon):
    """LRP-ε on layers and sums, the deviation of a LayerNorm detached, halves at products."""
    rule = jlrp.Epsilon(epsilon) if epsilon else jlrp.Zero()
    return jlrp.Composite(
        [
            (jlrp.Fact("has_kernel"), rule),
            (jlrp.Fact("sums"), jlrp.Norm(epsilon)),
            (
                lambda graph, node: isinstance(node.op, ir.LayerNorm) and not node.op.rms,
                jlrp.DetachedNorm(epsilon),
            ),
            *common_rows(epsilon),
        ]
    )


def start_of(reference, name):
    """The target's logit; of a language model at the last token."""
    target = reference["target"]
    if name == "vit_cls":
        return target
    start = np.zeros_like(reference["output"])
    images = np.arange(len(target))
    start[images, -1, target] = reference["output"][images, -1, target]
    return start


@pytest.mark.parametrize(("rules", "epsilon"), [("attnlrp_epsilon", 1e-6), ("attnlrp_zero", 0.0)])
@pytest.mark.parametrize(
    ("name", "function"),
    [("vit_cls", transformers.vit), ("lm_llama", transformers.decoder)],
)
@pytest.mark.parametrize("formulation", ["plain", "fast"])
def test_relevance_is_that_of_the_reference(name, function, rules, epsilon, formulation):
    config, weights, reference = transformers.loaded(name)
    x = jnp.asarray(reference["inputs"])
    x = weights["embed"][x] if name == "lm_llama" else jnp.asarray(x, float)
    model = jlrp.trace(partial(function, config), weights, x)
    np.testing.assert_allclose(
        jlrp.forward(model.graph, model.params, x), reference["output"], rtol=1e-12, atol=1e-12
    )
    explain = jlrp.explainer(model, attention_rules(epsilon), formulation=formulation)
    found = np.asarray(explain(model.params, x, start_of(reference, name)).relevance)
    expected = reference[f"{rules}:input"]
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def test_tokens_get_the_sum_of_their_embeddings():
    config, weights, reference = transformers.loaded("lm_llama")
    ids = jnp.asarray(reference["inputs"])
    model = jlrp.trace(partial(transformers.language_model, config), weights, ids)
    explain = jlrp.explainer(model, attention_rules(1e-6))
    found = np.asarray(explain(model.params, ids, start_of(reference, "lm_llama")).relevance)
    expected = reference["attnlrp_epsilon:input"].sum(-1)
    assert found.shape == ids.shape
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def test_names_are_paths_of_params_and_places_beside_them():
    config, weights, reference = transformers.loaded("vit_cls")
    x = jnp.asarray(reference["inputs"], float)
    model = jlrp.trace(partial(transformers.vit, config), weights, x)
    names = [node.name for node in model.graph.nodes]
    assert {"patch", "cls", "pos", "block0/q", "block0/softmax", "block3/fc1", "head"} <= {*names}
    assert model.sources["block1/fc1"].startswith("transformers.py:")
    assert len(names) == 87
