"""Preprocessing on the command line: the model's or what is given, and what black and white become."""

from dataclasses import replace

import numpy as np
import pytest

import ir
from ir.preprocessing import CONVENTIONS
from jlrp.cli.images import Frame, frame_of
from jlrp.cli.preprocess import Preprocess, bounds, chosen, note
from jlrp.cli.program import InputError

RGB, GREY = Frame(1, 2, 3), Frame(1, 2, 1)


def model_of(frame, **options):
    graph = ir.Graph([ir.Node("conv", ir.Conv(), ("image",), "conv")], ["image"], ["conv"])
    return ir.Model(graph, {}, ((None, *frame.shape),), **options)


def test_the_ways_are_the_conventions():
    assert [mode.value for mode in Preprocess] == list(CONVENTIONS)


def test_what_is_given_goes_before_what_the_model_says():
    model = model_of(RGB, preprocess=CONVENTIONS["tf"])
    assert chosen(None, model, RGB) is CONVENTIONS["tf"]
    assert chosen(Preprocess.torch, model, RGB) is CONVENTIONS["torch"]
    assert chosen(None, model_of(RGB), RGB).reason == "nothing in the model tells its scale"


@pytest.mark.parametrize(
    ("preprocess", "given", "expected"),
    [
        (CONVENTIONS["torch"], Preprocess.torch, "preprocess torch (as given)"),
        (replace(CONVENTIONS["tf"], reason="by name"), None, "preprocess tf (by name; --preprocess overrides)"),
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
        (ir.Preprocessing("mine", reason="x", instead="hers"), None, "preprocess mine (x; --preprocess overrides)"),
    ],
)
def test_the_note_names_the_one_option_that_changes_it(preprocess, given, expected):
    assert note(preprocess, given) == expected


@pytest.mark.parametrize("mode", list(Preprocess))
@pytest.mark.parametrize("channels_first", [False, True])
def test_bounds_hold_all_inputs_and_are_reached(mode, channels_first):
    frame = Frame(1, 2, 3, channels_first)
    low, high = bounds(CONVENTIONS[mode], frame)
    images = np.array([[[[0, 0, 0], [255, 255, 255]]]], np.uint8)
    inputs = frame.to_layout(CONVENTIONS[mode](images))[0]
    assert (inputs >= low).all()
    assert (inputs <= high).all()
    np.testing.assert_array_equal(np.broadcast_to(low, inputs.shape).min(), inputs.min())
    np.testing.assert_array_equal(np.broadcast_to(high, inputs.shape).max(), inputs.max())


def test_bounds_of_inverted_images():
    low, high = bounds(ir.Preprocessing("negative", mean=(255.0,), divisor=(-255.0,)), GREY)
    assert (low.item(), high.item()) == (0, 1)


@pytest.mark.parametrize("mode", ["caffe", "torch"])
def test_modes_for_colours_are_refused_for_grey_models(mode):
    with pytest.raises(InputError, match=f"--preprocess {mode} is for RGB images, and this model takes grey ones"):
        chosen(Preprocess(mode), model_of(GREY), GREY)


def test_a_model_whose_own_preprocessing_does_not_fit_its_images():
    model = model_of(GREY, preprocess=replace(CONVENTIONS["caffe"], name="mine"))
    with pytest.raises(InputError, match='The model\'s preprocessing "mine" is for RGB images'):
        chosen(None, model, GREY)


@pytest.mark.parametrize(
    ("file", "mode"),
    [
        ("tfkeras2.15.1/mini_app_resnet_v1.full.h5", "caffe"),
        ("keras1.2.2/mini_sequential_k1.full.h5", "unit"),
    ],
)
def test_what_files_say(data, file, mode):
    model = ir.load(data / "keras" / file)
    assert chosen(None, model, frame_of(model)).name == mode
