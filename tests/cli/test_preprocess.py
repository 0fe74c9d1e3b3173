"""Preprocessing: the formulas, their bounds, and the guess."""

import numpy as np
import pytest

import ir
from jlrp.cli.images import Frame, frame_of
from jlrp.cli.preprocess import Preprocess, bounds, guess, scaling
from jlrp.cli.program import InputError

RGB, GREY = Frame(1, 2, 3), Frame(1, 2, 1)
PIXELS = np.array([[[[0, 0, 0], [255, 128, 1]]]], np.uint8)


@pytest.mark.parametrize(
    ("mode", "black", "colour"),
    [
        ("caffe", [-103.939, -116.779, -123.68], [1 - 103.939, 128 - 116.779, 255 - 123.68]),
        ("tf", [-1, -1, -1], [1, 128 / 127.5 - 1, 1 / 127.5 - 1]),
        (
            "torch",
            [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225],
            [(1 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (1 / 255 - 0.406) / 0.225],
        ),
        ("unit", [0, 0, 0], [1, 128 / 255, 1 / 255]),
        ("none", [0, 0, 0], [255, 128, 1]),
    ],
)
def test_formulas(mode, black, colour):
    values = scaling(Preprocess(mode), RGB)(PIXELS)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[0, 0], [black, colour], rtol=1e-5)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch", "unit", "none"])
def test_the_formulas_are_those_of_keras(mode, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    utils = pytest.importorskip("keras.src.applications.imagenet_utils")
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    if mode in ("unit", "none"):
        expected = images.astype(np.float32) / (255 if mode == "unit" else 1)
    else:
        expected = utils.preprocess_input(images.astype(np.float32), data_format="channels_last", mode=mode)
    np.testing.assert_allclose(scaling(Preprocess(mode), RGB)(images), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", list(Preprocess))
@pytest.mark.parametrize("channels_first", [False, True])
def test_bounds_hold_all_inputs_and_are_reached(mode, channels_first):
    frame = Frame(1, 2, 3, channels_first)
    low, high = bounds(mode, frame)
    images = np.array([[[[0, 0, 0], [255, 255, 255]]]], np.uint8)
    inputs = frame.to_layout(scaling(mode, frame)(images))[0]
    assert (inputs >= low).all()
    assert (inputs <= high).all()
    np.testing.assert_array_equal(np.broadcast_to(low, inputs.shape).min(), inputs.min())
    np.testing.assert_array_equal(np.broadcast_to(high, inputs.shape).max(), inputs.max())


@pytest.mark.parametrize("mode", ["caffe", "torch"])
def test_modes_for_colours_are_refused_for_grey_models(mode):
    with pytest.raises(InputError, match="grey"):
        scaling(Preprocess(mode), GREY)


@pytest.mark.parametrize(
    ("layers", "mode"),
    [
        (["conv1", "res2a_branch2a"], "caffe"),
        (["conv1_pad", "conv2_block1_1_conv"], "caffe"),
        (["resnet50/conv1_pad", "resnet50/conv2_block1_1_conv"], "caffe"),
        (["block1_conv1", "block1_conv2"], "caffe"),
        (["conv1_pad", "conv2_block1_preact_bn", "conv2_block1_1_conv"], "tf"),
        (["block1_conv1", "block1_conv2", "block2_sepconv1"], "tf"),
        (["conv2_block1_1_conv", "conv2_block1_concat"], "torch"),
        (["conv_dw_1", "conv_pw_1"], "tf"),
        (["rescaling", "stem_conv"], "none"),
        (["efficientnet/rescaling", "stem_conv"], "none"),
        (["convnext_tiny_prestem_normalization"], "none"),
        (["conv2d", "conv2d_1"], "unit"),
    ],
)
def test_the_guess_by_layer_names(layers, mode):
    inputs = ["image", *layers[:-1]]
    nodes = [ir.Node(layer, ir.Relu(), (before,)) for layer, before in zip(layers, inputs, strict=True)]
    graph = ir.Graph(nodes, ["image"], layers[-1:])
    assert guess(graph, RGB)[0] == mode
    if mode != "none":
        assert guess(graph, GREY)[0] == "unit"


@pytest.mark.parametrize(
    ("file", "mode"),
    [
        ("tfkeras2.15.1/mini_app_resnet_v1.full.h5", "caffe"),
        ("keras1.2.2/mini_sequential_k1.full.h5", "unit"),
    ],
)
def test_the_guess_for_files(data, file, mode):
    model = ir.load(data / "keras" / file)
    assert guess(model.graph, frame_of(model))[0] == mode
