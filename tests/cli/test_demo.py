"""`jlrp demo`: the shipped model and digits, and the one picture."""

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

import ir
import jlrp as library
from jlrp.cli.demo import PRESETS, picture
from jlrp.datasets import Images, load_images
from tests.cli.asserts import assert_fine, assert_refused

DATA = files("jlrp") / "data"


@pytest.fixture(scope="module")
def facts() -> dict:
    return json.loads((DATA / "digits_resnet.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def model() -> ir.Model:
    return ir.load(DATA / "digits_resnet.h5")


@pytest.fixture(scope="module")
def digits(facts, model) -> Images:
    return load_images(model, [DATA / "digits" / digit["file"] for digit in facts["digits"]])


@pytest.fixture(scope="module")
def pixels(digits) -> np.ndarray:
    return digits.pixels


def test_the_shipped_digits_are_read_as_the_shipped_facts_say(facts, model, pixels):
    scores = np.asarray(library.forward(model.graph, model.params, pixels.astype(np.float32) / 255))
    assert scores.argmax(-1).tolist() == [digit["predicted"] for digit in facts["digits"]]
    assert facts["accuracy"]["held_out"] > 0.95


def test_the_strokes_of_a_digit_carry_its_relevance(model, pixels):
    """Under z⁺, ink holds far more of the relevance than its share of the picture."""
    explain = library.explainer(model.graph, "epsilon_plus")
    relevance = np.abs(explain(model.params, pixels.astype(np.float32) / 255).relevance)[..., 0]
    ink = pixels[..., 0] > 64
    assert ((relevance * ink).sum((1, 2)) / relevance.sum((1, 2))).min() > 0.7
    assert ink.mean((1, 2)).max() < 0.4


@pytest.mark.slow
def test_demo_writes_one_picture_and_says_where(jlrp, tmp_path, facts):
    result = jlrp("demo", "-o", "maps")
    assert_fine(result)
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["digits.png"]
    assert result.stdout.splitlines()[-1] == "see maps/digits.png"
    assert f"{100 * facts['accuracy']['held_out']:.1f} % of unseen digits" in result.stdout
    for preset in PRESETS:
        assert preset in result.stdout
    with Image.open(tmp_path / "maps/digits.png") as picture:
        assert picture.height > 200 * len(facts["digits"])
        colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert (colours == [255, 0, 0]).all(-1).any()
    assert (colours == [0, 0, 255]).all(-1).any()


@pytest.mark.slow
def test_the_same_digits_give_the_same_picture(model, digits):
    one = replace(digits, images=digits.images[:1], pixels=digits.pixels[:1])
    first, second = (picture(model, one, ["a 0"]) for _ in range(2))
    assert first == second


def test_an_output_folder_that_is_a_file(jlrp, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert_refused(jlrp("demo", "-o", "out"), "out is a file")
