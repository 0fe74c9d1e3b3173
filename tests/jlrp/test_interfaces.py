"""Explanations for other tools."""

import numpy as np
import pytest

import jlrp
from jlrp.propagation.ledger import COLUMNS
from tests.networks import residual, two_inputs


@pytest.fixture(scope="module")
def explained():
    graph, params, images = residual(np.random.default_rng(5))
    explain = jlrp.explainer(graph, ledger=True, record=("add",))
    return explain, params, images, explain(params, images)


def test_a_dictionary_of_arrays(explained):
    *_, result = explained
    found = result.to_dict()
    assert set(found) == {"relevance", "output", "target", "layers", "ledger"}
    assert all(isinstance(found[name], np.ndarray) for name in ("relevance", "output", "target"))
    np.testing.assert_array_equal(found["layers"]["add"], result.layers["add"])
    assert found["ledger"]["columns"] == COLUMNS
    assert found["ledger"]["entries"].shape == (len(found["ledger"]["layers"]), len(COLUMNS), 4)


def test_a_data_set_with_named_axes(explained):
    pytest.importorskip("xarray")
    explain, params, images, result = explained
    found = result.to_xarray()
    assert found["relevance"].dims == ("image", "row", "column", "channel")
    assert found["output"].dims == ("image", "output")
    assert found["target"].dims == ("image",)
    assert found["layer:add"].dims == ("image", "row of add", "column of add", "channel of add")
    received = found["ledger"].sel(layer="predictions/linear", kept="received")
    np.testing.assert_allclose(received, result.ledger.start, rtol=1e-6)
    several = explain.per_class(params, images, (0, 1)).to_xarray()
    assert several["relevance"].dims == ("class", "image", "row", "column", "channel")
    assert several["target"].dims == ("class", "image")
    parts = explain.conditional(params, images, [{}, {"add": 1}]).to_xarray(leading="condition")
    assert parts["relevance"].dims == ("condition", "image", "row", "column", "channel")
    assert parts["target"].dims == ("image",)
    assert result.to_xarray(channels_first=True)["relevance"].dims == ("image", "channel", "row", "column")


def test_several_inputs_are_no_data_set():
    pytest.importorskip("xarray")
    graph, params, images = two_inputs(np.random.default_rng(0))
    result = jlrp.explainer(graph)(params, images)
    assert isinstance(result.to_dict()["relevance"], tuple)
    with pytest.raises(ValueError, match="relevance of one input, but this graph has several: see to_dict"):
        result.to_xarray()


def test_the_call_that_quantus_makes(explained):
    explain, params, images, _ = explained
    targets = np.array([0, 1, 2, 3])
    expected = np.asarray(explain(params, images, target=targets).relevance)
    function = jlrp.explain_func(explain, params)
    np.testing.assert_array_equal(function(model=object(), inputs=images, targets=targets, device="cpu"), expected)
    channels_first = jlrp.explain_func(explain.bind(params), channels_first=True)
    found = channels_first(None, images.transpose(0, 3, 1, 2), targets)
    assert np.abs(found - expected.transpose(0, 3, 1, 2)).max() <= 1e-5 * np.abs(expected).max()


def test_a_notebook_shows_the_heatmaps(explained):
    *_, result = explained
    html = result._repr_html_()
    assert html.count("data:image/png;base64,") == 4


def test_without_the_extra_a_notebook_shows_text(explained, monkeypatch):
    *_, result = explained
    monkeypatch.setitem(__import__("sys").modules, "jlrp.plot", None)
    assert result._repr_html_() is None
    assert repr(result).startswith("Explanation(relevance float32 (4, 8, 8, 3), output (4, 5)")
