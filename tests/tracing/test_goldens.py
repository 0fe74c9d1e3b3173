"""Traced transformers against relevance that was computed by hand in another framework."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from tests.tracing import transformers

pytestmark = pytest.mark.usefixtures("x64")


def passing(*kinds):
    """AttnLRP with the identity rule on some ops: how relevance explodes."""
    return lambda: jlrp.PRESETS["attnlrp"]().with_rules((kinds, jlrp.Pass()))


SETS = {
    "attnlrp_epsilon": jlrp.PRESETS["attnlrp"],
    "attnlrp_zero": lambda: jlrp.PRESETS["attnlrp"](epsilon=0.0),
    "attnlrp_gamma": jlrp.PRESETS["attnlrp_gamma"],
    "cp_epsilon": jlrp.PRESETS["cp_lrp"],
    "cp_zero": lambda: jlrp.PRESETS["cp_lrp"](epsilon=0.0),
    "cp_gamma": lambda: jlrp.PRESETS["cp_lrp"](conv=0.25, linear=0.05),
    "identity_norm": passing(ir.LayerNorm),
    "pass_softmax": passing(ir.LayerNorm, ir.Softmax),
}
"""The rules of each set of reference values."""

NETWORKS = {"vit_cls": transformers.vit, "lm_llama": transformers.decoder}

CASES = [
    (name, rules)
    for name, sets in {
        "vit_cls": SETS.keys() - {"cp_epsilon"},
        "lm_llama": ("attnlrp_epsilon", "attnlrp_zero", "cp_epsilon", "cp_zero"),
    }.items()
    for rules in sorted(sets)
]


@cache
def traced(name):
    """A network's graph, its inputs, and its reference values."""
    config, weights, reference = transformers.loaded(name)
    x = jnp.asarray(reference["inputs"])
    x = weights["embed"][x] if name == "lm_llama" else jnp.asarray(x, float)
    return jlrp.trace(partial(NETWORKS[name], config), weights, x), x, reference


def start_of(reference, name):
    """The target's logit; of a language model at the last token."""
    target = reference["target"]
    if name == "vit_cls":
        return target
    start = np.zeros_like(reference["output"])
    images = np.arange(len(target))
    start[images, -1, target] = reference["output"][images, -1, target]
    return start


@pytest.mark.parametrize(("name", "rules"), CASES)
@pytest.mark.parametrize("formulation", ["plain", "fast"])
def test_relevance_is_that_of_the_reference(name, rules, formulation):
    """The sets with identity at LayerNorm sum up to 1e6 times the logit and more."""
    model, x, reference = traced(name)
    explain = jlrp.explainer(model, SETS[rules](), formulation=formulation)
    result = explain(model.params, x, start_of(reference, name))
    np.testing.assert_allclose(result.output, reference["output"], rtol=1e-12, atol=1e-12)
    found = np.asarray(result.relevance)
    expected = reference[f"{rules}:input"]
    near = 1e-10 if rules in ("identity_norm", "pass_softmax") else 1e-13
    assert np.abs(found - expected).max() <= near * np.abs(expected).max()


@pytest.mark.parametrize("rules", ["attnlrp_gamma", "attnlrp_epsilon"])
def test_inner_values_are_those_of_the_reference(rules):
    model, x, reference = traced("vit_cls")
    names = {
        "patches": "reshape",
        "tokens": "pos",
        "block0/output": "block0/add:1",
        "block2/output": "block2/add:1",
        "block0/scores": "block0/rescale",
        "block0/attention": "block0/softmax",
    }
    explain = jlrp.explainer(model, SETS[rules](), record=names.values())
    found = explain(model.params, x, start_of(reference, "vit_cls")).layers
    for theirs, ours in names.items():
        expected = reference[f"{rules}:{theirs}"]
        assert np.abs(found[ours] - expected).max() <= 1e-13 * np.abs(expected).max(), theirs


@pytest.mark.parametrize("rules", ["attnlrp_gamma", "cp_zero", "attnlrp_epsilon"])
def test_in_float32(rules):
    with jax.enable_x64(False):
        config, weights, reference = transformers.loaded("vit_cls")
        weights = jax.tree.map(lambda w: jnp.asarray(w, jnp.float32), weights)
        x = jnp.asarray(reference["inputs"], jnp.float32)
        model = jlrp.trace(partial(transformers.vit, config), weights, x)
        explain = jlrp.explainer(model, SETS[rules]())
        found = np.asarray(explain(model.params, x, reference["target"]).relevance)
    expected = reference[f"{rules}:input"]
    assert np.abs(found - expected).max() <= 2e-4 * np.abs(expected).max()


def test_tokens_get_the_sum_of_their_embeddings():
    config, weights, reference = transformers.loaded("lm_llama")
    ids = jnp.asarray(reference["inputs"])
    model = jlrp.trace(partial(transformers.language_model, config), weights, ids)
    explain = jlrp.explainer(model)  # AttnLRP, as there is attention
    found = np.asarray(explain(model.params, ids, start_of(reference, "lm_llama")).relevance)
    expected = reference["attnlrp_epsilon:input"].sum(-1)
    assert found.shape == ids.shape
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def test_names_are_paths_of_params_and_places_beside_them():
    model, _, _ = traced("vit_cls")
    names = [node.name for node in model.graph.nodes]
    assert {"patch", "cls", "pos", "block0/q", "block0/softmax", "block3/fc1", "head"} <= {*names}
    assert model.sources["block1/fc1"].startswith("transformers.py:")
    assert len(names) == 87
