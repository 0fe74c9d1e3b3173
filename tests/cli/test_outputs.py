"""What is explained on the command line.

Outputs by name, one unit with two labels, segmentations, maps of nothing.
"""

import json

import numpy as np
import pytest
from PIL import Image

import ir
from tests.cli.asserts import assert_fine, assert_refused
from tests.keras_files import saved as saved_keras
from tests.keras_files import sequential


def saved(path, nodes, weights, outputs=None):
    """A model of 8×8 grey images as a file."""
    graph = ir.Graph(nodes, ["image"], outputs or [nodes[-1].name])
    ir.save(ir.Model(graph, weights, ((None, 8, 8, 1),)), path)
    return path


def weight(seed, *shape):
    return {"kernel": np.random.default_rng(seed).normal(size=shape).astype("f")}


TRUNK = [
    ir.Node("conv", ir.Conv(), ("image",), "conv"),
    ir.Node("relu", ir.Relu(), ("conv",)),
    ir.Node("gap", ir.GlobalAvgPool(), ("relu",)),
]


@pytest.fixture
def binary(tmp_path):
    """One sigmoid unit."""
    nodes = [
        *TRUNK,
        ir.Node("fc", ir.Dense(), ("gap",), "fc"),
        ir.Node("p", ir.Activation("sigmoid"), ("fc",)),
    ]
    return saved(
        tmp_path / "binary.safetensors",
        nodes,
        {"conv": weight(0, 3, 3, 1, 4), "fc": weight(1, 4, 1)},
    )


@pytest.fixture
def two_heads(tmp_path):
    nodes = [
        *TRUNK,
        ir.Node("kind/linear", ir.Dense(), ("gap",), "kind"),
        ir.Node("kind", ir.Softmax(), ("kind/linear",)),
        ir.Node("marks/linear", ir.Dense(), ("gap",), "marks"),
        ir.Node("marks", ir.Activation("sigmoid"), ("marks/linear",)),
    ]
    weights = {"conv": weight(0, 3, 3, 1, 4), "kind": weight(1, 4, 3), "marks": weight(2, 4, 5)}
    return saved(tmp_path / "heads.safetensors", nodes, weights, ["kind", "marks"])


@pytest.fixture
def segmentation(tmp_path):
    nodes = [
        ir.Node("conv", ir.Conv((1, 1), "same"), ("image",), "conv"),
        ir.Node("relu", ir.Relu(), ("conv",)),
        ir.Node("classes", ir.Conv(), ("relu",), "classes"),
        ir.Node("p", ir.Softmax(), ("classes",)),
    ]
    bias = {"bias": np.array([0.1, -0.1, 0.2], "f")}
    weights = {"conv": weight(0, 3, 3, 1, 4), "classes": weight(3, 1, 1, 4, 3) | bias}
    return saved(tmp_path / "segmentation.safetensors", nodes, weights)


@pytest.fixture
def image(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)).save(
        tmp_path / "a.png"
    )
    return "a.png"


def told(result):
    assert_fine(result)
    (image,) = json.loads(result.stdout)["images"]
    return image


def test_of_one_unit_with_two_labels_both_sides_are_classes(jlrp, binary, image, tmp_path):
    (tmp_path / "two.txt").write_text("cat\ndog\n")
    options = ("--labels", "two.txt", "--preset", "epsilon", "--json", "--force")
    sides = {}
    for target, label in (("dog", "dog"), ("1", "dog"), ("cat", "cat"), ("0", "cat")):
        found = told(jlrp("explain", binary, image, *options, "--target", target))
        assert found["label"] == label
        sides[label] = found, np.load(tmp_path / found["files"]["relevance"])["relevance"]
    (dog, for_dog), (cat, for_cat) = sides["dog"], sides["cat"]
    assert dog["probability"] == pytest.approx(1 - cat["probability"])
    assert dog["logit"] == pytest.approx(-cat["logit"])
    np.testing.assert_allclose(for_dog, -for_cat, rtol=1e-5)
    assert dog["probability"] == pytest.approx(1 / (1 + np.exp(-dog["logit"])), rel=1e-5)
    predicted = told(jlrp("explain", binary, image, *options))
    assert predicted["probability"] == max(dog["probability"], cat["probability"])
    words = jlrp("explain", binary, image, *options[:-2], "--force").stdout
    assert f"a.png: {predicted['label']}, {100 * predicted['probability']:.1f} %" in words


def test_of_one_unit_without_labels_no_class_is_named(jlrp, binary, image):
    result = jlrp("explain", binary, image, "--no-pictures")
    assert_fine(result)
    assert "a.png: the output, " in result.stdout
    assert "class" not in result.stdout
    assert_refused(
        jlrp("explain", binary, image, "--target", "1", "--force"),
        "one unit, class 0",
        "two --labels",
        "its negative",
    )


def test_labels_for_one_unit(jlrp, binary, image, tmp_path):
    (tmp_path / "three.txt").write_text("cat\ndog\nowl\n")
    assert_refused(
        jlrp("explain", binary, image, "--labels", "three.txt"), "one unit: give one label, or two"
    )
    (tmp_path / "one.txt").write_text("dog\n")
    assert told(jlrp("explain", binary, image, "--labels", "one.txt", "--json"))["label"] == "dog"


def test_both_sides_in_a_report_and_in_a_comparison(jlrp, binary, image, tmp_path):
    (tmp_path / "two.txt").write_text("cat\ndog\n")
    options = ("--labels", "two.txt", "--targets", "top2")
    assert_fine(jlrp("explain", binary, image, *options, "--report", "r.html"))
    assert_fine(jlrp("compare", binary, image, *options, "-o", "c.svg", "--presets", "epsilon"))
    for name in ("r.html", "c.svg"):
        text = (tmp_path / name).read_text()
        assert "cat" in text
        assert "dog" in text


def test_any_output_by_name(jlrp, two_heads, image):
    first = told(jlrp("explain", two_heads, image, "--json"))
    other = told(
        jlrp(
            "explain",
            two_heads,
            image,
            "--json",
            "--output-layer",
            "marks",
            "--target",
            "4",
            "--force",
        )
    )
    assert first["class"] < 3
    assert other["class"] == 4
    assert other["probability"] == pytest.approx(1 / (1 + np.exp(-other["logit"])), rel=1e-5)
    words = jlrp("explain", two_heads, image, "--output-layer", "marks", "--force").stdout
    assert 'output "marks" of kind, marks' in words
    assert_refused(
        jlrp("explain", two_heads, image, "--output-layer", "mark", "--force"),
        '"mark"',
        "kind, marks",
    )


def test_the_classes_above_a_threshold(jlrp, two_heads, image, tmp_path):
    result = jlrp(
        "compare", two_heads, image, "--output-layer", "marks", "--targets", "above0.5", "--json"
    )
    assert_fine(result)
    rows = json.loads(result.stdout)["rows"]
    assert rows
    assert all(row["probability"] > 0.5 for row in rows)
    assert [row["probability"] for row in rows] == sorted(
        (row["probability"] for row in rows), reverse=True
    )


def test_a_class_of_a_segmentation(jlrp, segmentation, image, tmp_path):
    (tmp_path / "names.txt").write_text("sky\nroad\ncar\n")
    assert_refused(
        jlrp("explain", segmentation, image),
        '"p" says a class for each of 8 x 8 positions',
        "--target",
    )
    named = ("--labels", "names.txt", "--target")
    counts = []
    for label in ("sky", "road", "car"):
        found = told(jlrp("explain", segmentation, image, *named, label, "--json", "--force"))
        assert (found["label"], found["logit"], found["probability"]) == (label, None, None)
        counts.append(found["positions"])
    assert sum(counts) == 64
    dark = jlrp(
        "explain", segmentation, image, *named, "sky", "--region", "0,0,1,1", "--json", "--force"
    )
    assert told(dark)["positions"] == 1
    words = jlrp("explain", segmentation, image, *named, "sky", "--force").stdout
    assert f"a.png: sky (class 0), {counts[0]} of 64 positions" in words
    assert_refused(
        jlrp("explain", segmentation, image, *named, "sky", "--report", "r.html", "--force"),
        "score per class",
    )
    assert_refused(jlrp("compare", segmentation, image), "a score per class")


def test_regions_of_a_segmentation(jlrp, segmentation, binary, image, tmp_path):
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "mask.png")
    options = ("--target", "1", "--json", "--force", "--region")
    assert told(jlrp("explain", segmentation, image, *options, "1,2,4,8"))["positions"] == 18
    assert told(jlrp("explain", segmentation, image, *options, "mask.png"))["positions"] == 8
    assert told(jlrp("explain", segmentation, image, *options, "all"))["positions"] == 64
    assert_refused(
        jlrp("explain", segmentation, image, *options, "0,0,9,9"),
        "--region 0,0,9,9",
        "reaches outside",
    )
    assert_refused(
        jlrp("explain", segmentation, image, *options, "no.png"), "--region no.png cannot be read"
    )
    assert_refused(
        jlrp("explain", binary, image, "--region", "all", "--force"), "one score per class"
    )


def test_a_map_of_nothing_says_so(jlrp, tmp_path, image):
    """Weights that are all negative behind a ReLU: no relevance gets past it."""
    nodes = [*TRUNK, ir.Node("fc", ir.Dense(), ("gap",), "fc")]
    weights = {
        "conv": {"kernel": -np.ones((3, 3, 1, 4), "f")},
        "fc": weight(1, 4, 2) | {"bias": np.ones(2, "f")},
    }
    model = saved(tmp_path / "dead.safetensors", nodes, weights)
    found = told(jlrp("explain", model, image, "--json", "--preset", "epsilon"))
    assert found["note"] == "no relevance reached the image: see --ledger"
    assert str(np.load(tmp_path / found["files"]["relevance"])["note"]) == found["note"]
    words = jlrp("explain", model, image, "--preset", "epsilon", "--force").stdout
    assert ": no relevance reached the image: see --ledger" in words


def test_a_users_file_says_what_a_layer_does(jlrp, tmp_path, image):
    """Every command that reads a model takes `--layers`."""
    config = sequential(
        ("CommandGain", {"name": "gain", "batch_input_shape": [None, 8, 8, 1]}),
        ("Flatten", {"name": "flat"}),
    )
    arrays = {"gain": {"gain/g:0": np.array([2], "f")}}
    model = saved_keras(tmp_path / "gain.h5", config, arrays, keras_version="2.4.0")
    (tmp_path / "mine.py").write_text(
        "import ir, ir.keras\n"
        'ir.keras.register("CommandGain", ir.Scale(), weights=lambda spec: [ir.keras.Weight("scale", ("g",), (1,))])\n'
    )
    for command in (
        ("inspect", model),
        ("convert", model, "g.safetensors"),
        ("explain", model, image, "-o", "m.png"),
    ):
        assert_refused(jlrp(*command), "--layers FILE")
    for command in (
        ("inspect", model),
        ("convert", model, "g.safetensors"),
        ("explain", model, image, "-o", "m.png"),
    ):
        assert_fine(jlrp(*command, "--layers", "mine.py"))
