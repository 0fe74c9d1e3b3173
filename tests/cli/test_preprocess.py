"""Preprocessing on the command line: what is said of it."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import ir
from ir.preprocessing import CONVENTIONS
from jlrp.cli.explain import preprocess_note
from tests.cli.asserts import assert_refused


@pytest.mark.parametrize(
    ("preprocess", "given", "expected"),
    [
        (CONVENTIONS["torch"], "torch", "preprocess torch (as given)"),
        (
            replace(CONVENTIONS["tf"], reason="by name"),
            None,
            "preprocess tf (by name; --preprocess overrides)",
        ),
        (
            replace(CONVENTIONS["unit"], reason="no idea", instead="none"),
            None,
            "preprocess unit, unsure (no idea; --preprocess none if it was trained on 0…255)",
        ),
        (
            replace(CONVENTIONS["none"], reason="no idea", instead="unit"),
            None,
            "preprocess none, unsure (no idea; --preprocess unit if it was trained on 0…1)",
        ),
        (
            replace(CONVENTIONS["unit"], reason="no idea", instead="caffe"),
            None,
            "preprocess unit, unsure (no idea; --preprocess caffe may be right)",
        ),
        (
            ir.Preprocessing("mine", reason="x", instead="hers"),
            None,
            "preprocess mine (x; --preprocess overrides)",
        ),
    ],
)
def test_the_note_names_the_one_option_that_changes_it(preprocess, given, expected):
    assert preprocess_note(preprocess, given) == expected


@pytest.mark.parametrize("mode", ["caffe", "torch"])
def test_modes_for_colours_are_refused_for_grey_models_in_options(jlrp, tmp_path, mode):
    nodes = [
        ir.Node("conv", ir.Conv(), ("image",), "conv"),
        ir.Node("gap", ir.GlobalAvgPool(), ("conv",)),
    ]
    params = {"conv": {"kernel": np.ones((3, 3, 1, 2), np.float32)}}
    ir.save(
        ir.Model(ir.Graph(nodes, ["image"], ["gap"]), params, ((None, 8, 8, 1),)),
        tmp_path / "grey.safetensors",
    )
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    result = jlrp("explain", "grey.safetensors", "a.png", "--preprocess", mode)
    assert_refused(
        result,
        f"--preprocess {mode} is for RGB images, and this model takes grey ones: use unit, tf",
    )
