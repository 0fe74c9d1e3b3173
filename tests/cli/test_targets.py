"""Which classes `--targets` means."""

import numpy as np
import pytest

from jlrp.cli.labels import Labels
from jlrp.cli.outputs import Said
from jlrp.cli.program import InputError
from jlrp.cli.targets import Above, Rank, chosen, parsed

LABELS = Labels(("ant", "bee", "top2"), ("n0", "n1", "n2"))


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("predicted", (Rank(0),)),
        ("top1", (Rank(0),)),
        ("top3", (Rank(0), Rank(1), Rank(2))),
        ("2,bee", (2, 1)),
        ("above0.5", (Above(0.5),)),
        ("above40%,bee", (Above(0.4), 1)),
        (" bee , n1,1,", (1,)),
        ("predicted,top2,0", (Rank(0), Rank(1), 0)),
    ],
)
def test_what_is_meant(text, targets):
    assert parsed(text, 3, LABELS) == targets


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("top4", "--targets top4 is out of range: the model has 3 classes."),
        ("top0", "out of range"),
        ("3", "the classes 0 to 2"),
        ("beee", 'Did you mean "bee"'),
        (",", "names no class"),
        ("above1.2.3", "names no threshold"),
    ],
)
def test_what_is_not_there(text, words):
    with pytest.raises(InputError, match=words):
        parsed(text, 3, LABELS)


def test_ranks_of_equal_outputs_are_those_of_the_library():
    """The lowest index first, as `argmax` has it."""
    output = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    assert chosen([Rank(0), Rank(1), 2], Said(output, output, False)) == [[1, 2], [0, 1, 2]]


def test_ranks_are_those_of_what_the_model_says_and_ties_those_of_the_decision_values():
    values, scores = np.array([[18.0, 20.0, 30.0]]), np.array([[1.0, 1.0, 0.5]])
    assert chosen([Rank(0), Rank(1)], Said(values, scores, True)) == [[1, 0]]


def test_classes_above_a_threshold_or_the_best_one():
    scores = np.array([[0.2, 0.9, 0.6], [0.1, 0.3, 0.2]])
    assert chosen([Above(0.5)], Said(scores, scores, True)) == [[1, 2], [1]]
    assert chosen([Above(0.15), 0], Said(scores, scores, True)) == [[1, 2, 0], [1, 2, 0]]
