"""Rules as shares: the identity that they stand for, contribution by contribution."""

import flax.struct
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.fast import Fast
from jlrp.fast.zeros import rectified, vanishing
from jlrp.propagation.formulation import PLAIN
from jlrp.rules.base import Facts
from jlrp.rules.shares import inputs, where_negative, where_positive, whole

FORMULATIONS = pytest.mark.parametrize("formulation", [PLAIN, Fast("cpu")], ids=["plain", "fast"])


@flax.struct.dataclass
class Listed(jlrp.ShareRule):
    """A rule of the shares that a test lists."""

    listed: tuple = flax.struct.field(pytree_node=False)

    def shares(self, op):
        return self.listed


def layer(rng, nonnegative=False):
    """A dense layer in float64: its op, weights and input."""
    params = {"kernel": rng.normal(size=(5, 4)), "bias": rng.normal(size=4)}
    x = rng.normal(size=(3, 5))
    return (
        ir.Dense(),
        {k: jnp.asarray(v) for k, v in params.items()},
        jnp.abs(x) if nonnegative else jnp.asarray(x),
    )


def explained(formulation, rule, op, params, x, relevance, facts=Facts()):  # noqa: B008, immutable
    prepared = formulation.prepare(rule, op, params, facts)
    output, kept = formulation.forwards(rule, op, params, (x,), facts, prepared)
    call = jlrp.LayerCall(
        op,
        params,
        (x,),
        output,
        (facts.one_sign,),
        prepared,
        kept=kept,
        map=formulation.affine,
        rectified=facts.rectified,
    )
    (share,) = formulation.relevance(rule, call, relevance)
    return np.asarray(share)


def by_contribution(shares, params, x, relevance):
    """`R_i = Σ_j c(x_i·w_ij)·R_j / stab(Σ_i c(x_i·w_ij) + c(b_j))` for shares by sign, term by
    term."""
    kernel, bias, x = (np.asarray(a) for a in (params["kernel"], params["bias"], x))
    contributions, z = x[:, :, None] * kernel, x @ kernel + bias
    total = np.zeros_like(x)
    for share in shares:

        def c(v, share=share):
            return share.agreeing * np.maximum(v, 0) + share.opposing * np.minimum(v, 0)

        part = share.part(z) if callable(share.part) else share.part
        denominator = c(contributions).sum(1) + c(bias)
        epsilon = share.epsilon(denominator) if callable(share.epsilon) else share.epsilon
        denominator = denominator + np.where(denominator >= 0, epsilon, -epsilon)
        total += (c(contributions) * (part * relevance / denominator)[:, None, :]).sum(2)
    return total


CASES = {
    "opposing by half": (jlrp.Signed(1, 0.5, 0.1),),
    "negative alone": (jlrp.Signed(0, 1, 0.1),),
    "both in one": (jlrp.Signed(2, 0, 0.1, part=0.5), jlrp.Signed(1, 1, 0.2, part=0.5)),
    "by the output's sign": (
        jlrp.Signed(3, 1, 0.1, where_positive),
        jlrp.Signed(1, 3, 0.1, where_negative),
    ),
    "parts and a mixture": (
        jlrp.Signed(1, 0, 0.1),
        jlrp.Signed(0, 1, 0.1, -1),
        jlrp.Signed(1, 2, 0.1, 0.3),
    ),
    "a part of the output": (jlrp.Signed(1, 0, 0.1, part=lambda z: z / 2),),
    "an epsilon of the output": (jlrp.Signed(1, 0, epsilon=lambda z: abs(z) / 4 + 0.1),),
}


@pytest.mark.usefixtures("x64")
@FORMULATIONS
@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_shares_by_sign_are_the_identity_that_they_stand_for(name, nonnegative, formulation, rng):
    op, params, x = layer(rng, nonnegative)
    relevance = rng.normal(size=(3, 4))
    facts = Facts(one_sign=nonnegative)
    found = explained(
        formulation, Listed(CASES[name]), op, params, x, jnp.asarray(relevance), facts
    )
    expected = by_contribution(CASES[name], params, x, relevance)
    np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max())


@pytest.mark.usefixtures("x64")
@FORMULATIONS
def test_shares_by_sign_and_by_terms_add_up(formulation, rng):
    op, params, x = layer(rng)
    relevance = jnp.asarray(rng.normal(size=(3, 4)))
    squares = jlrp.Mapped((jlrp.Term(jnp.square, inputs),), 0.1, of_bias=jnp.square, part=0.25)
    doubled = jlrp.Mapped(
        (jlrp.Term(whole, inputs), jlrp.Term(whole, inputs)), 0.1, part=where_positive
    )
    listed = (jlrp.Signed(1, 0, 0.1), squares, doubled)
    together = explained(formulation, Listed(listed), op, params, x, relevance)
    apart = [explained(PLAIN, Listed((share,)), op, params, x, relevance) for share in listed]
    np.testing.assert_allclose(together, sum(apart), atol=1e-12)


@pytest.mark.usefixtures("x64")
@FORMULATIONS
def test_a_share_of_negative_outputs_alone_is_nothing_after_a_relu(formulation, rng):
    op, params, x = layer(rng, nonnegative=True)
    relevance = jnp.where(x @ params["kernel"] + params["bias"] > 0, 1.0, 0.0)
    rule, facts = (
        Listed((jlrp.Signed(1, 2, 0.1, where_negative),)),
        Facts(one_sign=True, rectified=True),
    )
    assert not explained(formulation, rule, op, params, x, relevance, facts).any()


@pytest.mark.usefixtures("x64")
def test_the_ledger_reads_an_epsilon_that_is_a_function(rng):
    op, params, x = layer(rng)
    graph = ir.Graph([ir.Node("fc", op, ("x",), "fc")], ["x"], ["fc"])
    rule = Listed((jlrp.Signed(1, 1, epsilon=lambda z: abs(z)),))
    explain = jlrp.explainer(graph, jlrp.Composite([(ir.Dense, rule)]), ledger=True)
    ledger = explain({"fc": {"kernel": params["kernel"]}}, x).ledger
    np.testing.assert_allclose(ledger.column("stabiliser"), 0.5 * ledger.column("received"))


def test_only_a_rule_that_is_its_shares_is_known_to_give_zeros_nothing():
    @flax.struct.dataclass
    class Everywhere(jlrp.ZPlus):
        def relevance(self, call, relevance):
            return (jnp.ones_like(call.inputs[0]),)

    nodes = [
        ir.Node("a", ir.Dense(), ("x",), "a"),
        ir.Node("relu", ir.Relu(), ("a",)),
        ir.Node("b", ir.Dense(), ("relu",), "b"),
    ]
    graph = ir.Graph(nodes, ["x"], ["b"])
    for rule, known in ((jlrp.ZPlus(), True), (jlrp.Flat(), False), (Everywhere(), False)):
        rules = {"a": jlrp.Gamma(), "relu": jlrp.Pass(), "b": rule}
        assert ("relu" in vanishing(graph, rules)) is known
        assert ("a" in rectified(graph, rules)) is known


def test_what_hands_relevance_on_gives_zeros_nothing_only_if_it_gets_nothing_there():
    """A sigmoid's 0 becomes ½, and what a flat rule reads gets relevance whatever its value is."""

    def known(op, rule):
        nodes = [
            ir.Node("a", ir.Dense(), ("x",), "a"),
            ir.Node("relu", ir.Relu(), ("a",)),
            ir.Node("then", op, ("relu",)),
            ir.Node("b", ir.Dense(), ("then",), "b"),
        ]
        rules = {"a": jlrp.Gamma(), "relu": jlrp.Pass(), "then": jlrp.Pass(), "b": rule}
        return "relu" in vanishing(ir.Graph(nodes, ["x"], ["b"]), rules)

    assert known(ir.Relu(), jlrp.ZPlus())
    assert not known(ir.Activation("sigmoid"), jlrp.ZPlus())
    assert not known(ir.Relu(), jlrp.Flat())
