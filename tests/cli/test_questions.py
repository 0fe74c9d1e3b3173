"""Which classes `--target` and `--targets` mean, and which size `--size`."""

import numpy as np
import pytest

from jlrp.cli.program import InputError
from jlrp.cli.questions import Above, Rank, choose_classes, parse_size, parse_target, parse_targets
from jlrp.datasets import Labels, Scores

LABELS = Labels(("ant", "bee", "top2"), ("n0", "n1", "n2"))
CRANES = Labels(("ant", "bee", "crane", "crane"), ("n1", "n2", "n3", "n4"))


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
    assert parse_targets(text, 3, LABELS) == targets


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
        parse_targets(text, 3, LABELS)


def test_ranks_of_equal_outputs_are_those_of_the_library():
    """The lowest index first, as `argmax` has it."""
    output = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    assert choose_classes([Rank(0), Rank(1), 2], Scores(output, output, False)) == [
        [1, 2],
        [0, 1, 2],
    ]


def test_ranks_are_those_of_what_the_model_says_and_ties_those_of_the_decision_values():
    values, scores = np.array([[18.0, 20.0, 30.0]]), np.array([[1.0, 1.0, 0.5]])
    assert choose_classes([Rank(0), Rank(1)], Scores(values, scores, True)) == [[1, 0]]


def test_classes_above_a_threshold_or_the_best_one():
    scores = np.array([[0.2, 0.9, 0.6], [0.1, 0.3, 0.2]])
    assert choose_classes([Above(0.5)], Scores(scores, scores, True)) == [[1, 2], [1]]
    assert choose_classes([Above(0.15), 0], Scores(scores, scores, True)) == [[1, 2, 0], [1, 2, 0]]


# --- --target


@pytest.mark.parametrize(
    ("target", "expected"), [("predicted", None), ("0", 0), ("3", 3), ("bee", 1), ("n4", 3)]
)
def test_targets(target, expected):
    assert parse_target(target, 4, CRANES) == expected


def test_a_number_is_an_index_also_where_labels_are_numbers():
    assert parse_target("1", 2, Labels(("1", "0"))) == 1


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("4", "classes 0 to 3"),
        ("-1", "classes 0 to 3"),
        ("crane", "2, 3 all have"),
        ("been", 'Did you mean "bee"'),
        ("", "No class"),
    ],
)
def test_targets_that_mean_no_class(target, words):
    with pytest.raises(InputError, match=words):
        parse_target(target, 4, CRANES)


# --- --size


@pytest.mark.parametrize(
    ("text", "size"), [(None, None), ("12", 12), ("7x9", (7, 9)), ("7X9", (7, 9))]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["-3", "3x4x5", "99999999", "0", "12x", "x", "", "٢٢"])
def test_sizes_that_are_none(text):
    with pytest.raises(InputError, match="is no size"):
        parse_size(text)
