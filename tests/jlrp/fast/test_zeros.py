"""Where relevance is certainly zero: what the analysis says, and that it is so."""

import jax
import numpy as np
import pytest

import ir
import jlrp
from jlrp.fast.zeros import rectified, vanishing
from tests.networks import BOUNDS, residual


def rules_of(graph, preset="epsilon_plus", *entries):
    return jlrp.PRESETS[preset]().with_rules(*entries).assign(graph)


def chain(*ops, branches=()):
    """A graph of ops in a row, `n0`, `n1`, …; the last is the output."""
    names = ["x", *(f"n{i}" for i in range(len(ops)))]
    nodes = [
        ir.Node(name, op, (before,), name if isinstance(op, ir.Dense | ir.Conv) else None)
        for before, name, op in zip(names, names[1:], ops, strict=False)
    ]
    return ir.Graph([*nodes, *branches], ["x"], [names[-1], *(node.name for node in branches)])


CASES = {
    "a ReLU read by a proportional rule": (chain(ir.Conv(), ir.Relu(), ir.Conv()), (), {"n0"}),
    "through pooling and flattening": (
        chain(ir.Conv(), ir.Relu(), ir.MaxPool(), ir.Flatten(), ir.Dense()),
        (),
        {"n0"},
    ),
    "a ReLU by another name": (chain(ir.Conv(), ir.Clip(0.0, 6.0), ir.Conv()), (), {"n0"}),
    "a threshold": (chain(ir.Conv(), ir.Threshold(0.5), ir.Conv()), (), {"n0"}),
    "a clip below zero": (chain(ir.Conv(), ir.Clip(-1.0, 6.0), ir.Conv()), (), set()),
    "through copies of pixels": (chain(ir.Conv(), ir.Relu(), ir.Upsample(), ir.Conv()), (), {"n0"}),
    "through means of pixels": (
        chain(ir.Conv(), ir.Relu(), ir.Upsample(interpolation="bilinear"), ir.Conv()),
        (),
        set(),
    ),
    "two ReLUs in a row": (
        chain(ir.Conv(), ir.Relu(), ir.Relu(max_value=6.0), ir.Conv()),
        (),
        {"n0", "n1"},
    ),
    "a ReLU at the output": (chain(ir.Conv(), ir.Relu()), (), set()),
    "a leaky ReLU": (chain(ir.Conv(), ir.Relu(negative_slope=0.1), ir.Conv()), (), set()),
    "another activation": (chain(ir.Conv(), ir.Activation("silu"), ir.Conv()), (), set()),
    "a rule that is not proportional": (
        chain(ir.Conv(), ir.Relu(), ir.Conv()),
        (("n2", jlrp.Flat()),),
        set(),
    ),
    "a rule at the ReLU that is not pass": (
        chain(ir.Conv(), ir.Relu(), ir.Conv()),
        (("n1", jlrp.Gradient()),),
        set(),
    ),
    "uniform pooling": (
        chain(ir.Conv(), ir.Relu(), ir.MaxPool(), ir.Conv()),
        (("n2", jlrp.UniformPooling()),),
        set(),
    ),
    "a second reader that is no ReLU": (
        chain(
            ir.Conv(),
            ir.Relu(),
            ir.Conv(),
            branches=[ir.Node("other", ir.GlobalAvgPool(), ("n0",))],
        ),
        (),
        set(),
    ),
    "the rule inside another counts": (
        chain(ir.Conv(), ir.Relu(), ir.Conv()),
        (("n2", jlrp.WithoutBias(jlrp.Epsilon())),),
        {"n0"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_certain(case):
    graph, entries, expected = CASES[case]
    assert rectified(graph, rules_of(graph, "epsilon_plus", *entries)) == expected


def test_an_output_is_never_certain():
    graph = chain(ir.Conv(), ir.Relu(), ir.Conv())
    assert "n2" not in vanishing(graph, rules_of(graph))


@pytest.mark.parametrize(
    "name", ["epsilon_plus", "epsilon_alpha2_beta1", "epsilon_gamma_box", "zero", "crawford2019"]
)
def test_it_is_so(name, rng):
    """Of a network with a residual block: no relevance where the analysis says none."""
    graph, params, images = residual(rng)
    composite = jlrp.PRESETS[name](**BOUNDS) if "box" in name else jlrp.PRESETS[name]()
    folded = composite.rewrite(graph)
    rules = composite.assign(folded.graph)
    explain = jlrp.explainer(graph, composite, record=True, formulation="plain")
    result = explain(params, images)
    values = jax.tree.map(np.asarray, folded.params(params))
    _, activations = jlrp.forward(folded.graph, values, images, record=True)
    for node in rectified(folded.graph, rules):
        assert not np.asarray(result.layers[node])[np.asarray(activations[node]) <= 0].any(), node
    for value in vanishing(folded.graph, rules):
        assert not np.asarray(result.layers[value])[np.asarray(activations[value]) == 0].any(), (
            value
        )
    found = rectified(folded.graph, rules)
    assert found == (
        set() if name == "crawford2019" else {"bn_conv1", "add"}
    )  # AbsSplit gives to zeros too
