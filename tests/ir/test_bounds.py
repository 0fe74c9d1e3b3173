"""The intervals that ops and graphs promise: certain, free of NaN, and as tight as rules count on.

And gates.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from ir.ops.functions import FUNCTIONS
from ir.ops.interval import product, scale, total, within
from tests.ops import NAMES, OTHERS, WEIGHTED, case

INF = math.inf
ANY = (-INF, INF)

INTERVALS = [
    (-1.0, 2.0),
    (0.0, 1.0),
    (0.25, 0.75),
    (-3.0, -0.5),
    (0.0, 0.0),
    (0.5, 0.5),
    (0.0, INF),
    (-INF, 0.0),
]
INTERVALS += [(1.0, INF), (-INF, -2.0), ANY, (-0.5, 0.5), (-9.0, 9.0)]

VARIANTS = [
    *(ir.Activation(function) for function in FUNCTIONS),
    *(ir.Relu(m, s, t) for m in (None, 6.0) for s in (0.0, 0.5, -0.5) for t in (0.0, 1.0, -1.0)),
    *(ir.Elu(alpha) for alpha in (1.0, 0.5, -0.5)),
    *(ir.Celu(alpha) for alpha in (1.0, 0.5)),
    *(ir.HardSigmoid(slope) for slope in (0.2, 1 / 6, -0.5)),
    *(ir.HardShrink(t) for t in (0.5, 0.0, -0.5)),
    *(ir.SoftShrink(t) for t in (0.5, 0.0, -0.5)),
    *(ir.Threshold(t, o) for t in (0.5, 0.0, -0.5) for o in (0.0, 2.0, -2.0)),
    *(ir.Clip(*ends) for ends in ((-1.0, 1.0), (0.5, INF), (-INF, -1.0))),
    *(ir.Rescale(*numbers) for numbers in ((0.0, 1.0), (-2.0, 0.5), (1 / 6, 0.0))),
]
"""Ops of one input and no weights, with all kinds of numbers."""


def sample(rng, interval, shape):
    """Values inside an interval, its ends among them.

    Infinite ends are reached for by values of all sizes.
    """
    low, high = interval
    start = low if low > -INF else high if high < INF else 0.0
    far = 10 ** rng.uniform(-3, 3, size=shape)
    up = high - start if high < INF else far
    down = start - low if low > -INF else far
    way = rng.choice([0.0, 1.0, rng.random()], size=shape)
    x = (
        start
        + np.where(
            (rng.random(shape) < 0.5) & (high > start) | (low == start), up, -np.asarray(down)
        )
        * way
    )
    return np.clip(x, low, high)


def assert_inside(op, given, params, inputs):
    low, high = op.bounds(*given)
    assert low <= high  # which NaN is not
    values = np.asarray(jlrp.apply(op, params, *(jnp.asarray(x) for x in inputs)))
    assert np.isfinite(values).all()
    slack = 1e-12 * np.abs(values).max()  # rounding of float64
    assert low - slack <= values.min(), (given, (low, high))
    assert values.max() <= high + slack, (given, (low, high))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("op", VARIANTS, ids=str)
def test_functions_stay_inside(op, rng):
    for interval in INTERVALS:
        x = sample(rng, interval, (200,))
        assert_inside(
            op,
            (interval,),
            {},
            (np.minimum(x, 300.0) if op == ir.Activation("exponential") else x,),
        )


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", [*NAMES, *OTHERS, *WEIGHTED])
def test_all_ops_stay_inside(name, rng):
    op, params, inputs = case(name, rng)
    for _ in range(6):
        given = [INTERVALS[i] for i in rng.integers(len(INTERVALS), size=len(inputs))]
        values = [sample(rng, interval, x.shape) for interval, x in zip(given, inputs, strict=True)]
        values = (
            [np.clip(x, -300, 300) for x in values]
            if op == ir.Activation("exponential")
            else values
        )
        assert_inside(op, given, jax.tree.map(jnp.asarray, params), values)


@pytest.mark.parametrize(
    ("op", "given", "expected"),
    [
        (ir.Relu(), [ANY], (0, INF)),
        (ir.Relu(6.0), [ANY], (0, 6)),
        (ir.Relu(6.0), [(-2.0, 3.0)], (0, 3)),
        (ir.Relu(negative_slope=0.5), [(-2.0, 3.0)], (-1, 3)),
        (ir.Relu(negative_slope=0.1), [(0.0, INF)], (0, INF)),
        (ir.Relu(threshold=-1.0), [(0.0, INF)], (0, INF)),
        (ir.Relu(threshold=-1.0), [ANY], (-1, INF)),
        (ir.Relu(threshold=2.0), [ANY], (0, INF)),
        (ir.Activation("sigmoid"), [ANY], (0, 1)),
        (ir.Activation("tanh"), [(0.0, INF)], (0, 1)),
        (ir.Activation("tanh"), [ANY], (-1, 1)),
        (ir.Activation("silu"), [(0.0, 2.0)], (0, 2)),
        (ir.Activation("softplus"), [ANY], (0, INF)),
        (ir.HardSigmoid(), [ANY], (0, 1)),
        (ir.Softmax(), [ANY], (0, 1)),
        (ir.Elu(), [ANY], (-1, INF)),
        (ir.Celu(0.5), [ANY], (-0.5, INF)),
        (ir.Celu(-1.0), [ANY], ANY),
        (ir.Activation("selu"), [(0.0, 0.0)], (0, 0)),
        (ir.Elu(), [(0.0, INF)], (0, INF)),
        (ir.Clip(-1.0, 2.0), [(0.0, INF)], (0, 2)),
        (ir.PRelu(), [(0.0, 1.0)], (0, 1)),
        (ir.PRelu(), [(-1.0, 1.0)], ANY),
        (ir.Rescale(0.0, 1.0), [ANY], (1, 1)),
        (ir.Multiply(), [(0.0, 0.0), ANY], (0, 0)),
        (ir.Multiply(), [(-1.0, 2.0), (3.0, 4.0)], (-4, 8)),
        (ir.Multiply(), [(0.0, INF), (0.0, INF)], (0, INF)),
        (ir.Add(), [(0.0, INF), (1.0, 2.0)], (1, INF)),
        (ir.Subtract(), [(0.0, INF), (0.0, INF)], ANY),
        (ir.Average(), [(0.0, 1.0), (0.0, 3.0)], (0, 2)),
        (ir.Maximum(), [(0.0, 1.0), ANY], (0, INF)),
        (ir.Dot((1, 1)), [(0.0, 1.0), (0.0, 1.0)], (0, INF)),
        (ir.Dot((1, 1), True), [ANY, ANY], (-1, 1)),
        (ir.UnitNorm(), [(0.0, INF)], (0, 1)),
        (ir.MaxPool(), [(-1.0, 2.0)], (-1, 2)),
        (ir.AvgPool(), [(1.0, 2.0)], (1, 2)),
        (ir.ZeroPad(), [(1.0, 2.0)], (0, 2)),
        (ir.ZeroPad(((0, 0), (0, 0))), [(1.0, 2.0)], (1, 2)),
        (ir.Concatenate(), [(0.0, 1.0), (3.0, 4.0)], (0, 4)),
        (ir.Resize((2, 2)), [(0.0, 1.0)], (0, 1)),
        (ir.Resize((2, 2), "bicubic"), [(0.0, 1.0)], ANY),
        (ir.Dense(), [(0.0, 1.0)], ANY),
        (ir.BatchNorm(), [(0.0, 1.0)], ANY),
        (ir.LayerNorm(), [(0.0, 1.0)], ANY),
    ],
    ids=str,
)
def test_what_is_certain(op, given, expected):
    assert op.bounds(*given) == expected


def test_arithmetic_has_no_nan():
    assert scale(ANY, 0.0, 1.0) == (1, 1)
    assert product((0.0, 0.0), ANY) == (0, 0)
    assert total(ANY, ANY) == ANY
    assert total((INF, INF), (-INF, -INF)) == ANY
    assert within((0, 1 + 1e-7), (0, 1))
    assert not within((0, 1.001), (0, 1))


def se_block(gate, image="image"):
    """A squeeze-and-excitation block whose gate is made by some ops."""
    nodes = [
        ir.Node("conv", ir.Conv(), (image,), "conv"),
        ir.Node("squeeze", ir.GlobalAvgPool(keepdims=True), ("conv",)),
        ir.Node("excite", ir.Conv(), ("squeeze",), "excite"),
    ]
    for op in gate:
        nodes.append(ir.Node(f"gate_{len(nodes)}", op, (nodes[-1].name,)))
    nodes.append(ir.Node("scaled", ir.Multiply(), ("conv", nodes[-1].name)))
    return ir.Graph(nodes, [image], ["scaled"])


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ([ir.Activation("sigmoid")], True),
        ([ir.HardSigmoid()], True),
        ([ir.Rescale(1.0, 3.0), ir.Relu(6.0), ir.Rescale(1 / 6)], True),
        (
            [ir.Rescale(1.0, 3.0), ir.Relu(6.0), ir.Rescale(float(np.float32(1 / 6)))],
            True,
        ),  # more than 1/6
        ([ir.Softmax(), ir.Reshape((1, 1, -1))], True),
        ([ir.Rescale(1.0, 3.0), ir.Relu(6.0), ir.Rescale(0.2)], False),
        ([ir.Activation("tanh")], False),
        ([ir.Relu()], False),
    ],
    ids=str,
)
def test_gates_of_squeeze_and_excitation(gate, expected):
    assert se_block(gate).gates == {"scaled": (False, expected)}


def test_gates_need_something_that_is_gated():
    nodes = [
        ir.Node("a", ir.Activation("sigmoid"), ("x",)),
        ir.Node("b", ir.HardSigmoid(), ("x",)),
        ir.Node("all", ir.Multiply(), ("a", "b")),  # both within 0 … 1: neither scales the other
        ir.Node("three", ir.Multiply(), ("a", "x", "b")),
        ir.Node("two signals", ir.Multiply(), ("x", "a", "x")),
        ir.Node("none", ir.Multiply(), ("x", "three")),
        ir.Node("sum", ir.Add(), ("all", "two signals", "none")),
    ]
    graph = ir.Graph(nodes, ["x"], ["sum"])
    assert graph.gates == {
        "all": (False, False),
        "three": (True, False, True),
        "two signals": (False, True, False),
        "none": (False, False),
    }
    assert graph.bounds["all"] == (0, 1)
    assert graph.bounds["x"] == ANY
    assert graph.nonnegative == {"a", "b", "all"}


def chain(*ops):
    names = ["x", *(f"n{i}" for i in range(len(ops)))]
    return ir.Graph(
        [ir.Node(b, op, (a,)) for a, b, op in zip(names, names[1:], ops, strict=False)],
        ["x"],
        [names[-1]],
    )


@pytest.mark.parametrize(
    ("graph", "name", "reason"),
    [
        (
            chain(ir.Relu(), ir.MaxPool(), ir.Flatten()),
            "n2",
            "n2 ≥ 0: Flatten() of n1\nn1 ≥ 0: MaxPool() of n0\nn0",
        ),
        (
            chain(ir.Conv(), ir.Activation("sigmoid")),
            "n1",
            "n1 ≥ 0: Activation(function='sigmoid')",
        ),
        (chain(ir.Relu(negative_slope=0.1)), "n0", None),
        (chain(ir.Relu(), ir.Conv()), "n1", None),
        (chain(ir.Relu(), ir.BatchNorm()), "n1", None),
        (chain(ir.MaxPool()), "x", None),
    ],
)
def test_why_a_value_is_not_below_zero(graph, name, reason):
    found = ir.why_nonnegative(graph, name)
    assert found is None if reason is None else found.startswith(reason)
    assert (found is not None) == (name in graph.nonnegative)


def test_a_sum_needs_all_its_inputs():
    nodes = [ir.Node(name, ir.Relu(), ("x",)) for name in "ab"]
    graph = ir.Graph(
        [*nodes, ir.Node("sum", ir.Add(), ("a", "b", "a"))], ["x"], ["sum"], {"alias": "sum"}
    )
    expected = "sum ≥ 0: Add() of a, b\na ≥ 0: Relu()\nb ≥ 0: Relu()"
    assert ir.why_nonnegative(graph, "alias") == ir.why_nonnegative(graph, "sum") == expected
