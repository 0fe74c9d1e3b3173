"""What holds for every rule on every op that it is for: one list of rules, one of ops."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp import backward
from jlrp.crawford import OriginalHalfHalf
from jlrp.ledger import COLUMNS, Bookkeeper
from jlrp.rules.backprop import DeconvNet, Gradient, GuidedBackprop
from tests.ops import NAMES, OTHERS, case

RULES = {
    repr(rule): rule
    for rule in (
        jlrp.Zero(),
        jlrp.Epsilon(),
        jlrp.Epsilon(0.25),
        jlrp.Norm(),
        jlrp.Norm(0.25),
        jlrp.ZPlus(),
        jlrp.ZPlus(0.25),
        jlrp.AlphaBeta(),
        jlrp.AlphaBeta(1.0, 0.0, 0.25),
        jlrp.AlphaBeta(3.0, 0.5),
        jlrp.Gamma(),
        jlrp.Gamma(2.0, 0.25),
        jlrp.GammaPlain(),
        jlrp.GammaPlain(2.0, 0.25),
        jlrp.Flat(),
        jlrp.Flat(0.25),
        jlrp.WSquare(),
        jlrp.WSquare(0.25, "squared"),
        jlrp.ZBox(-4.0, 4.0),
        jlrp.ZBox(0.0, 1.0, 0.25),
        jlrp.WithoutBias(jlrp.Epsilon()),
        jlrp.WithoutBias(jlrp.AlphaBeta()),
        jlrp.HalfHalf(),
        OriginalHalfHalf(),
        jlrp.UniformPooling(),
        jlrp.AbsSplit(),
        jlrp.Winner(),
        jlrp.Pass(),
        jlrp.Transpose(),
        Gradient(),
        DeconvNet(),
        GuidedBackprop(),
    )
}
OPS = [*NAMES, *OTHERS]
FEW = ["dense", "conv same, stride 2", "add", "max pooling", "relu"]  # an op of every family
POSITIVE_ONLY = (DeconvNet, GuidedBackprop)  # they drop negative relevance, and so are not linear
KEEPS = {jlrp.HalfHalf: 1, OriginalHalfHalf: 1}  # of the relevance, besides what the ledger names
PROMISE_NOTHING = (Gradient, *POSITIVE_ONLY)
DTYPES = ("float32", "bfloat16", "float64")
QUICK = {"xla_backend_optimization_level": 0}  # each program runs a few times on small arrays


def rules_for(op, dtype):
    """The rules that fit an op, by name, with their numbers in a dtype."""
    return {
        name: jax.tree.map(lambda number: jnp.asarray(number, dtype), rule)
        for name, rule in RULES.items()
        if rule.fits(op)
    }


def arrays_for(name, dtype, rng):
    """An op with weights and inputs in a dtype, and random relevance of its output."""
    op, params, inputs = case(name, rng)
    params, inputs = jax.tree.map(lambda array: jnp.asarray(array, dtype), (params, inputs))
    output = jax.eval_shape(partial(jlrp.apply, op), params, *inputs)
    return op, params, inputs, jnp.asarray(rng.normal(size=output.shape), dtype)


def called(op, params, inputs):
    return jlrp.LayerCall(op, params, inputs, jlrp.apply(op, params, *inputs), (False,) * len(inputs))


def shares(op, rules, params, inputs, relevance):
    """Each rule's relevance of the inputs."""
    call = called(op, params, inputs)
    return {name: rule.relevance(call, relevance) for name, rule in rules.items()}


def shares_and_entries(op, rules, params, inputs, relevance):
    """Each rule's relevance of the inputs, and the ledger's entries of it."""
    call = called(op, params, inputs)
    node = ir.Node("node", op, tuple(map(str, range(len(inputs)))))
    results = {}
    for name, rule in rules.items():
        books, given = Bookkeeper([], [], []), rule.relevance(call, relevance)
        books.enter(node, rule, call, relevance, relevance, given)
        results[name] = given, books.entries[0]
    return results


run = jax.jit(shares, static_argnums=0, compiler_options=QUICK)
run_with_entries = jax.jit(shares_and_entries, static_argnums=0, compiler_options=QUICK)


def assert_close(a, b, tolerance, what):
    for x, y in zip(a, b, strict=True):
        assert np.abs(x - y).max() <= tolerance * max(np.abs(y).max(), 1e-300), what


def test_every_rule_is_in_the_list():
    def classes(rule):
        return {rule}.union(*map(classes, rule.__subclasses__()))

    defined = {c for c in classes(jlrp.Rule) if c.__module__.startswith("jlrp") and "__dataclass_fields__" in vars(c)}
    assert defined == {type(rule) for rule in RULES.values()}


def test_every_rule_has_an_op():
    ops = [case(name, np.random.default_rng(0))[0] for name in OPS]
    assert [name for name, rule in RULES.items() if not any(map(rule.fits, ops))] == []


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", OPS)
def test_shape_and_dtype_are_the_inputs(name, rng):
    for dtype in DTYPES:
        op, params, inputs, relevance = arrays_for(name, dtype, rng)
        found = jax.eval_shape(partial(shares, op), rules_for(op, dtype), params, inputs, relevance)
        for rule, given in found.items():
            assert [(s.shape, s.dtype) for s in given] == [(x.shape, x.dtype) for x in inputs], rule


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", OPS)
def test_linear_per_image_and_conserved(name, rng):
    op, params, inputs, relevance = arrays_for(name, "float64", rng)
    rules = rules_for(op, "float64")
    results = run_with_entries(op, rules, params, inputs, relevance)
    other = jnp.asarray(rng.normal(size=relevance.shape))
    others = run_with_entries(op, rules, params, inputs, other)
    both = run_with_entries(op, rules, params, inputs, relevance - 2 * other)
    twice = jax.tree.map(lambda x: jnp.stack([x[1], x[1]]), (inputs, relevance))
    alone = run_with_entries(op, rules, params, *twice)
    for rule, (given, entries) in results.items():
        if not isinstance(rules[rule], POSITIVE_ONLY):
            assert_close(both[rule][0], [x - 2 * y for x, y in zip(given, others[rule][0], strict=True)], 1e-9, rule)
        # an image's relevance is its own, whatever else is in the batch
        assert_close([x[0] for x in alone[rule][0]], [x[1] for x in given], 1e-9, rule)
        assert_adds_up(op, rules[rule], given, np.asarray(entries), np.asarray(relevance), rule)


def assert_adds_up(op, rule, given, entries, relevance, what):
    """received = passed + bias + stabiliser + empty + cropped + rule, and `rule` is what the definition says."""
    columns = dict(zip(COLUMNS, entries, strict=True))
    passed = sum(np.asarray(share).reshape(2, -1).sum(1) for share in given)
    sizes = 1 + np.abs(relevance).sum() + sum(np.abs(share).sum() for share in given)
    received = relevance.reshape(2, -1).sum(1)
    assert np.abs(columns["passed"] - passed).max() <= 1e-9 * sizes, what
    assert np.abs(columns["received"] - received).max() <= 1e-9 * sizes, what
    assert np.abs(columns["received"] - entries[1:].sum(0)).max() <= 1e-9 * sizes, what
    if isinstance(rule, PROMISE_NOTHING):
        return
    keeps = KEEPS.get(type(rule), 0)
    if isinstance(rule, jlrp.AlphaBeta):
        keeps = 1 - float(rule.alpha - rule.beta)
    # Quotients by sums near zero are large, and cancel: 1e-9 of all that is shared out leaves room for rounding.
    assert np.abs(columns["rule"] - keeps * received).max() <= 1e-9 * sizes, what
    if getattr(op, "padding", "valid") == "valid":
        assert np.abs(columns["cropped"]).max() <= 1e-9 * sizes, what


def test_wrapped_rules_say_no_less():
    """A rule in another: the ledger's entries are those of the rule inside, without the bias's."""
    rng = np.random.default_rng(0)
    op, params, inputs, relevance = arrays_for("dense", "float32", rng)
    plain, wrapped = (
        run_with_entries(op, {"": rule}, params, inputs, relevance)[""][1]
        for rule in (jlrp.Epsilon(), jlrp.WithoutBias(jlrp.Epsilon()))
    )
    assert np.abs(plain[2]).max() > 0.1
    assert np.abs(wrapped[2]).max() == 0


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_finite_on_zeros_dead_channels_and_extreme_activations(name, dtype, rng):
    op, params, inputs, relevance = arrays_for(name, dtype, rng)
    rules = rules_for(op, dtype)
    dead = {role: array.at[..., 0].set(0) for role, array in params.items()}
    if "kernel" in dead:
        dead["kernel"] = dead["kernel"].at[..., 0, :].set(0)
    if "moving_variance" in dead:
        dead["moving_variance"] = params["moving_variance"]
    zeros = jax.tree.map(jnp.zeros_like, inputs)
    for what, weights, values in (
        ("all zero", params, zeros),
        ("dead channels", dead, inputs),
        ("all zero, dead channels", dead, zeros),
        ("1e-30", params, jax.tree.map(lambda x: 1e-30 * x, inputs)),
        ("1e15", params, jax.tree.map(lambda x: 1e15 * x, inputs)),
    ):
        for rule, given in run(op, rules, weights, values, relevance).items():
            assert all(np.isfinite(np.asarray(share, "f")).all() for share in given), (what, rule)


@pytest.mark.parametrize("name", FEW)
def test_values_under_vmap_and_grad(name, rng):
    op, params, inputs, relevance = arrays_for(name, "float32", rng)
    rules = rules_for(op, "float32")
    expected = run(op, rules, params, inputs, relevance)

    @partial(jax.jit, compiler_options=QUICK)
    def each(inputs, relevance):
        one = partial(shares, op, rules, params)
        stacked = jax.vmap(one)(*jax.tree.map(lambda x: x[:, None], (inputs, relevance)))
        return jax.tree.map(lambda x: x[:, 0], stacked)

    for rule, given in each(inputs, relevance).items():
        assert_close(given, expected[rule], 2e-5, rule)  # float32, sums in another order

    @partial(jax.jit, compiler_options=QUICK)
    def gradients(params, inputs, rules):
        def squares(params, inputs, rules):
            return jax.tree.map(lambda x: (x**2).sum(), shares(op, rules, params, inputs, relevance))

        return jax.grad(lambda *a: sum(jax.tree.leaves(squares(*a))), argnums=(0, 1, 2))(params, inputs, rules)

    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients(params, inputs, rules)))


@pytest.mark.parametrize("name", OPS)
def test_traces_under_vmap_and_grad(name, rng):
    op, params, inputs, relevance = arrays_for(name, "float32", rng)
    rules = rules_for(op, "float32")

    def total(params, inputs, relevance):
        return sum(x.sum() for x in jax.tree.leaves(shares(op, rules, params, inputs, relevance)))

    gradient = jax.grad(total, argnums=(0, 1))
    jax.eval_shape(jax.vmap(gradient, (None, 0, 0)), params, *jax.tree.map(lambda x: x[None], (inputs, relevance)))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_survives_being_taken_apart(rule):
    """JAX rebuilds rules with tracers, objects and `None` for numbers: no check may stand in the way."""
    leaves, structure = jax.tree.flatten(rule)
    assert all(isinstance(leaf, float) for leaf in leaves)
    assert jax.tree.unflatten(structure, leaves) == rule
    assert jax.tree.map(lambda number: number, rule) == rule
    assert type(jax.tree.unflatten(structure, [None] * len(leaves))) is type(rule)
    assert type(jax.tree.map(lambda _: object(), rule)) is type(rule)
    assert hash(structure) == hash(jax.tree.structure(jax.tree.map(lambda number: 2 * number, rule)))


@pytest.mark.parametrize("kind", {type(rule): rule for rule in RULES.values() if jax.tree.leaves(rule)}, ids=str)
def test_a_changed_number_compiles_nothing(kind, rng):
    rule = next(rule for rule in RULES.values() if type(rule) is kind)
    nodes = [ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("add", ir.Add(), ("fc", "x"))]
    graph, params = ir.Graph(nodes, ["x"], ["add"]), {"fc": {"kernel": rng.normal(size=(3, 3)).astype("f")}}
    x = rng.normal(size=(2, 3)).astype("f")
    backward.explain.clear_cache()
    found = []
    for factor in (1, 4):
        changed = jax.tree.map(lambda number: factor * (number + 0.1), rule)  # noqa: B023
        rules = jlrp.Composite([(lambda graph, node: rule.fits(node.op), changed), (ir.Op, Gradient())])
        found.append(jlrp.explainer(graph, rules)(params, x).relevance)
    assert backward.explain._cache_size() == 1
    assert np.abs(found[0] - found[1]).max() > 0
