"""What holds for every rule on every op that it is for: one list of rules, one of ops."""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.composites.crawford import OriginalHalfHalf
from jlrp.propagation import programs
from jlrp.propagation.ledger import COLUMNS, Bookkeeper
from jlrp.rules.gradient import DeconvNet, Gradient, GuidedBackprop
from tests.ops import NAMES, OTHERS, WEIGHTED, case

RULES = (
    (jlrp.Zero(),),
    (jlrp.Epsilon(), jlrp.Epsilon(0.25)),
    (jlrp.Norm(), jlrp.Norm(0.25)),
    (jlrp.ZPlus(), jlrp.ZPlus(0.25)),
    (jlrp.AlphaBeta(), jlrp.AlphaBeta(1.0, 0.0, 0.25), jlrp.AlphaBeta(3.0, 0.5)),
    (jlrp.Gamma(), jlrp.Gamma(2.0, 0.25)),
    (jlrp.GammaPlain(), jlrp.GammaPlain(2.0, 0.25)),
    (jlrp.Flat(), jlrp.Flat(0.25)),
    (jlrp.WSquare(), jlrp.WSquare(0.25)),
    (jlrp.WSquare(bias="squared"), jlrp.WSquare(0.25, "squared")),
    (jlrp.ZBox(-4.0, 4.0), jlrp.ZBox(0.0, 1.0, 0.25)),
    (jlrp.ZBox(-4.0, 4.0, of="image"), jlrp.ZBox(0.0, 1.0, 0.25, of="image")),
    (jlrp.WithoutBias(jlrp.Epsilon()), jlrp.WithoutBias(jlrp.Epsilon(0.25))),
    (
        jlrp.SmallWindow(jlrp.Flat(), jlrp.ZPlus()),
        jlrp.SmallWindow(jlrp.Flat(0.25), jlrp.ZPlus(0.25)),
    ),
    (jlrp.WithoutBias(jlrp.Pass()),),
    (jlrp.WithoutBias(jlrp.WinnerTakesAll()),),
    (jlrp.HalfHalf(),),
    (OriginalHalfHalf(),),
    (jlrp.UniformPooling(),),
    (jlrp.AbsSplit(),),
    (jlrp.WinnerTakesAll(),),
    (jlrp.Pass(),),
    (jlrp.Rows(),),
    (jlrp.Steps((jlrp.Norm(),), (0,)), jlrp.Steps((jlrp.Norm(0.25),), (0,))),
    (jlrp.Transpose(),),
    (jlrp.SignalTakesAll(),),
    (jlrp.SoftmaxTaylor(),),
    (jlrp.UniformMatMul(), jlrp.UniformMatMul(0.25)),
    (jlrp.OneFactor(1), jlrp.OneFactor(1, 0.25)),
    (jlrp.DetachedNorm(), jlrp.DetachedNorm(0.25)),
    (jlrp.WithoutBias(jlrp.DetachedNorm()), jlrp.WithoutBias(jlrp.DetachedNorm(0.25))),
    (Gradient(),),
    (DeconvNet(),),
    (GuidedBackprop(),),
)
"""Every rule class, each with several numbers; those of one line share one compiled program."""

EVERY = {repr(rule): rule for kind in RULES for rule in kind}
OPS = [*NAMES, *OTHERS, *WEIGHTED]
FEW = ["dense", "conv same, stride 2", "add", "max pooling", "relu"]  # an op of every family
MORE = [
    "depthwise",
    "conv transpose, stride 2",
    "batch norm",
    "average pooling",
    "global average pooling",
    "softmax",
]
MORE += [
    "global max pooling",
    "zero padding",
    "concatenate",
    "multiply",
    "maximum",
    "dot, normalized",
    "layer norm",
]
MORE += ["rms norm", "group norm", "unit norm", "standardize", "upsample bilinear"]
POSITIVE_ONLY = (DeconvNet, GuidedBackprop)  # they drop negative relevance, and so are not linear
PROMISE_NOTHING = (
    Gradient,
    OriginalHalfHalf,
    jlrp.SoftmaxTaylor,
    jlrp.Steps,
    *POSITIVE_ONLY,
)  # of what they keep
NOT_THERE = (jlrp.Steps, jlrp.OneFactor)
"""The rules whose numbers do not count in the graph of one of the tests."""
QUICK = {"xla_backend_optimization_level": 0}  # each program runs a few times on small arrays


def variants(op, dtype):
    """Sets of rules that fit an op, one of each class, with their numbers in a dtype.

    All sets of one structure.
    """
    kinds = [kind for kind in RULES if kind[0].fits(op)]
    for index in range(max(map(len, kinds))):
        rules = tuple(kind[index % len(kind)] for kind in kinds)
        yield jax.tree.map(lambda number: jnp.asarray(number, dtype), rules)


def arrays_for(name, dtype, rng):
    """An op with weights and inputs in a dtype, and random relevance of its output."""
    op, params, inputs = case(name, rng)
    params, inputs = jax.tree.map(lambda array: jnp.asarray(array, dtype), (params, inputs))
    output = jax.eval_shape(partial(jlrp.apply, op), params, *inputs)
    return op, params, inputs, jnp.asarray(rng.normal(size=output.shape), dtype)


def called(op, params, inputs):
    return jlrp.LayerCall(
        op, params, inputs, jlrp.apply(op, params, *inputs), (False,) * len(inputs)
    )


def shares(op, rules, params, inputs, relevance):
    """Each rule's relevance of the inputs."""
    call = called(op, params, inputs)
    return [rule.relevance(call, relevance) for rule in rules]


def shares_and_entries(op, rules, params, inputs, relevance):
    """Each rule's relevance of the inputs, and the ledger's entries of it."""
    call = called(op, params, inputs)
    node = ir.Node("node", op, tuple(map(str, range(len(inputs)))))
    results = []
    for rule in rules:
        books, given = Bookkeeper([], [], []), rule.relevance(call, relevance)
        books.enter(node, rule, rule.quotients(call, relevance), relevance, given)
        results.append((given, books.entries[0]))
    return results


run = jax.jit(shares, static_argnums=0, compiler_options=QUICK)
run_with_entries = jax.jit(shares_and_entries, static_argnums=0, compiler_options=QUICK)


def assert_close(a, b, tolerance, what):
    for x, y in zip(a, b, strict=True):
        assert np.abs(x - y).max() <= tolerance * max(np.abs(y).max(), 1e-300), what


def assert_alike(given, inputs, rule):
    assert [(s.shape, s.dtype) for s in given] == [(x.shape, x.dtype) for x in inputs], rule


def test_every_rule_is_in_the_list():
    def classes(rule):
        return {rule}.union(*map(classes, rule.__subclasses__()))

    defined = {
        c for c in classes(jlrp.Rule) if getattr(sys.modules[c.__module__], c.__name__, None) is c
    }
    defined = {
        c for c in defined if c.__module__.startswith("jlrp") and "__dataclass_fields__" in vars(c)
    }
    assert defined == {type(rule) for rule in EVERY.values()}


def test_every_rule_has_an_op():
    ops = [case(name, np.random.default_rng(0))[0] for name in OPS]
    assert [name for name, rule in EVERY.items() if not any(map(rule.fits, ops))] == []


@pytest.mark.parametrize("name", OPS)
def test_shape_and_dtype_are_the_inputs(name, rng):
    op, params, inputs, relevance = arrays_for(name, "bfloat16", rng)
    rules = next(variants(op, "bfloat16"))
    found = jax.eval_shape(partial(shares, op), rules, params, inputs, relevance)
    for rule, given in zip(rules, found, strict=True):
        assert_alike(given, inputs, rule)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", OPS)
def test_linear_per_image_and_conserved(name, rng):
    op, params, inputs, relevance = arrays_for(name, "float64", rng)
    other = jnp.asarray(rng.normal(size=relevance.shape))
    twice = jax.tree.map(lambda x: jnp.stack([x[1], x[1]]), (inputs, relevance))
    for rules in variants(op, "float64"):
        results, others, both, alone = (
            run_with_entries(op, rules, params, *arrays)
            for arrays in (
                (inputs, relevance),
                (inputs, other),
                (inputs, relevance - 2 * other),
                twice,
            )
        )
        for index, (rule, (given, entries)) in enumerate(zip(rules, results, strict=True)):
            assert_alike(given, inputs, rule)
            if not isinstance(rule, POSITIVE_ONLY):
                sums = [x - 2 * y for x, y in zip(given, others[index][0], strict=True)]
                assert_close(both[index][0], sums, 1e-9, rule)
            # an image's relevance is its own, whatever else is in the batch
            assert_close([x[0] for x in alone[index][0]], [x[1] for x in given], 1e-9, rule)
            assert_adds_up(op, rule, given, np.asarray(entries), np.asarray(relevance))


def assert_adds_up(op, rule, given, entries, relevance):
    """received = passed + bias + stabiliser + empty + cropped + rule, and `rule` is what the
    definition says."""
    columns = dict(zip(COLUMNS, entries, strict=True))
    passed = sum(np.asarray(share).reshape(2, -1).sum(1) for share in given)
    received = relevance.reshape(2, -1).sum(1)
    # Quotients by sums near zero are large, and cancel: 1e-9 of all that is shared out leaves room
    # for rounding.
    tolerance = 1e-9 * (1 + np.abs(relevance).sum() + sum(np.abs(share).sum() for share in given))
    assert np.abs(columns["passed"] - passed).max() <= tolerance, rule
    assert np.abs(columns["received"] - received).max() <= tolerance, rule
    assert np.abs(columns["received"] - entries[1:].sum(0)).max() <= tolerance, rule
    if isinstance(rule, PROMISE_NOTHING):
        return
    keeps = 1 if isinstance(rule, jlrp.HalfHalf) else 0
    if isinstance(rule, jlrp.AlphaBeta):
        keeps = 1 - float(rule.alpha - rule.beta)
    if isinstance(rule, jlrp.UniformPooling) and getattr(op, "padding", "valid") != "valid":
        return  # what falls into padding is cropped
    if isinstance(rule, jlrp.Transpose) and op.pads:
        return  # and what falls to constants
    assert np.abs(columns["rule"] + columns["cropped"] - keeps * received).max() <= tolerance, rule


def test_wrapped_rules_say_no_less():
    """A rule in another: the ledger's entries are those of the rule inside, without the bias's."""
    rng = np.random.default_rng(0)
    op, params, inputs, relevance = arrays_for("dense", "float32", rng)
    plain, wrapped = (
        run_with_entries(op, (rule,), params, inputs, relevance)[0][1]
        for rule in (jlrp.Epsilon(), jlrp.WithoutBias(jlrp.Epsilon()))
    )
    assert np.abs(plain[2]).max() > 0.1
    assert np.abs(wrapped[2]).max() == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW + MORE)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_finite_on_zeros_dead_channels_and_extreme_activations(name, dtype, rng):
    op, params, inputs, relevance = arrays_for(name, dtype, rng)
    rules = next(variants(op, dtype))
    dead = {
        role: array.at[..., 0].set(0) for role, array in params.items() if role != "moving_variance"
    }
    dead = (
        params
        | dead
        | ({"kernel": dead["kernel"].at[..., 0, :].set(0)} if "kernel" in dead else {})
    )
    zeros = jax.tree.map(jnp.zeros_like, inputs)
    for what, weights, values in (
        ("all zero", params, zeros),
        ("dead channels", dead, inputs),
        ("all zero, dead channels", dead, zeros),
        ("1e-30", params, jax.tree.map(lambda x: 1e-30 * x, inputs)),
        ("1e15", params, jax.tree.map(lambda x: 1e15 * x, inputs)),
    ):
        for rule, given in zip(rules, run(op, rules, weights, values, relevance), strict=True):
            assert_alike(given, inputs, rule)
            assert all(np.isfinite(np.asarray(share, "f")).all() for share in given), (what, rule)


@pytest.mark.slow
@pytest.mark.parametrize("name", FEW)
def test_values_under_vmap_and_grad(name, rng):
    op, params, inputs, relevance = arrays_for(name, "float32", rng)
    rules = next(variants(op, "float32"))
    expected = run(op, rules, params, inputs, relevance)

    @partial(jax.jit, compiler_options=QUICK)
    def each(inputs, relevance):
        stacked = jax.vmap(partial(shares, op, rules, params))(
            *jax.tree.map(lambda x: x[:, None], (inputs, relevance))
        )
        return jax.tree.map(lambda x: x[:, 0], stacked)

    for rule, ours, theirs in zip(rules, each(inputs, relevance), expected, strict=True):
        assert_close(ours, theirs, 2e-5, rule)  # float32, sums in another order

    @partial(jax.jit, compiler_options=QUICK)
    @partial(jax.grad, argnums=(0, 1, 2))
    def gradients(params, inputs, rules):
        return sum(
            (x**2).sum() for x in jax.tree.leaves(shares(op, rules, params, inputs, relevance))
        )

    assert all(
        np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients(params, inputs, rules))
    )


@pytest.mark.parametrize("rule", EVERY.values(), ids=EVERY)
def test_survives_being_taken_apart(rule):
    """JAX rebuilds rules with tracers, objects and `None` for numbers.

    No check may stand in the way.
    """
    leaves, structure = jax.tree.flatten(rule)
    assert all(isinstance(leaf, float) for leaf in leaves)
    assert jax.tree.unflatten(structure, leaves) == rule
    assert jax.tree.map(lambda number: number, rule) == rule
    assert type(jax.tree.unflatten(structure, [None] * len(leaves))) is type(rule)
    assert type(jax.tree.map(lambda _: object(), rule)) is type(rule)
    assert hash(structure) == hash(
        jax.tree.structure(jax.tree.map(lambda number: 2 * number, rule))
    )


@pytest.mark.parametrize(
    "kind",
    [kind for kind in RULES if len(kind) > 1 and not isinstance(kind[0], NOT_THERE)],
    ids=lambda kind: repr(kind[0]),
)
def test_a_changed_number_compiles_nothing(kind, rng):
    nodes = [
        ir.Node("fc", ir.Dense(), ("x",), "fc"),
        ir.Node("add", ir.Add(), ("x", "y")),
        ir.Node("norm", ir.UnitNorm(), ("fc",)),
        ir.Node("product", ir.Multiply(), ("norm", "add")),
    ]
    graph, params = (
        ir.Graph(nodes, ["x", "y"], ["product"]),
        {"fc": {"kernel": rng.normal(size=(3, 3)).astype("f")}},
    )
    images = tuple(rng.normal(size=(2, 2, 3)).astype("f"))
    programs.explain.clear_cache()
    found = []
    for rule in kind[:2]:
        rules = jlrp.Composite(
            [(lambda graph, node: kind[0].fits(node.op), rule), (ir.Op, Gradient())]
        )
        found.append(np.stack(jlrp.explainer(graph, rules)(params, images).relevance))
    assert programs.explain.cache_size() == 1
    assert np.abs(found[0] - found[1]).max() > 0
