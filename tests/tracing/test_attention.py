"""What holds for relevance in any transformer, without reference values."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from tests.tracing import transformers

REFUSED = ("epsilon", "epsilon_plus", "epsilon_plus_flat", "zero", "crawford2019")


pytestmark = pytest.mark.usefixtures("x64")


def small_decoder(**changes):
    """A decoder of two layers, its weights and embeddings of two sentences."""
    config, weights, reference = transformers.loaded("lm_llama")
    return config | changes, weights, weights["embed"][jnp.asarray(reference["inputs"])]


@cache
def traced():
    """The decoder's graph, its embeddings and its output."""
    config, weights, x = small_decoder()
    model = jlrp.trace(partial(transformers.decoder, config), weights, x)
    return model, x, np.asarray(jlrp.forward(model.graph, model.params, x))


def start_at(output, position, token):
    start = np.zeros_like(output)
    start[:, position, token] = output[:, position, token]
    return start


@pytest.mark.parametrize("position", [-1, 4])
def test_one_position_is_explained_as_a_classifier(position):
    config, weights, x = small_decoder()
    ended = lambda p, e: jax.nn.softmax(transformers.decoder(config, p, e), -1)  # noqa: E731
    model = jlrp.trace(ended, weights, x)
    output = np.asarray(jlrp.forward(model.graph, model.params, x))
    explain = jlrp.explainer(model, position=position)
    found = explain(model.params, x)
    np.testing.assert_array_equal(found.target, output[:, position].argmax(-1))
    np.testing.assert_allclose(found.prediction, output[:, position], rtol=1e-12)
    whole = jlrp.explainer(model)
    start = np.zeros_like(output)
    start[np.arange(2), position, found.target] = found.output[np.arange(2), found.target]
    expected = whole(model.params, x, start).relevance
    np.testing.assert_allclose(found.relevance, expected, rtol=1e-12, atol=1e-15)
    several = explain.per_class(model.params, x, (3, 5))
    assert several.relevance.shape == (2, *x.shape)


def test_a_position_that_there_is_not():
    model, x, _ = traced()
    with pytest.raises(ir.ShapeError, match="index 12 of axis 1"):
        jlrp.explainer(model, position=12)(model.params, x)
    with pytest.raises(ValueError, match=r"position is a whole number.*'last'"):
        jlrp.explainer(model, position="last")


@pytest.mark.parametrize("preset", ["attnlrp", "cp_lrp"])
@pytest.mark.parametrize("position", [0, 5])
def test_tokens_behind_the_explained_one_get_nothing(preset, position):
    model, x, output = traced()
    found = jlrp.explainer(model, preset)(model.params, x, start_at(output, position, 7)).relevance
    assert np.all(np.asarray(found)[:, position + 1 :] == 0)
    assert np.abs(found[:, : position + 1]).max() > 0


def test_cp_lrp_conserves_where_there_are_no_biases():
    model, x, output = traced()
    start = start_at(output, -1, 3)
    found = jlrp.explainer(model, jlrp.PRESETS["cp_lrp"](epsilon=0.0))(model.params, x, start)
    np.testing.assert_allclose(
        found.relevance.sum((1, 2)), start.sum((1, 2)), rtol=1e-12, atol=1e-12
    )


def halved(x):
    """`x`, whose derivative is halved."""

    @jax.custom_vjp
    def half(x):
        return x

    half.defvjp(lambda x: (x, None), lambda _, g: (g / 2,))
    return half(x)


def detached(config, p, e):
    """The decoder for which gradient × input is AttnLRP without stabilisers."""
    stop = jax.lax.stop_gradient

    def norm(q, x):
        return (
            x
            * stop(jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + config["ln_eps"]))
            * (q["gamma"])
        )

    mask, t = jnp.tril(jnp.ones((e.shape[1], e.shape[1]), bool)), e
    for index in range(config["depth"]):
        b = p[f"block{index}"]
        n = norm(b["ln1"], t)
        q, k, v = (
            transformers.heads_of(transformers.dense(b[each], n), config["heads"]) for each in "qkv"
        )
        q, k = transformers.rotated(config, q), transformers.rotated(config, k)
        scores = halved(jnp.einsum("nqhd,nkhd->nhqk", q, k)) / np.sqrt(q.shape[-1])
        attention = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf), -1)
        mixed = halved(jnp.einsum("nhqk,nkhd->nqhd", attention, v))
        t = t + transformers.dense(b["out"], mixed.reshape(*mixed.shape[:2], -1))
        n = norm(b["ln2"], t)
        gate = transformers.dense(b["gate"], n)
        gate = gate * stop(jax.nn.silu(gate) / gate)
        t = t + transformers.dense(b["down"], halved(gate * transformers.dense(b["up"], n)))
    return transformers.dense(p["head"], norm(p["ln"], t))


@pytest.mark.parametrize("seed", range(3))
def test_without_stabilisers_it_is_gradient_times_input_with_parts_held(seed):
    config, weights, _ = small_decoder()
    generator = np.random.default_rng(seed)
    weights = jax.tree.map(lambda w: w * generator.uniform(0.5, 1.5, w.shape), weights)
    x = jnp.asarray(generator.normal(size=(2, 7, config["dim"])))
    model = jlrp.trace(partial(transformers.decoder, config), weights, x)
    start = start_at(np.asarray(jlrp.forward(model.graph, model.params, x)), -1, 5)
    found = jlrp.explainer(model, jlrp.PRESETS["attnlrp"](epsilon=0.0))(model.params, x, start)
    gradient = jax.grad(lambda x: detached(config, weights, x)[:, -1, 5].sum())(x)
    np.testing.assert_allclose(found.relevance, x * gradient, rtol=1e-9, atol=1e-12)


def test_the_ledger_closes():
    config, weights, reference = transformers.loaded("vit_cls")
    x = jnp.asarray(reference["inputs"], float)
    model = jlrp.trace(partial(transformers.vit, config), weights, x)
    result = jlrp.explainer(model, "attnlrp_gamma", ledger=True)(model.params, x)
    kept = sum(np.asarray(result.ledger.column(name)).sum(0) for name in KEPT)
    start = np.asarray(result.output)[np.arange(2), np.asarray(result.target)]
    np.testing.assert_allclose(result.relevance.sum((1, 2, 3)) + kept, start, rtol=1e-9)


KEPT = ("bias", "stabiliser", "empty", "cropped", "rule")


def test_projections_are_found_by_data_flow():
    model, _, _ = traced()
    found = {n.name for n in model.graph.nodes if jlrp.Projection()(model.graph, n)}
    assert found == {f"block{i}/{each}" for i in range(2) for each in ("q", "k", "v", "out")}


@pytest.mark.parametrize("preset", REFUSED)
def test_presets_for_convolutions_are_refused_by_name(preset):
    model, _, _ = traced()
    with pytest.raises(ValueError, match=r"not for networks with attention.*attnlrp"):
        jlrp.explainer(model, preset)
    jlrp.explainer(model, jlrp.PRESETS[preset]())  # a composite is what the user wants


def test_other_softmaxes_are_no_attention():
    """Weights of branches, and of positions, that multiply value by value."""

    def radix(p, x):
        weights = jax.nn.softmax((x.mean(1) @ p).reshape(-1, 2, 4), 1)
        return (x.reshape(x.shape[0], -1, 2, 4) * weights[:, None]).sum(2).mean(1)

    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 8)))
    model = jlrp.trace(radix, jnp.eye(8), x)
    assert any(isinstance(node.op, ir.Softmax) for node in model.graph.nodes)
    jlrp.explainer(model, "epsilon_plus")


@pytest.mark.parametrize("preset", ["attnlrp", "attnlrp_gamma", "cp_lrp"])
def test_a_network_without_attention_has_them_too(preset):
    model = ir.load("jlrp/data/digits_resnet.h5")
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 1)).astype("f")
    with jax.enable_x64(False):
        assert np.isfinite(jlrp.explain(model, x, preset).relevance).all()
