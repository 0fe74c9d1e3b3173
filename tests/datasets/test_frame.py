"""What images a model takes: size, channels, layout, and what black and white become."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

import ir
from ir.preprocessing import CONVENTIONS
from jlrp.cli import options
from jlrp.datasets import DataError, Frame, frame_of
from jlrp.datasets.frame import Resize

RGB, GREY = Frame(4, 6, 3), Frame(4, 6, 1)


def model_of(shape: ir.Shape, op: ir.Op | None = None, **more) -> ir.Model:
    return ir.Model(
        ir.Graph([ir.Node("a", op or ir.Relu(), ("x",))], ["x"], ["a"]), {}, (shape,), **more
    )


def of_frame(frame: Frame, **more) -> ir.Model:
    graph = ir.Graph([ir.Node("conv", ir.Conv(), ("image",), "conv")], ["image"], ["conv"])
    return ir.Model(graph, {}, ((None, *frame.shape),), **more)


def sides(*given, **options) -> tuple[int, int, int, bool]:
    found = frame_of(*given, **options)
    return found.height, found.width, found.channels, found.channels_first


def test_a_frame_from_a_model():
    assert sides(model_of((None, 8, 9, 3))) == (8, 9, 3, False)
    assert sides(model_of((None, None, 9, 1)), (7, 9)) == (7, 9, 1, False)
    assert sides(model_of((None, None, None, 3)), 12) == (12, 12, 3, False)
    first = ir.MaxPool(data_format="channels_first")
    assert sides(model_of((None, 3, 8, 8), first)) == (8, 8, 3, True)
    assert sides(model_of((None, 3, 8, 9))) == (8, 9, 3, True)
    assert sides(model_of((None, 3, 8, 3), ir.MaxPool())) == (3, 8, 3, False)
    moved = ir.Permute((3, 1, 2))
    graph = ir.Graph(
        [ir.Node("moved", moved, ("x",)), ir.Node("pool", first, ("moved",))], ["x"], ["pool"]
    )
    assert sides(ir.Model(graph, {}, ((None, 8, 9, 3),))) == (8, 9, 3, False)


@pytest.mark.parametrize(
    ("shape", "size", "words"),
    [
        ((None, 8), None, "no images"),
        ((None, 8, 8, 4), None, "4 channels"),
        ((None, 8, 8, None), None, "any number of channels"),
        ((None, None, 8, 3), None, r"choose one, such as size=224 or size=\(224, 320\)"),
        (
            (None, None, 8, 3),
            9,
            "size=9 does not fit the model, which takes images of any x 8 pixels",
        ),
        ((None, None, None, 3), -3, "no size"),
        ((None, None, None, 3), (3, 4, 5), "no size"),
        ((None, None, None, 3), 99999999, "no size"),
        ((None, None, None, 3), "12", "no size"),
    ],
)
def test_models_and_sizes_that_do_not_fit(shape, size, words):
    with pytest.raises(DataError, match=words):
        frame_of(model_of(shape), size)


def test_a_model_of_two_images_is_refused():
    graph = ir.Graph([ir.Node("a", ir.Add(), ("x", "y"))], ["x", "y"], ["a"])
    with pytest.raises(DataError, match="2 inputs"):
        frame_of(ir.Model(graph, {}, ((None, 8, 8, 3),) * 2))


def test_layouts():
    images = np.arange(2 * 4 * 6 * 3, dtype=np.float32).reshape(2, 4, 6, 3)
    assert RGB.shape == RGB.to_layout(images).shape[1:]
    first = Frame(4, 6, 3, channels_first=True)
    assert first.shape == (3, 4, 6)
    np.testing.assert_array_equal(first.to_layout(images), images.transpose(0, 3, 1, 2))


# --- preprocessing


def test_the_words_are_those_of_the_command_line():
    assert list(get_args(options.Preprocess)) == list(CONVENTIONS)
    assert get_args(options.Resize) == get_args(Resize)
    with pytest.raises(DataError, match="There is no preprocess='cafe': it is one of 'caffe'"):
        frame_of(of_frame(RGB), preprocess="cafe")
    with pytest.raises(DataError, match="There is no resize='cubic': it is one of 'nearest'"):
        frame_of(of_frame(RGB), resize="cubic")


def test_what_is_given_goes_before_what_the_model_says():
    model, mine = of_frame(RGB, preprocess=CONVENTIONS["tf"]), ir.Preprocessing("mine")
    assert frame_of(model).preprocess is CONVENTIONS["tf"]
    assert frame_of(model, preprocess="torch").preprocess is CONVENTIONS["torch"]
    assert frame_of(model, preprocess=mine).preprocess is mine
    assert frame_of(of_frame(RGB)).preprocess.reason == "nothing in the model tells its scale"


@pytest.mark.parametrize("mode", list(CONVENTIONS))
@pytest.mark.parametrize("channels_first", [False, True])
def test_bounds_hold_all_inputs_and_are_reached(mode, channels_first):
    frame = Frame(1, 2, 3, channels_first, CONVENTIONS[mode])
    low, high = frame.bounds
    images = np.array([[[[0, 0, 0], [255, 255, 255]]]], np.uint8)
    inputs = frame.prepare(images)[0]
    assert (inputs >= low).all()
    assert (inputs <= high).all()
    np.testing.assert_array_equal(np.broadcast_to(low, inputs.shape).min(), inputs.min())
    np.testing.assert_array_equal(np.broadcast_to(high, inputs.shape).max(), inputs.max())


def test_bounds_of_inverted_images():
    negative = ir.Preprocessing("negative", mean=(255.0,), divisor=(-255.0,))
    low, high = replace(GREY, preprocess=negative).bounds
    assert (low.item(), high.item()) == (0, 1)


@pytest.mark.parametrize("mode", ["caffe", "torch"])
def test_modes_for_colours_are_refused_for_grey_models(mode):
    with pytest.raises(
        DataError, match=f"preprocess='{mode}' is for RGB images, and this model takes grey ones"
    ):
        frame_of(of_frame(GREY), preprocess=mode)


def test_a_model_whose_own_preprocessing_does_not_fit_its_images():
    model = of_frame(GREY, preprocess=replace(CONVENTIONS["caffe"], name="mine"))
    with pytest.raises(DataError, match='The model\'s preprocessing "mine" is for RGB images'):
        frame_of(model)


@pytest.mark.parametrize(
    ("file", "mode"),
    [
        ("tfkeras2.15.1/mini_app_resnet_v1.full.h5", "caffe"),
        ("keras1.2.2/mini_sequential_k1.full.h5", "unit"),
    ],
)
def test_what_files_say(data, file, mode):
    assert frame_of(ir.load(data / "keras" / file)).preprocess.name == mode
