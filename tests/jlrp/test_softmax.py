"""Softmax inside a network, and additive masks of −∞."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from tests import oracle

pytestmark = pytest.mark.usefixtures("x64")

BOX = {"epsilon_gamma_box": {"low": -3.0, "high": 3.0}}
PRESETS = [name for name in jlrp.PRESETS if name not in ("deconvnet", "guided_backprop")]


def preset(name):
    return jlrp.PRESETS[name](**BOX.get(name, {}))


def called(op, *inputs):
    inputs = tuple(map(jnp.asarray, inputs))
    return jlrp.LayerCall(op, {}, inputs, jlrp.apply(op, {}, *inputs), (False,) * len(inputs))


@pytest.mark.parametrize("axis", [-1, 1])
def test_the_rule_is_its_definition(axis, rng):
    x, relevance = rng.normal(size=(2, 2, 3, 5))
    (share,) = jlrp.SoftmaxTaylor().relevance(called(ir.Softmax(axis), x), relevance)
    rows = [np.moveaxis(v, axis, -1).reshape(-1, x.shape[axis]) for v in (x, relevance, share)]
    for values, given, found in zip(*rows, strict=True):
        np.testing.assert_allclose(found, oracle.softmax_taylor(values, given), atol=1e-12)


def test_masked_inputs_get_nothing_and_the_others_what_they_get_without_them(rng):
    x, relevance = rng.normal(size=(2, 2, 5))
    masked = x.copy()
    masked[:, 3:], relevance[:, 3:] = -np.inf, 0
    (share,) = jlrp.SoftmaxTaylor().relevance(called(ir.Softmax(), masked), relevance)
    (alone,) = jlrp.SoftmaxTaylor().relevance(called(ir.Softmax(), x[:, :3]), relevance[:, :3])
    assert np.all(np.asarray(share[:, 3:]) == 0)
    np.testing.assert_allclose(share[:, :3], alone, rtol=1e-12)
    expected = [oracle.softmax_taylor(*row) for row in zip(masked, relevance, strict=True)]
    np.testing.assert_allclose(share, expected, atol=1e-12)


def test_a_mask_gets_nothing_even_where_relevance_comes():
    x = jnp.array([[1.0, 2.0, -jnp.inf]])
    (share,) = jlrp.SoftmaxTaylor().relevance(called(ir.Softmax(), x), jnp.ones((1, 3)))
    assert np.isfinite(share).all()
    assert share[0, 2] == 0


SUM_RULES = [
    *(jlrp.Norm(), jlrp.Norm(0.0), jlrp.Epsilon(), jlrp.Zero(), jlrp.ZPlus(), jlrp.AlphaBeta()),
    *(jlrp.Gamma(), jlrp.GammaPlain(), jlrp.AbsSplit()),
]


@pytest.mark.parametrize("rule", SUM_RULES, ids=repr)
@pytest.mark.parametrize("arrives", [0.0, 1.0])
def test_a_sum_with_a_mask_is_finite(rule, arrives, rng):
    """Where a sum is −∞ nothing goes on; where the mask is 0, it is a sum as any other."""
    scores, mask = rng.normal(size=(2, 4)), np.zeros((1, 4))
    mask[:, 2:] = -np.inf
    relevance = rng.normal(size=(2, 4))
    relevance[:, 2:] = arrives
    shares = rule.relevance(called(ir.Add(), scores, mask), relevance)
    plain = rule.relevance(called(ir.Add(), scores[:, :2], mask[:, :2]), relevance[:, :2])
    for share, expected in zip(shares, plain, strict=True):
        assert np.isfinite(share).all()
        np.testing.assert_allclose(share[:, :2], expected, rtol=1e-12)
    assert np.all(np.asarray(shares[1]) == 0)
    by_sign = jlrp.ZPlus | jlrp.AlphaBeta | jlrp.Gamma | jlrp.AbsSplit  # for these the mask is 0
    if arrives == 0 or not isinstance(rule, by_sign):
        assert np.all(np.asarray(shares[0])[:, 2:] == 0)


@dataclass(frozen=True)
class MinusInfinity(ir.Op):
    """0 where the input is not 0, else −∞. Its facts give it a rule in every preset."""

    keeps_shape = True

    def output_shape(self, params, *inputs):
        return inputs[0]


@jlrp.apply.register
def _(op: MinusInfinity, params, x):
    return jnp.where(x == 0, -jnp.inf, jnp.zeros_like(x))


TOKENS, WIDTH = 5, 4


def attention(masked):
    """One head over tokens (N, T, C), of which the first alone is read; (graph, weights).

    With `masked`, a second input says which tokens take part, 1 or 0 for each; others get −∞.
    """
    tokens = ("tokens", "mask") if masked else ("tokens",)
    nodes = [ir.Node(name, ir.Dense(), ("tokens",), name) for name in ("query", "key", "value")]
    nodes += [
        ir.Node("product", ir.Dot((2, 2)), ("query", "key")),
        ir.Node("scores", ir.Rescale(WIDTH**-0.5), ("product",)),
    ]
    if masked:
        nodes += [
            ir.Node("minus infinity", MinusInfinity(), ("mask",)),
            ir.Node("masked", ir.Add(), ("scores", "minus infinity")),
        ]
    nodes += [
        ir.Node("weights", ir.Softmax(), ("masked" if masked else "scores",)),
        ir.Node("mixed", ir.Dot((2, 1)), ("weights", "value")),
        ir.Node("sum", ir.Add(), ("mixed", "tokens")),
        ir.Node("first", ir.Slice((0,)), ("sum",)),
        ir.Node("classes", ir.Dense(), ("first",), "classes"),
        ir.Node("probabilities", ir.Softmax(), ("classes",)),
    ]
    rng = np.random.default_rng(0)
    params = {
        name: {"kernel": rng.normal(size=(WIDTH, 3 if name == "classes" else WIDTH))}
        for name in ("query", "key", "value", "classes")
    }
    return ir.Graph(nodes, tokens, ["probabilities"]), params


@pytest.mark.parametrize("formulation", ["plain", "fast"])
@pytest.mark.parametrize("name", PRESETS)
def test_masked_tokens_are_as_if_they_were_not_there(name, formulation, rng):
    tokens, mask = rng.normal(size=(2, TOKENS, WIDTH)), np.ones((2, 1, TOKENS))
    mask[..., 3:] = 0
    graph, params = attention(masked=True)
    explain = jlrp.explainer(graph, preset(name), ledger=True, formulation=formulation)
    result = explain(params, (tokens, mask), target=1)
    of_tokens, of_mask = map(np.asarray, result.relevance)
    assert np.isfinite(of_tokens).all()
    assert np.isfinite(np.asarray(result.ledger.entries)).all()
    assert np.all(of_tokens[:, 3:] == 0)
    assert np.abs(of_tokens[:, :3]).max() > 1e-3
    assert np.all(of_mask == 0)
    alone = explain(params, (tokens[:, :3], mask[..., :3]), target=1)
    expected = np.asarray(alone.relevance[0])
    assert np.abs(of_tokens[:, :3] - expected).max() <= 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize("name", PRESETS)
def test_the_softmax_inside_has_the_rule_and_the_last_is_taken_off(name):
    rules = preset(name).rule_names(attention(masked=False)[0])
    assert rules["weights"] == "SoftmaxTaylor()"
    assert rules["probabilities"] == "stripped"


def test_without_a_stabiliser_relevance_is_the_gradient_times_the_input_of_the_parts(rng):
    """With LRP-0, half of each product of values, and the Taylor rule.

    Checked end to end by hand.
    """
    graph, params = attention(masked=False)
    tokens = rng.normal(size=(1, TOKENS, WIDTH))
    rules = jlrp.Composite(
        [
            (ir.Softmax, jlrp.SoftmaxTaylor()),
            (ir.Dot, jlrp.UniformMatMul(0.0)),
            (ir.Rescale, jlrp.Pass()),
            (ir.Slice, jlrp.Transpose()),
            ((ir.Dense, ir.Add), jlrp.Zero()),
        ]
    )
    found = np.asarray(jlrp.explainer(graph, rules)(params, tokens, target=1).relevance)[0]
    x = tokens[0]
    q, k, v, w = (params[name]["kernel"] for name in ("query", "key", "value", "classes"))
    scores = x[0] @ q @ (x @ k).T / np.sqrt(WIDTH)
    s = np.exp(scores) / np.exp(scores).sum()
    of_mixed = w[:, 1]  # the class's gradient at the first token's output
    through_values = 0.5 * s[:, None] * (x @ v) * of_mixed
    received = through_values.sum(1)
    of_scores = scores * (received - s * received.sum())
    slope = of_scores / scores / np.sqrt(WIDTH)
    expected = np.zeros_like(x)
    expected += x * ((0.5 * s[:, None] * of_mixed) @ v.T)
    expected += x * (0.5 * slope[:, None] * (x[0] @ q) @ k.T)
    expected[0] += x[0] * (0.5 * (slope @ (x @ k)) @ q.T)
    expected[0] += x[0] * of_mixed
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
