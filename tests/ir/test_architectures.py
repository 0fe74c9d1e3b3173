"""The architectures that have names: what each is built of, and that Keras builds the same."""

import os

import pytest

from ir.errors import LoadError
from ir.formats.keras.architectures import ARCHITECTURES, Head, check_choice
from ir.formats.keras.architectures.applications import VARIANTS
from ir.formats.keras.config import model_spec, parse

BUILDS = [(name, variant) for name, each in ARCHITECTURES.items() for variant in each.variants]
CLASSIFIERS = {"Dense": "units", "Conv2D": "filters"}

SMALLEST = [
    ("VGG16", "keras", {}),
    ("ResNet50V2", "keras", {}),
    ("InceptionV3", "keras", {}),
    ("InceptionResNetV2", "keras", {}),
    ("Xception", "keras", {}),
    ("MobileNet", "0.25", {"alpha": 0.25}),
    ("MobileNetV2", "0.35", {"alpha": 0.35}),
    ("MobileNetV3Small", "0.75", {"alpha": 0.75}),
    ("MobileNetV3Small", "minimalistic", {"minimalistic": True}),
    ("MobileNetV3Large", "1.0", {}),
    ("DenseNet121", "keras", {}),
    ("NASNetMobile", "keras", {}),
    ("EfficientNetB0", "scratch", {}),
    ("EfficientNetV2B0", "keras", {}),
    ("EfficientNetV2S", "keras", {}),
    ("ConvNeXtTiny", "keras", {}),
]


def built(name, variant, head=None, channels=3):
    return ARCHITECTURES[name].variants[variant](head, channels)


def classifier(spec):
    """The last layer with weights."""
    return [layer for layer in spec.layers if layer.class_name in CLASSIFIERS][-1]


@pytest.mark.parametrize(("name", "variant"), BUILDS)
def test_every_build_has_layers_with_names_of_their_own(name, variant):
    for spec in (built(name, variant), built(name, variant, Head(None, 7))):
        names = [layer.name for layer in spec.layers]
        assert len(set(names)) == len(names) > 15
        assert {tensor.layer for tensor in (*spec.inputs, *spec.outputs)} <= set(names)
        assert [layer.name for layer in spec.layers if layer.class_name == "InputLayer"] == [
            spec.inputs[0].layer
        ]


@pytest.mark.parametrize(("name", "variant"), BUILDS)
def test_the_head_has_the_classes_and_the_name_asked_for(name, variant):
    top = built(name, variant, Head("classes", 7))
    last = classifier(top)
    assert last.name == "classes"
    assert last.config[CLASSIFIERS[last.class_name]] == 7


@pytest.mark.parametrize(("name", "variant"), BUILDS)
def test_without_a_head_images_may_have_any_size(name, variant):
    spec = built(name, variant)
    shapes = [
        layer.config["batch_shape"] for layer in spec.layers if layer.class_name == "InputLayer"
    ]
    assert [tuple(shape) for shape in shapes] == [(None, None, None, 3)]


def test_the_reshape_of_a_convolutional_classifier_has_the_classes_too():
    layers = {layer.name: layer for layer in built("mobilenet", "1.0", Head(None, 7)).layers}
    assert layers["conv_preds"].config["filters"] == 7
    assert layers["reshape_2"].config["target_shape"] == [7]
    assert layers["reshape_2"].calls[0].tensors[0].layer == "conv_preds"


def test_a_renamed_classifier_is_read_by_its_new_name():
    layers = {layer.name: layer for layer in built("mobilenet", "1.0", Head("mine", 7)).layers}
    assert layers["reshape_2"].calls[0].tensors[0].layer == "mine"
    assert built("vgg16", "keras", Head("mine", 7)).outputs[0].layer == "mine"


@pytest.mark.parametrize(
    ("name", "size"), [("vgg16", 224), ("mobilenetv3small", 224), ("efficientnetv2s", 384)]
)
def test_images_of_other_channels(name, size):
    top, notop = (
        built(name, next(iter(ARCHITECTURES[name].variants)), head, 1)
        for head in (Head(None, 7), None)
    )
    assert top.layers[0].config["batch_shape"] == [None, size, size, 1]
    assert notop.layers[0].config["batch_shape"] == [None, None, None, 1]


@pytest.mark.parametrize(
    ("name", "variant"),
    [("efficientnetb0", "imagenet"), ("efficientnetv2b0", "keras"), ("convnexttiny", "keras")],
)
def test_networks_that_scale_colours_apart_take_no_other_channels(name, variant):
    with pytest.raises(LoadError, match=r"4 channels.*red, green and blue.*save the whole model"):
        built(name, variant, channels=4)
    assert built("efficientnetb0", "scratch", channels=4)


def test_an_unknown_architecture_is_told_what_it_may_mean():
    with pytest.raises(LoadError, match="such as 'efficientnetb0'"):
        check_choice("EfficientNet-B0", None)
    with pytest.raises(LoadError, match=r"no variant '0\.3': give one of '1\.0'"):
        check_choice("mobilenet", "0.3")


def test_the_published_efficientnets_divide_once_more():
    imagenet, scratch = (
        built("efficientnetb0", variant).layers for variant in ("imagenet", "scratch")
    )
    (more,) = {layer.name for layer in imagenet} - {layer.name for layer in scratch}
    assert more == "rescaling_1"
    scale = next(layer.config["scale"] for layer in imagenet if layer.name == more)
    assert scale == pytest.approx([0.229**-0.5, 0.224**-0.5, 0.225**-0.5])


# --- against Keras
# ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "variant", "options"),
    SMALLEST,
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("top", [True, False])
def test_keras_builds_the_same(name, variant, options, top):
    keras = imported_keras()
    keras.backend.clear_session()
    if not top:
        options = {**options, "include_top": False, "input_shape": (None, None, 3)}
    elif name.startswith("MobileNetV3"):
        options = {**options, "input_shape": (224, 224, 3)}
    with keras.StatelessScope(initialize_variables=False):
        model = getattr(keras.applications, name)(weights=None, **options)
    ours = built(name.lower(), variant, Head(None, 1000) if top else None)
    theirs = model_spec(parse(model.to_json()), keras_version=3)
    kept = {layer.name for layer in model.layers}
    assert [layer.name for layer in ours.layers if layer.name in kept] == [
        layer.name for layer in model.layers
    ]
    assert_same(ours, theirs)


def assert_same(ours, theirs):
    """Layers, connections, and of the configurations all that ours has."""
    assert ours.inputs == theirs.inputs
    assert ours.outputs == theirs.outputs
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    for mine, other in zip(ours.layers, theirs.layers, strict=True):
        assert mine.class_name == other.class_name, mine.name
        assert [call.tensors for call in mine.calls] == [call.tensors for call in other.calls], (
            mine.name
        )
        assert [call.constants for call in mine.calls] == [
            call.constants for call in other.calls
        ], mine.name
        if mine.model is not None:
            assert_same(mine.model, other.model)
        else:
            assert mine.config == {key: other.config[key] for key in mine.config}, mine.name


@pytest.mark.slow
def test_every_network_of_keras_has_a_name():
    keras = imported_keras()
    builders = {name.lower() for name in dir(keras.applications) if name[0].isupper()}
    assert builders == set(ARCHITECTURES)
    assert set(VARIANTS) < builders


def imported_keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras")
