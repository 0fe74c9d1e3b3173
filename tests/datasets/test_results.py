"""Explanations to files and back."""

import os

import jax
import ml_dtypes
import numpy as np
import pytest

import ir
import jlrp
from jlrp.datasets import DataError, load_explanation, save_explanation


def dense(seed, *shape):
    kernel = np.random.default_rng(seed).normal(size=shape)
    return {"kernel": kernel, "bias": np.linspace(-1, 1, shape[-1])}


@pytest.fixture
def explain():
    nodes = [
        ir.Node("in/a", ir.Dense(), ("x",), "a"),
        ir.Node("relu", ir.Relu(), ("in/a",)),
        ir.Node("b", ir.Dense(), ("relu",), "b"),
        ir.Node("p", ir.Softmax(), ("b",)),
    ]
    params = {"a": dense(0, 3, 4), "b": dense(1, 4, 2)}
    graph = ir.Graph(nodes, ["x"], ["p"])
    images = np.random.default_rng(2).normal(size=(5, 3))

    def make(**options):
        return jlrp.explainer(graph, "epsilon", **options), params, images

    return make


def assert_same(found, expected):
    expected = jax.device_get(expected)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert isinstance(ours, np.ndarray)


def test_an_explanation_comes_back_as_it_was(explain, tmp_path):
    make, params, images = explain(
        record=("in/a", "relu"), ledger=True, labels=("cat", "dog, or wolf")
    )
    path = tmp_path / "folder" / "result.npz"
    for result in (make(params, images), make.per_class(params, images, (0, 1))):
        save_explanation(result, path)
        found = load_explanation(path)
        assert_same(found, result)
        assert found.notes() == result.notes()
        assert found.ledger.layers == result.ledger.layers
        assert os.listdir(path.parent) == ["result.npz"]


def test_several_inputs(tmp_path):
    graph = ir.Graph([ir.Node("sum", ir.Add(), ("x", "y"))], ["x", "y"], ["sum"])
    result = jlrp.explainer(graph, "epsilon")({}, (np.ones((2, 3)), np.ones((2, 3))))
    save_explanation(result, tmp_path / "a.npz")
    assert_same(load_explanation(tmp_path / "a.npz"), result)


def test_any_tool_reads_the_arrays(explain, tmp_path):
    make, params, images = explain()
    result = make(params, images)
    save_explanation(result, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["relevance"], result.relevance)
        assert found["axes"].tolist() == ["image,feature"]


def test_bfloat16_is_raised(explain, tmp_path):
    make, params, images = explain()
    result = make(params, images)
    half = result.replace(relevance=np.asarray(result.relevance).astype(ml_dtypes.bfloat16))
    save_explanation(half, tmp_path / "a.npz")
    found = load_explanation(tmp_path / "a.npz").relevance
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, half.relevance.astype(np.float32))


def test_a_failure_leaves_what_was_there(explain, tmp_path, monkeypatch):
    make, params, images = explain()
    result, path = make(params, images), tmp_path / "a.npz"
    save_explanation(result, path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        save_explanation(result, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.npz"]


def test_files_that_hold_no_explanation(explain, tmp_path):
    np.savez(tmp_path / "a.npz", relevance=np.ones(3))
    with pytest.raises(DataError, match=r"a\.npz holds no explanation"):
        load_explanation(tmp_path / "a.npz")
    np.save(tmp_path / "b.npy", np.ones(3))
    with pytest.raises(DataError, match=r"b\.npy holds no explanation"):
        load_explanation(tmp_path / "b.npy")
    with pytest.raises(DataError, match=r"none\.npz cannot be read: No such file"):
        load_explanation(tmp_path / "none.npz")
    make, params, images = explain()
    save_explanation(make(params, images), tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as found:
        arrays = dict(found)
    np.savez(tmp_path / "c.npz", **{**arrays, "jlrp.explanation": "2"})
    with pytest.raises(DataError, match="later version"):
        load_explanation(tmp_path / "c.npz")
