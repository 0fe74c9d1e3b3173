"""`jlrp inspect`: the table of layers."""

import pytest

import ir
import jlrp as library
from jlrp.composites import presets
from tests.cli.asserts import assert_fine, assert_refused


@pytest.fixture
def resnet(data):
    return data / "keras/keras2.2.4/mini_resnet.full.h5"


def test_every_layer_is_listed_with_its_shape_and_rule(jlrp, resnet):
    result = jlrp("inspect", resnet, "--preset", "epsilon_plus")
    assert_fine(result)
    model = ir.load(resnet)
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert {node.name for node in model.graph.nodes} | set(model.graph.inputs) <= rows.keys()
    shapes = model.shapes
    for node in model.graph.nodes:
        assert str(node.op) in rows[node.name]
        assert ", ".join(node.inputs) in rows[node.name]
        assert f"(N, {', '.join(map(str, shapes[node.name][1:]))})" in rows[node.name]
    assert "stripped" in rows[model.graph.outputs[0]]
    assert "ZPlus(" in result.stdout
    assert "merged into " in result.stdout


def test_what_the_file_says_and_the_totals(jlrp, resnet):
    result = jlrp("inspect", resnet)
    model = ir.load(resnet)
    first, *_, last = result.stdout.splitlines()
    assert str(resnet) in first
    assert model.source["keras_version"] in first
    assert f"{len(model.graph.nodes)} nodes" in last
    assert f"{model.parameter_count:,} numbers" in last


@pytest.mark.parametrize("columns", ["20", "80"])
def test_no_name_is_cut_when_piped(jlrp, data, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    path = data / "keras/keras3.15.1/mini_nested_functional.full.h5"
    result = jlrp("inspect", path)
    assert_fine(result)
    for node in ir.load(path).graph.nodes:
        assert node.name in result.stdout


def test_presets_give_different_rules(jlrp, resnet):
    assert "HalfHalf(" in jlrp("inspect", resnet, "--preset", "crawford2019").stdout


def test_bad_input(jlrp, resnet, tmp_path):
    (tmp_path / "model.h5").write_text("no model")
    assert_refused(jlrp("inspect", "model.h5"), "model.h5", "no model file")
    assert_refused(jlrp("inspect", "nowhere.h5"), "nowhere.h5", "does not exist")
    assert_refused(jlrp("inspect", resnet, "--preset", "x"), 'no preset "x"')
    assert_refused(
        jlrp("inspect", resnet, "--preset", "gradient"),
        "gradient is a baseline, which has no rules",
    )
    assert_refused(jlrp("inspect"), "MODEL")


def test_a_preset_with_bounds(jlrp, resnet):
    result = jlrp("inspect", resnet, "--preset", "epsilon_gamma_box")
    assert_fine(result)
    assert result.stdout.count("ZBox(") == 1
    assert "Gamma(" in result.stdout


def test_what_each_layer_can_keep_is_shown_when_asked_for(jlrp, model):
    assert "can keep" not in jlrp("inspect", model).stdout
    result = jlrp("inspect", model, "--preset", "epsilon_plus", "--ledger")
    assert_fine(result)
    rows = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert rows["layer"].rstrip().endswith("can keep")
    assert rows["convolution2d_1/linear"].rstrip().endswith("bias, stabiliser, empty")
    assert rows["dense_1"].rstrip().endswith("bias, stabiliser")
    assert rows["maxpooling2d_3"].rstrip().endswith("WinnerTakesAll()")


def test_layers_without_a_rule_are_an_error_with_the_ledger_too(jlrp, model, monkeypatch):
    monkeypatch.setitem(
        presets._MAKERS, "zero", lambda: library.Composite([(ir.Dense, library.Zero())])
    )
    result = jlrp("inspect", model, "--preset", "zero", "--ledger")
    assert_refused(result, "has no rule")
    assert "convolution2d_1" in result.stdout
