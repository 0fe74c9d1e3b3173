"""An output of a model: its classes, what the model says of them, and in which words."""

import numpy as np
import pytest

import ir
import jlrp
from jlrp.datasets import DataError, Labels, Output, output_of


def output(units, *labels, positions=()):
    decision = None
    return Output("p", (*positions, units), len(positions), True, decision, Labels(labels))


def test_words():
    assert output(3).verdict(1, 0.5, 0.0) == "class 1, 50.0 %"
    assert output(3, "a", "b", "c").verdict(1, None, 2.5) == "b (class 1), output 2.5"
    assert output(1, "cat", "dog").verdict(0, 0.61, 0.4) == "cat, 61.0 %"
    assert output(1).verdict(0, None, 12.25) == "output 12.25"


def binary(labels=()):
    """A model of one sigmoid unit, with its output."""
    nodes = [
        ir.Node("fc", ir.Dense(), ("x",), "fc"),
        ir.Node("p", ir.Activation("sigmoid"), ("fc",)),
    ]
    params = {"fc": {"kernel": np.array([[1.0], [-2.0]])}}
    model = ir.Model(ir.Graph(nodes, ["x"], ["p"]), params, ((None, 2),))
    return model, output_of(model, labels=labels)


def test_of_one_unit_with_two_labels_both_sides_are_classes():
    images = np.array([[1.0, 0.0], [0.0, 1.0]])
    model, output = binary(("cat", "dog"))
    assert (output.units, output.classes, output.two_sided) == (1, 2, True)
    scores = output.scores(jlrp.explain(model, images, "epsilon"))
    np.testing.assert_allclose(scores.scores.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(scores.values, [[-1, 1], [2, -2]], rtol=1e-6)
    assert scores.ranked()[:, 0].tolist() == [1, 0]
    assert output.verdict(1, scores.probability(0, 1), scores.values[0, 1]) == "dog, 73.1 %"
    model, output = binary()
    assert (output.classes, output.title(0)) == (1, "the output")


def test_what_is_predicted_is_what_the_explanation_says():
    model, output = binary(Labels(("cat", "dog")))
    images = np.array([[1.0, 0.5], [0.3, 1.0], [0.0, 0.0]])
    predicted, explained = (
        output.predict(model, images),
        output.scores(jlrp.explain(model, images, "epsilon")),
    )
    np.testing.assert_allclose(predicted.values, explained.values, rtol=1e-6)
    np.testing.assert_allclose(predicted.scores, explained.scores, rtol=1e-6)


def test_outputs_that_there_are_not():
    model, _ = binary()
    assert output_of(model, "fc").name == "fc"
    with pytest.raises(DataError, match='no output or layer "q" to explain: the outputs are p'):
        output_of(model, "q")
    graph = ir.Graph([ir.Node("a", ir.Relu(), ("x",))], ["x"], ["a"])
    with pytest.raises(DataError, match=r"has shape \(N, \?\), which is no score per class"):
        output_of(ir.Model(graph, {}, ((None, None),)))
    assert output_of(ir.Model(graph, {}, ((None, None),)), shapes=[(1, 4)]).units == 4
