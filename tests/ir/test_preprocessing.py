"""Preprocessing: the formulas, and how a model's is known."""

from dataclasses import asdict, replace
from json import dumps, loads

import numpy as np
import pytest

import ir
from ir.formats.keras.architectures import ARCHITECTURES
from ir.preprocessing import CONVENTIONS, FAMILIES, preprocessing_of

RGB, GREY = (None, 8, 8, 3), (None, 8, 8, 1)
PIXELS = np.array([[[[0, 0, 0], [255, 128, 1]]]], np.uint8)


def chain(*nodes):
    """A graph of ops one after the other: pairs of a name and an op, or names alone."""
    named = [node if isinstance(node, tuple) else (node, ir.Relu()) for node in nodes]
    reads = ["image", *(name for name, _ in named)]
    return ir.Graph(
        [ir.Node(name, op, (before,)) for (name, op), before in zip(named, reads, strict=False)],
        ["image"],
        [reads[-1]],
    )


# --- formulas
# -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "black", "colour"),
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
def test_formulas(name, black, colour):
    values = CONVENTIONS[name](PIXELS)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[0, 0], [black, colour], rtol=1e-5)


@pytest.mark.parametrize("name", ["caffe", "tf", "torch"])
def test_the_formulas_are_those_of_keras(name, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    utils = pytest.importorskip("keras.src.applications.imagenet_utils")
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    expected = utils.preprocess_input(
        images.astype(np.float32), data_format="channels_last", mode=name
    )
    np.testing.assert_allclose(CONVENTIONS[name](images), expected, rtol=1e-5, atol=1e-5)


def test_images_are_left_as_they_are():
    images = np.full((1, 2, 2, 3), 100.0, np.float32)
    for preprocess in CONVENTIONS.values():
        preprocess(images)
    assert (images == 100).all()


def test_images_of_other_channels_are_refused():
    with pytest.raises(
        ValueError, match=r"'caffe' is for images of 3 channels.*shape \(1, 2, 2, 1\)"
    ):
        CONVENTIONS["caffe"](np.zeros((1, 2, 2, 1)))


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"mean": ()}, "mean as finite numbers"),
        ({"mean": (np.nan,)}, "mean as finite numbers"),
        ({"divisor": (1.0, 0.0, 1.0)}, "cannot divide by 0"),
        ({"mean": (1.0, 2.0), "divisor": (1.0, 2.0, 3.0)}, "not 2 and 3"),
    ],
)
def test_numbers_that_make_no_sense(numbers, words):
    with pytest.raises(ValueError, match=words):
        ir.Preprocessing("mine", **numbers)


@pytest.mark.parametrize("preprocess", CONVENTIONS.values(), ids=CONVENTIONS)
def test_it_survives_json(preprocess):
    assert ir.Preprocessing(**loads(dumps(asdict(preprocess)))) == preprocess


# --- what a model says
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "name", "family"),
    [
        (["conv1", "res2a_branch2a"], "caffe", "ResNet"),
        (["conv1", "res2a_branch2a/linear"], "caffe", "ResNet"),
        (["conv1_pad", "conv2_block1_1_conv"], "caffe", "ResNet"),
        (["resnet50/conv1_pad", "resnet50/conv2_block1_1_conv"], "caffe", "ResNet"),
        (["block1_conv1", "block1_conv2"], "caffe", "VGG"),
        (["conv1_pad", "conv2_block1_preact_bn", "conv2_block1_1_conv"], "tf", "ResNetV2"),
        (["conv2_block1_1_conv", "conv2_block1_2_reduce"], "torch", "ResNeXt"),
        (["block1_conv1", "block1_conv2", "block2_sepconv1"], "tf", "Xception"),
        (["conv2_block1_1_conv", "conv2_block1_concat"], "torch", "DenseNet"),
        (["conv_dw_1", "conv_pw_1"], "tf", "MobileNet"),
        (["Conv1", "expanded_conv_depthwise"], "tf", "MobileNetV2"),
        (["conv", "expanded_conv_depthwise", "expanded_conv_project_bn"], "tf", "MobileNetV3"),
        (["Conv", "expanded_conv/depthwise", "expanded_conv/project"], "tf", "MobileNetV3"),
        (["stem_conv", "block1a_dwconv", "block1a_project_conv"], "torch", "EfficientNet"),
        (["stem_conv", "block1a_project_conv"], "tf", "EfficientNetV2"),
        (
            ["convnext_tiny_stem", "convnext_tiny_stage_0_block_0_depthwise_conv"],
            "torch",
            "ConvNeXt",
        ),
        (["regnetx002_stem_conv", "regnetx002_Stage_0_XBlock_0_conv_1x1_1"], "unit", "RegNet"),
        (["stem_1_stem_conv_1"], "torch", "ResNetRS"),
    ],
)
def test_families_are_known_by_their_layers_names(layers, name, family):
    found = preprocessing_of(chain(*layers), [RGB])
    assert (found.name, found.reason) == (name, f"layer names as in Keras's {family}")
    assert replace(found, reason="as given") == CONVENTIONS[name]
    assert preprocessing_of(chain(*layers), [GREY]).name == "unit"


BGR = ir.Slice(((None, None, None), (None, None, None), (None, None, -1)))


@pytest.mark.parametrize("before", [[], [("bgr", BGR)], [("resized", ir.Resize((4, 4)))]])
def test_models_that_scale_their_input_themselves(before):
    """The numbers go before the names of layers."""
    found = preprocessing_of(chain(*before, ("s", ir.Rescale(1 / 255)), "res2a_branch2a"), [RGB])
    assert (found.name, found.reason) == (
        "none",
        "its first layers bring 0…255 to 0.0…1.0 (Rescale)",
    )
    assert found.sure


def test_scaling_by_numbers_that_are_not_known():
    found = preprocessing_of(chain(("s", ir.Standardize()), "res2a_branch2a"), [RGB])
    assert (found.name, found.instead) == ("none", "unit")
    assert (
        found.reason
        == "its first layers scale it by numbers that are not known or not finite (Standardize)"
    )


@pytest.mark.parametrize("scaling", [ir.Scale(), ir.Rescale(), ir.Rescale(1.001)])
def test_scaling_that_changes_nothing(scaling):
    assert preprocessing_of(chain(("s", scaling), "res2a_branch2a"), [RGB]).name == "caffe"


def test_scaling_deeper_inside_is_none_of_the_input():
    assert (
        preprocessing_of(chain(("conv", ir.Conv()), ("s", ir.Rescale(0.2))), [RGB]).name == "unit"
    )


@pytest.mark.parametrize(
    ("shapes", "name", "instead", "reason"),
    [
        ([RGB], "unit", "none", "nothing in the model tells its scale"),
        ([(None, None, None, None)], "unit", "none", "nothing in the model tells its scale"),
        (
            [GREY],
            "unit",
            "none",
            "the model takes grey images, and nothing in the model tells its scale",
        ),
        (
            [(None, 8, 8, 12)],
            "unit",
            "none",
            "the model takes images of 12 channels, and nothing in the model tells",
        ),
        (
            [(None, 784)],
            "none",
            None,
            "the model takes rows of numbers, of shape (784,), not images",
        ),
        ([(None, 64, 3)], "none", None, "the model takes signals of shape (64, 3), not images"),
        (
            [(None, 6, 8, None, 1)],
            "none",
            None,
            "the model takes volumes or videos of shape (6, 8, ?, 1), not images",
        ),
        ([(None,)], "none", None, "the model takes inputs of shape (), not images"),
        ([], "none", None, "the model takes no images"),
    ],
)
def test_models_of_no_family(shapes, name, instead, reason):
    found = preprocessing_of(chain("dense"), shapes)
    assert (found.name, found.instead) == (name, instead)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("architecture", "name"),
    [
        ("resnet50", "caffe"),
        ("resnet50v2", "tf"),
        ("vgg16", "caffe"),
        ("densenet121", "torch"),
        ("mobilenet", "tf"),
        ("nasnetlarge", "tf"),
        ("inceptionresnetv2", "tf"),
    ],
)
def test_an_architecture_by_name(architecture, name):
    found = preprocessing_of(chain("convolution2d_1"), [RGB], architecture)
    assert (found.name, found.reason) == (name, f"the architecture is {architecture}")
    assert preprocessing_of(chain("convolution2d_1"), [GREY], architecture).name == "unit"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_known_by_the_names_of_its_layers(name):
    """And by them as what its own name says."""
    spec = next(iter(ARCHITECTURES[name].variants.values()))(None, 3)
    by_layers = preprocessing_of(chain(*(layer.name for layer in spec.layers[1:])), [RGB])
    by_name = preprocessing_of(chain("layer"), [RGB], name)
    assert by_layers.reason.startswith("layer names as in Keras's ")
    assert by_layers.name == by_name.name
    family = by_layers.reason.removeprefix("layer names as in Keras's ")
    assert name.startswith(family.lower().removesuffix("v2"))


def test_matrices_may_be_images_or_signals():
    found = preprocessing_of(
        ir.Graph([ir.Node("flat", ir.Flatten(), ("x",))], ["x"], ["flat"]), [(None, 28, 28)]
    )
    assert (found.name, found.instead) == ("none", "unit")
    assert found.reason == "inputs of shape (28, 28) may be grey images or signals"


def test_families_need_conventions_that_there_are():
    assert {family.convention for family in FAMILIES} <= set(CONVENTIONS)


# --- the model's own
# ----------------------------------------------------------------------------------------------


def test_a_model_knows_its_preprocessing():
    graph = chain("block1_conv1", "block1_conv2")
    assert ir.Model(graph, {}, (RGB,)).preprocess.name == "caffe"
    assert ir.Model(graph, {}, (RGB,), {"architecture": "xception"}).preprocess.name == "tf"
    mine = ir.Preprocessing("mine", divisor=(2.0,))
    given = ir.Model(graph, {}, (RGB,), preprocess=mine)
    assert given.preprocess is mine
    assert replace(given, params={"a": {}}).preprocess is mine


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tfkeras2.15.1/mini_app_resnet_v1.full.h5", "caffe"),
        ("keras1.2.2/mini_sequential_k1.full.h5", "unit"),
        ("keras3.15.1/mini_inmodel_preprocessing.keras", "none"),
        ("tfkeras2.15.1/mini_inmodel_preprocessing.full.h5", "none"),
        ("tfkeras2.15.1/mini_rescale_norm.full.h5", "none"),
        ("tfkeras2.15.1/mini_app_convnext.full.h5", "none"),
        ("tfkeras2.15.1/mini_app_densenet.full.h5", "torch"),
        ("tfkeras2.15.1/mini_app_efficientnet.full.h5", "none"),
        ("tfkeras2.15.1/mini_app_efficientnetv2.full.h5", "none"),
        ("tfkeras2.15.1/mini_app_mobilenet_a25.full.h5", "tf"),
        ("tfkeras2.15.1/mini_app_mobilenetv2_a35.full.h5", "tf"),
        ("tfkeras2.15.1/mini_app_mobilenetv3small.full.h5", "none"),
        ("tfkeras2.15.1/mini_app_nasnet.full.h5", "tf"),
        ("tfkeras2.15.1/mini_app_regnet_x.full.h5", "none"),
        ("tfkeras2.15.1/mini_app_resnet_rs.full.h5", "none"),
        ("tfkeras2.15.1/mini_app_resnet_v2.full.h5", "tf"),
    ],
)
def test_models_from_files(data, file, name):
    assert ir.load(data / "keras" / file).preprocess.name == name
