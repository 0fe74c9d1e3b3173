"""Labels from files, and the class that a target means."""

import json

import pytest

from jlrp.cli.labels import Labels, read_labels, target_index
from jlrp.cli.program import InputError

LABELS = Labels(("ant", "bee", "crane", "crane"), ("n1", "n2", "n3", "n4"))


@pytest.mark.parametrize("text", ["ant\nbee\n", "ant\r\nbee", "\ufeffant\nbee\n\n", " ant \nbee\n"])
def test_a_text_with_a_label_a_line(tmp_path, text):
    path = tmp_path / "labels.txt"
    path.write_text(text, "utf-8", newline="")
    assert read_labels(path, 2) == Labels(("ant", "bee"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"1": ["n2", "bee"], "0": ["n1", "ant"]}, Labels(("ant", "bee"), ("n1", "n2"))),
        ({"0": "ant", "1": "bee"}, Labels(("ant", "bee"), ("", ""))),
        ({"bee": 1, "ant": 0}, Labels(("ant", "bee"), ("", ""))),
        (["ant", "bee"], Labels(("ant", "bee"), ("", ""))),
        ([["n1", "ant"], ["n2", "bee"]], Labels(("ant", "bee"), ("n1", "n2"))),
    ],
)
def test_a_class_index(tmp_path, content, expected):
    path = tmp_path / "index.json"
    path.write_text(json.dumps(content))
    assert read_labels(path, 2) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "3",
        "[3, 4]",
        '{"a": "ant", "b": "bee"}',
        '{"0": "ant", "2": "bee"}',
        "[[1, 2], [3, 4]]",
        "[{}, {}]",
        '{"ant": 0, "bee": 2}',
        '{"ant": 0, "bee": true}',
    ],
)
def test_a_json_that_is_no_class_index(tmp_path, text):
    path = tmp_path / "index.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"index\.json is no class index"):
        read_labels(path, 2)


def test_a_labels_file_that_is_no_text(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_labels(path, 2)


def test_titles():
    assert LABELS.title(1) == "bee (class 1)"
    assert Labels().title(1) == "class 1"
    assert (LABELS[1], Labels()[1]) == ("bee", "")


@pytest.mark.parametrize(("target", "expected"), [("predicted", None), ("0", 0), ("3", 3), ("bee", 1), ("n4", 3)])
def test_targets(target, expected):
    assert target_index(target, 4, LABELS) == expected


def test_a_number_is_an_index_also_where_labels_are_numbers():
    assert target_index("1", 2, Labels(("1", "0"))) == 1


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
        target_index(target, 4, LABELS)
