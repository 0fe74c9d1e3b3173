"""Inputs that are arrays: signals, tables, volumes, several inputs."""

import json

import numpy as np
import pytest

import ir
import jlrp as library
from tests.cli.asserts import assert_fine, assert_refused


def weight(seed, *shape):
    return {"kernel": np.random.default_rng(seed).normal(size=shape).astype("f")}


@pytest.fixture
def series(tmp_path):
    nodes = [
        ir.Node("conv", ir.Conv((1,), dilation=(1,)), ("signal",), "conv"),
        ir.Node("relu", ir.Relu(), ("conv",)),
        ir.Node("gap", ir.GlobalAvgPool(), ("relu",)),
        ir.Node("fc", ir.Dense(), ("gap",), "fc"),
        ir.Node("p", ir.Softmax(), ("fc",)),
    ]
    params = {"conv": weight(0, 5, 2, 4), "fc": weight(1, 4, 3)}
    ir.save(
        ir.Model(ir.Graph(nodes, ["signal"], ["p"]), params, ((None, 20, 2),)),
        tmp_path / "series.safetensors",
    )
    return "series.safetensors"


@pytest.fixture
def signals(tmp_path):
    values = np.random.default_rng(2).normal(size=(5, 20, 2)).astype("f")
    np.save(tmp_path / "ecg.npy", values)
    return values


def test_a_batch_of_series(jlrp, series, signals, tmp_path):
    result = jlrp("explain", series, "ecg.npy", "--preset", "epsilon", "--json")
    assert_fine(result)
    (record,) = json.loads(result.stdout)["files"]
    model = ir.load(tmp_path / series)
    expected = library.explain(model, signals, "epsilon")
    with np.load(tmp_path / record["files"]["relevance"], allow_pickle=False) as found:
        np.testing.assert_allclose(found["relevance"], expected.relevance, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(found["class_index"], record["classes"])
        np.testing.assert_allclose(found["prediction"], expected.prediction, rtol=1e-5)
        assert found["axes"].tolist() == ["image,step,channel"]
    assert record["classes"] == np.asarray(expected.target).tolist()
    np.testing.assert_allclose(record["logits"], np.asarray(expected.output).max(1), rtol=1e-5)
    assert record["notes"] == [None] * 5
    assert (tmp_path / record["files"]["picture"]).read_bytes().startswith(b"\x89PNG")
    words = jlrp("explain", series, "ecg.npy", "--force").stdout
    assert "arrays are taken as they are" in words
    assert f"ecg.npy[4]: class {record['classes'][4]}, " in words


def test_one_program_serves_files_of_any_length(jlrp, series, signals, tmp_path):
    from jlrp.propagation import programs

    for length in (1, 2, 5):
        np.save(tmp_path / f"{length}.npy", signals[:length])
    programs.explain.clear_cache()
    assert_fine(
        jlrp("explain", series, "1.npy", "2.npy", "5.npy", "--no-pictures", "--batch-size", "3")
    )
    assert programs.explain.cache_size() == 1
    whole = np.load(tmp_path / "jlrp-relevance/5.npz")["relevance"]
    np.testing.assert_allclose(
        np.load(tmp_path / "jlrp-relevance/1.npz")["relevance"], whole[:1], rtol=1e-4, atol=1e-6
    )


def test_a_sample_without_the_batch(jlrp, series, signals, tmp_path):
    np.save(tmp_path / "one.npy", signals[0])
    assert_fine(jlrp("explain", series, "one.npy", "--no-pictures"))
    assert np.load(tmp_path / "jlrp-relevance/one.npz")["relevance"].shape == (1, 20, 2)


def test_several_inputs_by_name(jlrp, tmp_path):
    nodes = [
        ir.Node("a", ir.Dense(), ("left",), "a"),
        ir.Node("b", ir.Dense(), ("right",), "b"),
        ir.Node("sum", ir.Add(), ("a", "b")),
    ]
    model = ir.Model(
        ir.Graph(nodes, ["left", "right"], ["sum"]),
        {"a": weight(0, 3, 2), "b": weight(1, 4, 2)},
        ((None, 3), (None, 4)),
    )
    ir.save(model, tmp_path / "two.safetensors")
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(2, 3)).astype("f"), rng.normal(size=(2, 4)).astype("f")
    np.savez(tmp_path / "both.npz", left=left, right=right)
    assert_fine(
        jlrp("explain", "two.safetensors", "both.npz", "--preset", "epsilon", "--target", "1")
    )
    found = np.load(tmp_path / "jlrp-relevance/both.npz")
    expected = library.explain(model, (left, right), "epsilon", target=1).relevance
    np.testing.assert_allclose(found["relevance:left"], expected[0], rtol=1e-4)
    np.testing.assert_allclose(found["relevance:right"], expected[1], rtol=1e-4)
    assert sorted(path.name for path in (tmp_path / "jlrp-relevance").glob("*.png")) == [
        "both.0.relevance.png",
        "both.1.relevance.png",
    ]
    np.savez(tmp_path / "wrong.npz", left=left)
    refused = jlrp("explain", "two.safetensors", "wrong.npz")
    assert_refused(
        refused, 'wrong.npz has the arrays "left", but the model has the inputs "left", "right"'
    )


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((5, 21, 2)), 'has shape (5, 21, 2), but the input "signal" takes (N, 20, 2).'),
        (np.zeros(3), "has shape (3,)"),
        (np.zeros((0, 20, 2)), "holds no sample"),
        (np.full((1, 20, 2), np.nan), "values that are not finite"),
        (np.zeros((1, 20, 2), complex), "of type complex128: the model takes real numbers"),
        (np.array([{"a": 1}], object), "cannot be read: it holds no arrays of numbers"),
    ],
)
def test_arrays_that_do_not_fit(jlrp, series, tmp_path, array, words):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    assert_refused(jlrp("explain", series, "x.npy"), "x.npy", words)
    assert not (tmp_path / "jlrp-relevance").exists()


def test_files_that_are_no_arrays(jlrp, series, signals, tmp_path):
    (tmp_path / "x.npy").write_text("no array")
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "ecg.npy").read_bytes()[:200])
    for name in ("x.npy", "x.npz", "cut.npy"):
        assert_refused(jlrp("explain", series, name), f"{name} cannot be read")
    assert_refused(
        jlrp("explain", series, "none.npy"), "none.npy cannot be read: No such file or directory"
    )
    assert_refused(jlrp("explain", series, "ecg.npy", "cat.png"), "images or arrays, not both")
    result = jlrp("explain", series, "ecg.npy", "cut.npy")
    assert result.exit_code == 2
    assert "1 of 2 explained" in result.stdout


def test_options_that_arrays_do_not_have(jlrp, series, signals):
    assert_refused(jlrp("explain", series, "ecg.npy", "--size", "4"), "--size is for images")
    assert_refused(
        jlrp("explain", series, "ecg.npy", "--report", "r.html"), "--report is for images"
    )
    assert_refused(
        jlrp("explain", series, "ecg.npy", "--preset", "epsilon_gamma_box"), "--low and --high"
    )
    bounds = ("--preset", "epsilon_gamma_box", "--low", "-5", "--high", "5")
    assert_fine(jlrp("explain", series, "ecg.npy", *bounds, "--no-pictures"))


def test_baselines_and_contrasts(jlrp, series, signals, tmp_path):
    model = ir.load(tmp_path / series)
    assert_fine(
        jlrp(
            "explain",
            series,
            "ecg.npy",
            "--preset",
            "gradient",
            "--batch-size",
            "2",
            "--no-pictures",
        )
    )
    found = np.load(tmp_path / "jlrp-relevance/ecg.npz")["relevance"]
    np.testing.assert_allclose(
        found, library.gradient(model)(model, signals).relevance, rtol=1e-4, atol=1e-6
    )
    options = ("--preset", "epsilon", "--contrast", "runner_up", "--no-pictures", "--force")
    assert_fine(jlrp("explain", series, "ecg.npy", *options))
    found = np.load(tmp_path / "jlrp-relevance/ecg.npz")["relevance"]
    expected = library.explain(model, signals, "epsilon", contrast="runner_up").relevance
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    refused = jlrp(
        "explain", series, "ecg.npy", "--preset", "gradient", "--start", "one", "--force"
    )
    assert_refused(refused, "--start is for presets, and gradient is a baseline")
