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
        jlrp.FrozenNorm: ["epsilon"],
        jlrp.Bilinear: ["epsilon"],
    }.items()
    for name in names
]


@pytest.mark.parametrize(("rule", "name"), RULES)
@pytest.mark.parametrize("number", [-1, -1e-9, math.nan, math.inf, np.float32("nan"), np.int64(-1)])
def test_numbers_that_make_no_sense(rule, name, number):
    with pytest.raises(
        ValueError, match=rf"^{rule.__name__} takes a finite {name} of at least 0, but was given {name}="
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
        ({"fc": {"kernel": WEIGHTS["fc"]["kernel"] * 1j}}, IMAGES, "The kernel of layer 'fc' is complex"),
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
