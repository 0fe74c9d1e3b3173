"""Batches in chunks: inside one program, and call by call."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.fast import CACHE, Fast
from jlrp.propagation import programs
from jlrp.propagation.batches import divisor, in_chunks
from tests.networks import residual


@dataclasses.dataclass(frozen=True)
class AFewAtATime(Fast):
    """Works on so many images at a time, however small they are."""

    images: int = 2

    def images_at_once(self, shapes, dtype):
        return self.images


@pytest.fixture(scope="module")
def network():
    graph, params, images = residual(np.random.default_rng(3))
    return graph, jax.tree.map(np.asarray, params), np.concatenate([images, 2 * images[:2]])


def calls(explain, params, images, **options):
    """One call of each kind, with targets of every kind."""
    start = np.linspace(-1, 1, 5 * len(images), dtype="f").reshape(-1, 5)
    return [
        explain(params, images, **options),
        explain(params, images, target=2, **options),
        explain(params, images, target=np.arange(len(images)) % 5, **options),
        explain(params, images, target=start, **options),
        explain.per_class(params, images, (0, 3, 3), **options),
        explain.conditional(params, images, [{}, {"bn2": [1, 2]}], **options),
        explain.conditional(
            params, images, [{"bn2": 1}], target=np.arange(len(images)) % 5, **options
        ),
    ]


def assert_same(found, expected):
    """Equal up to float32: XLA may sum in another order for another number of images."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= 2e-5 * max(np.abs(theirs).max(), 1e-9)


@pytest.mark.parametrize("images", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_chunks_within_a_program(network, images):
    graph, params, batch = network
    whole, chunks = (
        jlrp.explainer(graph, ledger=True, record=("bn2",), formulation=formulation)
        for formulation in ("fast", AFewAtATime("cpu", images))
    )
    assert_same(calls(chunks, params, batch), calls(whole, params, batch))


@pytest.mark.parametrize(
    "size", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 5, 6, 100))]
)
def test_batches_of_a_given_size(network, size):
    graph, params, batch = network
    explain = jlrp.explainer(graph, ledger=True, record=("bn2",))
    assert_same(calls(explain, params, batch, batch_size=size), calls(explain, params, batch))


def test_batches_are_one_program_and_leave_the_device(network):
    graph, params, batch = network
    explain = jlrp.explainer(graph).bind(params)
    programs.explain.clear_cache()
    result = explain(batch, batch_size=4)
    assert programs.explain.cache_size() == 1  # the last batch, of two images, is filled up
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(result))


@pytest.mark.parametrize("name", ["fast", "plain"])
def test_no_images_have_no_relevance(network, name):
    graph, params, batch = network
    result = jlrp.explainer(graph, formulation=name, ledger=True)(params, batch[:0])
    assert result.relevance.shape == (0, *batch.shape[1:])
    assert result.target.shape == (0,)


def test_a_batch_size_of_none_is_refused(network):
    graph, params, batch = network
    with pytest.raises(
        ValueError,
        match="batch_size is the number of images to explain at a time, 1 or more, not 0",
    ):
        jlrp.explainer(graph)(params, batch, batch_size=0)


def test_a_target_that_does_not_fit_is_refused_in_the_words_of_the_whole_batch(network):
    graph, params, batch = network
    explain = jlrp.explainer(graph, formulation=AFewAtATime("cpu", 1))
    with pytest.raises(ValueError, match="6 images, but 4 targets"):
        explain(params, batch, target=[1, 2, 3, 4])


def test_how_many_images_fit():
    shapes = [(6, 10, 10, 3), (6, 5)]
    assert Fast("cpu").images_at_once(shapes, np.float32) == CACHE // (10 * 10 * 3 * 4)
    assert Fast("cpu").images_at_once([(1, CACHE)], np.float64) == 1
    assert Fast("gpu").images_at_once(shapes, np.float32) > 10**9


def test_chunks_of_pytrees():
    def function(args):
        x, y = args
        return {"sum": x.sum(1), "other": y * 2}

    x, y = jnp.arange(12.0).reshape(4, 3), jnp.arange(8.0).reshape(2, 4)
    found = in_chunks(function, 4, 2, (x, y), (0, 1), lambda _: {"sum": 0, "other": 1})
    np.testing.assert_array_equal(found["sum"], x.sum(1))
    np.testing.assert_array_equal(found["other"], 2 * y)
    assert [divisor(n, 4) for n in (1, 5, 6, 8)] == [1, 1, 3, 4]


def test_chunks_work_under_other_transformations(network):
    graph, params, batch = network
    explain = jlrp.explainer(graph, "epsilon", formulation=AFewAtATime("cpu", 2))

    def loss(images):
        return jnp.sum(jnp.square(explain(params, images, target=1).relevance))

    direct = jlrp.explainer(graph, "epsilon", formulation="plain")
    expected = jax.grad(lambda x: jnp.sum(jnp.square(direct(params, x, target=1).relevance)))(
        jnp.asarray(batch)
    )
    found = jax.jit(jax.grad(loss))(jnp.asarray(batch))
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    assert isinstance(graph, ir.Graph)
