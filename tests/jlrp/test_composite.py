"""Which rule each layer gets."""

import numpy as np
import pytest

import ir
import jlrp
from jlrp.composites import presets
from tests.networks import residual


@pytest.fixture(scope="module")
def graph():
    return residual(np.random.default_rng(0))[0]


def names(composite, graph):
    return {name: rule.split("(")[0] for name, rule in composite.rule_names(graph).items()}


LINEAR_RULES = {
    "zero": ("Zero", "Zero", "Zero"),
    "epsilon": ("Epsilon", "Epsilon", "Epsilon"),
    "epsilon_plus": ("ZPlus", "ZPlus", "Epsilon"),
    "epsilon_plus_flat": ("Flat", "ZPlus", "Epsilon"),
    "epsilon_alpha2_beta1": ("AlphaBeta", "AlphaBeta", "Epsilon"),
    "epsilon_alpha2_beta1_flat": ("Flat", "AlphaBeta", "Epsilon"),
}


@pytest.mark.parametrize("preset", LINEAR_RULES)
def test_presets_of_the_field(preset, graph):
    first, inner, dense = LINEAR_RULES[preset]
    assert names(jlrp.PRESETS[preset](), graph) == {
        "conv1_pad": "merged into bn_conv1",
        "conv1": "merged into bn_conv1",
        "bn_conv1": first,
        "relu1": "Pass",
        "pool": "WinnerTakesAll",
        "conv2": "merged into bn2",
        "bn2": inner,
        "add": "Norm",
        "relu2": "Pass",
        "gap": "Norm",
        "predictions/linear": dense,
        "predictions": "stripped",
    }


@pytest.mark.parametrize(
    ("preset", "rule"),
    [("crawford2019", "HalfHalf"), ("crawford2019_original", "OriginalHalfHalf")],
)
def test_presets_of_2019_fold_nothing(preset, rule, graph):
    assert names(jlrp.PRESETS[preset](), graph) == {
        "conv1_pad": "Transpose",
        "conv1": rule,
        "bn_conv1": "Pass",
        "relu1": "Pass",
        "pool": "UniformPooling",
        "conv2": rule,
        "bn2": "Pass",
        "add": "AbsSplit",
        "relu2": "Pass",
        "gap": "UniformPooling",
        "predictions/linear": rule,
        "predictions": "stripped",
    }


def test_defaults_are_those_of_the_field():
    rules = dict.fromkeys(jlrp.PRESETS["epsilon_alpha2_beta1"]().entries)
    assert all(rule == type(rule)() for _, rule in rules)
    assert jlrp.AlphaBeta() == jlrp.AlphaBeta(alpha=2.0, beta=1.0, epsilon=1e-6)


def test_a_user_s_entries_go_before_a_preset_s(graph):
    composite = jlrp.PRESETS["epsilon_plus"]().with_rules(
        ("bn2", jlrp.Epsilon(0.25)), (lambda graph, node: node.name == "bn_conv1", jlrp.Flat())
    )
    rules = names(composite, graph)
    assert (rules["bn2"], rules["bn_conv1"], rules["predictions/linear"]) == (
        "Epsilon",
        "Flat",
        "Epsilon",
    )


def test_first_means_first_in_data_flow():
    nodes = [
        ir.Node("a", ir.Conv(), ("x",), "a"),
        ir.Node("b", ir.Conv((2, 2), "same"), ("x",), "b"),  # listed later, but nothing before it
        ir.Node("c", ir.Conv(), ("b",), "c"),
        ir.Node("flat", ir.Flatten(), ("c",)),
        ir.Node("d", ir.Dense(), ("flat",), "d"),
        ir.Node("flat_a", ir.Flatten(), ("a",)),
        ir.Node("cat", ir.Concatenate(), ("d", "flat_a")),
    ]
    graph = ir.Graph(nodes, ["x"], ["cat"])
    assert [node.name for node in nodes if jlrp.First()(graph, node)] == ["a", "b"]
    assert [node.name for node in nodes if jlrp.First((ir.Dense,))(graph, node)] == []
    assert [node.name for node in nodes if jlrp.Last()(graph, node)] == ["a", "d"]
    assert [node.name for node in nodes if jlrp.Depth(1, 2)(graph, node)] == ["c", "flat_a"]
    assert [node.name for node in nodes if (~jlrp.First() & ir.Conv)(graph, node)] == ["c"]
    assert [
        node.name for node in nodes if (jlrp.Named("flat*") | jlrp.Kind(ir.Dense))(graph, node)
    ] == [
        "flat",
        "d",
        "flat_a",
    ]


def test_one_error_lists_all_that_does_not_fit(graph):
    composite = jlrp.Composite([("relu*", jlrp.Epsilon()), (ir.Add, jlrp.Norm())])
    with pytest.raises(jlrp.CompositeError) as error:
        jlrp.explainer(graph, composite)
    message = str(error.value)
    assert "'relu1': Epsilon is not defined for Relu" in message
    assert "'pool' (MaxPool) has no rule: add (ir.MaxPool, RULE)" in message
    assert "'gap' (GlobalAvgPool) has no rule" in message
    assert "'add'" not in message


def test_table(graph):
    lines = jlrp.PRESETS["epsilon_plus"]().as_table(graph).splitlines()
    assert lines[0].split() == ["layer", "op", "rule"]
    assert len(lines) == 1 + len(graph.nodes)
    assert any(line.split() == ["add", "Add", "Norm(epsilon=1e-06)"] for line in lines)


def test_a_registered_preset_is_known_by_its_name(monkeypatch, rng):
    monkeypatch.setattr(presets, "_MAKERS", dict(presets._MAKERS))
    monkeypatch.setattr(jlrp.PRESETS, "_makers", presets._MAKERS)
    graph, params, images = residual(rng)

    def mine():
        return jlrp.PRESETS["epsilon"]()

    jlrp.register_preset("mine", mine)
    jlrp.register_preset("mine", mine)
    found, expected = (
        jlrp.explainer(graph, name)(params, images).relevance for name in ("mine", "epsilon")
    )
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(
        ValueError, match="There is a preset 'zero' already: give the new one another name"
    ):
        jlrp.register_preset("zero", mine)
    with pytest.raises(
        TypeError, match=r"takes a name and a function that returns a jlrp\.Composite"
    ):
        jlrp.register_preset("other", mine())


def test_presets_are_added_by_register_preset_alone():
    with pytest.raises(TypeError, match=r"add a preset by jlrp\.register_preset\('mine', make\)"):
        jlrp.PRESETS["mine"] = jlrp.PRESETS["zero"]
