"""Numbers that a rule cannot have."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp

RULES = [
    (rule, name)
    for rule, names in {
        jlrp.Epsilon: ["epsilon"],
        jlrp.Norm: ["epsilon"],
        jlrp.ZPlus: ["epsilon"],
        jlrp.AlphaBeta: ["alpha", "beta", "epsilon"],
        jlrp.Gamma: ["gamma", "epsilon"],
        jlrp.GammaPlain: ["gamma", "epsilon"],
        jlrp.Flat: ["epsilon"],
        jlrp.WSquare: ["epsilon"],
        jlrp.DetachedNorm: ["epsilon"],
        jlrp.UniformMatMul: ["epsilon"],
    }.items()
    for name in names
]


@pytest.mark.parametrize(("rule", "name"), RULES)
@pytest.mark.parametrize("number", [-1, -1e-9, math.nan, math.inf, np.float32("nan"), np.int64(-1)])
def test_numbers_that_make_no_sense(rule, name, number):
    with pytest.raises(
        ValueError,
        match=rf"^{rule.__name__} takes a finite {name} of at least 0, but was given {name}=",
    ):
        rule(**{name: number})
    with pytest.raises(ValueError, match="of at least 0"):
        rule().replace(**{name: number})


@pytest.mark.parametrize(("rule", "name"), RULES)
def test_what_stands_in_the_place_of_numbers_is_not_looked_at(rule, name):
    assert jax.tree.map(lambda _: None, rule()) is not None
    assert getattr(rule(**{name: jnp.array([-1.0, math.nan])}), name).shape == (2,)
    grown = jax.jit(lambda r: jax.tree.map(lambda number: number - 5, r))(rule())
    assert float(getattr(grown, name)) < 0


@pytest.mark.parametrize("bounds", [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan), (-math.inf, 0.0)])
def test_bounds_that_make_no_sense(bounds):
    with pytest.raises(ValueError, match="ZBox takes finite bounds"):
        jlrp.ZBox(*bounds)


@pytest.fixture
def graph():
    return ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])


WEIGHTS = {"fc": {"kernel": np.ones((3, 2), np.float32)}}
IMAGES = np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    ("params", "images", "words"),
    [
        (WEIGHTS, IMAGES * 1j, "real numbers, but an array of complex64"),
        (WEIGHTS, np.ma.masked_equal(IMAGES, 1), "no mask"),
        (WEIGHTS, IMAGES.astype(object), "arrays of numbers"),
        ({"fc": None}, IMAGES, "The weights of layer 'fc' are a mapping"),
        (
            {"fc": {"kernel": WEIGHTS["fc"]["kernel"] * 1j}},
            IMAGES,
            "The kernel of layer 'fc' is complex",
        ),
        (WEIGHTS, jnp.asarray(IMAGES * 1j), "real numbers, but an array of complex64"),
        (WEIGHTS, [[1.0, 2.0, 3.0], [1.0]], "NumPy makes no array"),
        (
            WEIGHTS,
            IMAGES * [1, math.nan, 1],
            r"images hold NaN or infinity \(2 of 6 .* first at \[0, 1\]",
        ),
        (WEIGHTS, [[1.0, -math.inf, 3.0]], "images hold NaN or infinity"),
        (
            {"fc": {"kernel": None}},
            IMAGES,
            "The kernel of layer 'fc' is a NumPy or JAX array, not NoneType",
        ),
        ({"fc": {"kernel": [[1.0], [2.0]]}}, IMAGES, "NumPy or JAX array, not list"),
        (
            {"fc": {"kernel": np.ma.masked_equal(WEIGHTS["fc"]["kernel"], 1)}},
            IMAGES,
            "kernel .* has a mask",
        ),
        (
            {"fc": {"kernel": WEIGHTS["fc"]["kernel"].astype(object)}},
            IMAGES,
            "values of type object",
        ),
        (
            {},
            IMAGES,
            r"'fc' \(Dense\) needs the weights 'fc', .* do not have: it has none\. Give the params",
        ),
        ({"conv": {}, "b": {}}, IMAGES, "do not have: it has 'conv', 'b'"),
        (
            {"fc": {"bias": np.ones(2)}},
            IMAGES,
            "needs the weight 'kernel', but its weights are 'bias': params",
        ),
    ],
)
def test_arrays_that_make_no_sense(graph, params, images, words):
    explain = jlrp.explainer(graph, "epsilon")
    for call in (explain, lambda *given: explain.bind(given[0])(given[1]), jlrp.gradient(graph)):
        with pytest.raises((TypeError, ValueError), match=words):
            call(params, images)


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "2"])
def test_batches_of_no_size(graph, size):
    with pytest.raises(ValueError, match="1 or more, not"):
        jlrp.explainer(graph, "epsilon")(WEIGHTS, IMAGES, batch_size=size)


BROKEN = {"fc": {"kernel": WEIGHTS["fc"]["kernel"] * [1, math.inf]}}


@pytest.mark.parametrize("array", [np.asarray, jnp.asarray])
def test_weights_that_are_not_finite_are_refused_where_they_are_bound(graph, array):
    weights = jax.tree.map(array, BROKEN)
    words = r"The kernel of layer 'fc' holds NaN or infinity \(3 of 6 numbers\)"
    with pytest.raises(ValueError, match=words):
        jlrp.explainer(graph, "epsilon").bind(weights)
    with pytest.raises(ValueError, match=words):
        jlrp.explain(ir.Model(graph, weights, ((None, 3),)), IMAGES, "epsilon")


def test_what_is_not_looked_at_is_said_by_the_notes(graph):
    explain = jlrp.explainer(graph, "epsilon")
    for found in (explain(BROKEN, IMAGES), explain(WEIGHTS, jnp.asarray(IMAGES * math.nan))):
        assert found.notes() == ("the relevance is not finite",) * 2
    traced = jax.jit(lambda weights: explain.bind(weights)(jnp.asarray(IMAGES)).relevance)
    assert traced(BROKEN).shape == IMAGES.shape


def test_weights_that_the_graph_does_not_read_are_not_looked_at(graph):
    jlrp.explainer(graph, "epsilon").bind({**WEIGHTS, "more": {"kernel": np.full(3, math.nan)}})


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (np.full((2, 2), math.nan), "start relevances hold NaN or infinity"),
        (np.ones((2, 2)) * 1j, "real numbers without a mask"),
        (jnp.ones((2, 2)) * 1j, "real numbers without a mask"),
        (np.ma.masked_equal(np.ones((2, 2)), 1), "real numbers without a mask"),
        (np.ma.masked_equal([0, 1], 1), "real numbers without a mask"),
        ([[1.0, 2.0], [1.0]], "NumPy makes no array"),
    ],
)
def test_starts_that_make_no_sense(graph, target, words):
    for make in (jlrp.gradient, jlrp.explainer):
        with pytest.raises((TypeError, ValueError), match=words):
            make(graph)(WEIGHTS, IMAGES, target)


def test_a_region_has_no_mask():
    graph = ir.Graph([ir.Node("c", ir.Conv(), ("x",), "c")], ["x"], ["c"])
    explain = jlrp.explainer(graph, "epsilon")
    weights, images = {"c": {"kernel": np.ones((1, 1, 1, 2), "f")}}, np.ones((1, 2, 2, 1), "f")
    with pytest.raises(ValueError, match="without a mask"):
        explain(weights, images, 0, region=np.ma.masked_equal(np.ones((2, 2)), 0))
