"""Single layers of every framework: the graph computes what they compute, with the ops they are."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from tests.tracing import zoo

MOVES = (ir.Broadcast, ir.Permute, ir.Reshape, ir.Slice, ir.Take)
SINGLE = {"nnx attention"}
"""Cases that compute a part in float32, whatever they are given: NNX its softmax."""


def marked(name):
    slow = () if name.startswith("plain") else pytest.mark.slow
    return pytest.param(name, marks=slow, id=name)


@pytest.fixture(autouse=True)
def _of_mixed_dtypes(x64):
    """Frameworks mix float32 and float64, or integers and floats."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.parametrize("name", [marked(name) for name in zoo.CASES])
def test_layer(name, rng):
    case = zoo.CASES[name]()

    def function(params, x):
        made = case.function(params["layer"], x)
        return made.reshape(made.shape[0], -1) @ params["head"]

    images = rng.normal(size=(7, *case.shape))
    made = jax.eval_shape(case.function, case.params, images)
    head = jnp.asarray(rng.normal(size=(int(np.prod(made.shape[1:])), 3)))
    params = {"layer": case.params, "head": head}
    model = jlrp.trace(function, params, images[:3])
    near = 1e-6 if name in SINGLE else 1e-12
    expected = np.asarray(jax.jit(function)(params, images[:5]))
    for count in (1, 5):  # neither of which it was traced with
        found = np.asarray(jlrp.forward(model.graph, model.params, images[:count]))
        np.testing.assert_allclose(found, expected[:count], rtol=0, atol=near * abs(expected).max())
    ops = [type(node.op).__name__ for node in model.graph.nodes if not isinstance(node.op, MOVES)]
    assert Counter(ops) == Counter((*case.ops, "Dense"))
    preset = "attnlrp" if "Softmax" in ops else "epsilon_plus"
    relevance = jlrp.explainer(model, preset)(model.params, images[:2]).relevance
    assert relevance.shape == (2, *case.shape)
    assert np.isfinite(relevance).all()
    assert (relevance != 0).any()
