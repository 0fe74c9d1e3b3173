"""Explanations for other tools."""

import re

import numpy as np
import pytest

import ir
import jlrp
from jlrp.propagation.ledger import COLUMNS
from tests.networks import residual, two_inputs

VOLUMES = ("image", "depth", "row", "column", "channel")


@pytest.fixture(scope="module")
def explained():
    graph, params, images = residual(np.random.default_rng(5))
    explain = jlrp.explainer(graph, ledger=True, record=("add",))
    return explain, params, images, explain(params, images)


def test_a_dictionary_of_arrays(explained):
    *_, result = explained
    found = result.to_dict()
    arrays = ("relevance", "output", "prediction", "target", "start")
    assert set(found) == {*arrays, "layers", "ledger", "axes", "labels"}
    assert all(isinstance(found[name], np.ndarray) for name in arrays)
    assert found["axes"] == (("image", "row", "column", "channel"),)
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


def test_a_data_set_of_channels_first_images():
    pytest.importorskip("xarray")
    rng, first = np.random.default_rng(0), {"data_format": "channels_first"}
    nodes = [
        ir.Node("c", ir.Conv(**first), ("x",), "c"),
        ir.Node("g", ir.GlobalAvgPool(**first), ("c",)),
    ]
    graph, params = ir.Graph(nodes, ["x"], ["g"]), {"c": {"kernel": rng.normal(size=(2, 2, 5, 3))}}
    found = jlrp.explainer(graph, record=("c",))(params, rng.normal(size=(1, 5, 8, 9))).to_xarray()
    assert dict(found["relevance"].sizes) == {"image": 1, "channel": 5, "row": 8, "column": 9}
    assert found["layer:c"].dims == ("image", "channel of c", "row of c", "column of c")


@pytest.mark.parametrize(
    ("op", "kernel", "shape", "axes"),
    [
        (ir.Dense(), (7, 3), (2, 7), ("image", "feature")),
        (ir.Conv((1,), dilation=(1,)), (3, 2, 3), (2, 9, 2), ("image", "step", "channel")),
        (ir.Conv((1,) * 3, dilation=(1,) * 3), (2, 2, 2, 1, 3), (2, 4, 5, 6, 1), VOLUMES),
    ],
)
def test_the_axes_of_what_is_no_image(op, kernel, shape, axes):
    pytest.importorskip("xarray")
    rng = np.random.default_rng(0)
    pool = [] if op == ir.Dense() else [ir.Node("g", ir.GlobalAvgPool(), ("a",))]
    graph = ir.Graph([ir.Node("a", op, ("x",), "a"), *pool], ["x"], ["g" if pool else "a"])
    explain, params = jlrp.explainer(graph, "epsilon"), {"a": {"kernel": rng.normal(size=kernel)}}
    result = explain.per_class(params, rng.normal(size=shape), (2, 0))
    assert result.to_xarray()["relevance"].dims == ("class", *axes)
    page = result._repr_html_()
    slices = 4 if axes == VOLUMES else 0
    assert page.count("<img") == 2 * slices  # of two volumes, and two more are told
    assert page.count("<svg") == (0 if slices else 4)
    assert re.findall(r"class (\d)<br>image", page) == (["2"] * 2 * slices or ["2", "2", "0", "0"])


def test_several_inputs_are_no_data_set():
    pytest.importorskip("xarray")
    graph, params, images = two_inputs(np.random.default_rng(0))
    result = jlrp.explainer(graph)(params, images)
    assert isinstance(result.to_dict()["relevance"], tuple)
    with pytest.raises(
        ValueError, match="relevance of one input, but this graph has several: see to_dict"
    ):
        result.to_xarray()


def test_the_call_that_quantus_makes(explained):
    explain, params, images, _ = explained
    targets = np.array([0, 1, 2, 3])
    expected = np.asarray(explain(params, images, target=targets).relevance)
    function = jlrp.explain_func(explain, params)
    np.testing.assert_array_equal(
        function(model=object(), inputs=images, targets=targets, device="cpu"), expected
    )
    channels_first = jlrp.explain_func(explain.bind(params), channels_first=True)
    found = channels_first(None, images.transpose(0, 3, 1, 2), targets)
    assert np.abs(found - expected.transpose(0, 3, 1, 2)).max() <= 1e-5 * np.abs(expected).max()


def test_a_notebook_shows_the_heatmaps(explained):
    *_, result = explained
    html = result._repr_html_()
    assert html.count("data:image/png;base64,") == 4
    assert re.findall(r"class (\d)<br>", html) == [str(target) for target in result.target]


def test_a_notebook_shows_the_class_of_each_map(explained):
    explain, params, images, _ = explained
    several = explain.per_class(params, images[:2], (3, 1))._repr_html_()
    assert re.findall(r"class (\d)<br>image (\d)", several) == [
        ("3", "0"),
        ("3", "1"),
        ("1", "0"),
        ("1", "1"),
    ]
    parts = explain.conditional(params, images[:1], [{}, {"add": 1}], target=4)._repr_html_()
    assert re.findall(r"class (\d)<br>condition (\d)", parts) == [("4", "0"), ("4", "1")]


def test_a_notebook_says_of_a_map_of_nothing_that_it_is_one(explained):
    explain, params, images, _ = explained
    result = explain.conditional(params, images[:1], [{"add": []}])
    (note,) = result.notes()
    assert note.startswith("no relevance reached the input")
    assert note in result._repr_html_()


def test_without_the_extra_a_notebook_shows_text(explained, monkeypatch):
    *_, result = explained
    monkeypatch.setitem(__import__("sys").modules, "jlrp.plot", None)
    assert result._repr_html_() is None
    assert repr(result).startswith("Explanation(relevance float32 (4, 8, 8, 3), output (4, 5)")
