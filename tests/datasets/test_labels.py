"""Labels from files."""

import json

import numpy as np
import pytest

import ir
import jlrp
from jlrp.datasets import DataError, Labels, load_labels

LABELS = Labels(("ant", "bee", "crane", "crane"), ("n1", "n2", "n3", "n4"))


@pytest.mark.parametrize("text", ["ant\nbee\n", "ant\r\nbee", "\ufeffant\nbee\n\n", " ant \nbee\n"])
def test_a_text_with_a_label_a_line(tmp_path, text):
    path = tmp_path / "labels.txt"
    path.write_text(text, "utf-8", newline="")
    assert load_labels(path, 2) == Labels(("ant", "bee"))


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
    assert load_labels(path, 2) == expected


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
    with pytest.raises(DataError, match=r"index\.json is no class index"):
        load_labels(path, 2)


def test_a_labels_file_that_is_no_text(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        load_labels(path, 2)


def test_titles():
    assert LABELS.title(1) == "bee (class 1)"
    assert Labels().title(1) == "class 1"
    assert (LABELS[1], Labels()[1]) == ("bee", "")


def test_a_wrong_number(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("ant\nbee\ncrane\n")
    assert len(load_labels(path)) == 3
    with pytest.raises(DataError, match=r"labels\.txt has 3 labels, but the model has 2 classes"):
        load_labels(path, 2)
    with pytest.raises(DataError, match="one unit: give one label, or two"):
        load_labels(path, 1)
    with pytest.raises(DataError, match=r"The labels file .*none cannot be read: No such file"):
        load_labels(tmp_path / "none")


def test_an_explainer_takes_them():
    graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    explain = jlrp.explainer(graph, labels=Labels(("ant", "bee")))
    result = explain({"fc": {"kernel": np.eye(2)}}, np.ones((1, 2)), target="bee")
    assert (result.target.tolist(), result.labels) == ([1], ("ant", "bee"))
    assert jlrp.explainer(graph, labels=Labels()).labels == ()
