"""JAX's own switches.

What users set for other code changes nothing here, or is answered by a sentence.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jlrp
from tests.networks import residual


@pytest.fixture(scope="module")
def network():
    return residual(np.random.default_rng(1))


def calls(network):
    graph, params, images = network
    explain = jlrp.explainer(graph, "epsilon_plus_flat", ledger=True)
    bound = explain.bind(params)
    return {
        "explain": explain(params, images).relevance,
        "bound": bound(images, [1, 2, 0, 1]).relevance,
        "batches": bound(images, batch_size=3).relevance,
        "classes": bound.per_class(images, [1, 2]).relevance,
        "conditions": bound.conditional(images, [{"bn_conv1": [0]}], 1).relevance,
        "start": bound(images, np.ones((4, 5), "f")).relevance,
        "forward": jlrp.forward(graph, params, images),
        "jit": jax.jit(lambda x: explain(params, x).relevance)(images),
        "gradient": jlrp.gradient(graph)(params, images).relevance,
        "occlusion": jlrp.occlusion(graph)(params, images).relevance,
    }


def assert_same(found, expected):
    for name, relevance in found.items():
        np.testing.assert_array_equal(relevance, expected[name], err_msg=name)


def test_ranks_may_not_be_promoted_elsewhere(network):
    expected = calls(network)
    with jax.numpy_rank_promotion("raise"):
        assert_same(calls(network), expected)
        with pytest.raises(ValueError, match="rank_promotion"):
            jnp.ones((2, 3)) * jnp.ones(3)


def test_transfers_may_be_disallowed(network):
    expected = calls(network)
    with jax.transfer_guard("disallow"):
        graph, params, images = network
        explain = jlrp.explainer(graph, "epsilon_plus_flat", ledger=True)
        found = {
            "explain": explain(params, images),
            "bound": explain.bind(jax.device_put(params))(jax.device_put(images), [1, 2, 0, 1]),
        }
    assert_same({name: each.relevance for name, each in found.items()}, expected)


def test_an_explainer_bound_in_float64_is_called_in_float64(network):
    graph, params, images = network
    with jax.enable_x64(True):
        bound = jlrp.explainer(graph, "epsilon").bind(jax.tree.map(np.float64, params))
        assert bound(images).relevance.dtype == np.float64
    with pytest.raises(ValueError, match=r"bound to weights of float64, .* jax_enable_x64"):
        bound(images)
