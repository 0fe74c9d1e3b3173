"""Weights alone of ResNet-50, -101 and -152, in every layout in which they were published."""

import os

import numpy as np
import pytest

import ir
from ir.formats.keras.architectures import ARCHITECTURES, Head
from jlrp import forward
from tests.keras_files import weights_file
from tests.keras_models import drawn_by_numpy

ROLES_2016 = {
    "kernel": "W",
    "bias": "b",
    "moving_mean": "running_mean",
    "moving_variance": "running_std",
}
"""Keras 1's names; `running_std` holds the variance."""


def names_2016(layer, role, suffix):
    return f"{layer}_{ROLES_2016.get(role, role)}{suffix}:0"


def names_2019(layer, role, suffix):
    return f"{layer}/{role}:0"


def layers_2016(top):
    """The layers of the files of 2016 in the files' order, with the shapes of their arrays."""
    layers, merges, activations = [], 0, 1

    def conv(name, *shape):
        layers.append((name, {"kernel": shape, "bias": shape[-1:]}))

    def norm(name, channels):
        layers.append(
            (name, dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (channels,)))
        )

    def plain(name):
        layers.append((name, {}))

    def activation():
        nonlocal activations
        plain(f"activation_{activations}")
        activations += 1

    plain("input_1")
    plain("zeropadding2d_1")
    conv("conv1", 7, 7, 3, 64)
    norm("bn_conv1", 64)
    activation()
    plain("maxpooling2d_1")
    inputs = 64
    for stage, (letters, width) in enumerate(
        zip(("abc", "abcd", "abcdef", "abc"), (64, 128, 256, 512), strict=True), 2
    ):
        for letter in letters:
            name = f"{stage}{letter}_branch"
            conv(f"res{name}2a", 1, 1, inputs, width)
            norm(f"bn{name}2a", width)
            activation()
            conv(f"res{name}2b", 3, 3, width, width)
            norm(f"bn{name}2b", width)
            activation()
            conv(f"res{name}2c", 1, 1, width, 4 * width)
            if letter == "a":
                conv(f"res{name}1", 1, 1, inputs, 4 * width)
            norm(f"bn{name}2c", 4 * width)
            if letter == "a":
                norm(f"bn{name}1", 4 * width)
            inputs = 4 * width
            merges += 1
            plain(f"merge_{merges}")
            activation()
    plain("avg_pool")
    if top:
        plain("flatten_1")
        layers.append(("fc1000", {"kernel": (2048, 1000), "bias": (1000,)}))
    return layers


def layers_2019(top, name="resnet50"):
    """The layers of the files of 2019, which are those of our architecture.

    Another test compares it with Keras's.
    """
    spec = ARCHITECTURES[name].variants["resnet_common"](Head("probs", 1000) if top else None, 3)
    channels, layers = {spec.layers[0].name: 3}, []
    for layer in spec.layers[1:]:
        before = channels[layer.calls[0].tensors[0].layer]
        units = layer.config.get("filters", layer.config.get("units", before))
        channels[layer.name] = units
        shapes = {}
        if layer.class_name == "Conv2D":
            window = (layer.config["kernel_size"],) * 2
            shapes = {"kernel": (*window, before, units), "bias": (units,)}
        elif layer.class_name == "Dense":
            shapes = {"kernel": (before, units), "bias": (units,)}
        elif layer.class_name == "BatchNormalization":
            shapes = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (units,))
        layers.append((layer.name, shapes))
    return [(spec.layers[0].name, {}), *layers]


def written(path, layers, named, suffix="", **attributes):
    """Write random arrays of these shapes and return them as `{layer: {role: array}}`."""
    rng = np.random.default_rng(0)
    arrays = {n: {r: rng.random(s, np.float32) for r, s in shapes.items()} for n, shapes in layers}
    weights_file(
        path,
        {n: {named(n, r, suffix): a for r, a in roles.items()} for n, roles in arrays.items()},
        **attributes,
    )
    return {name: roles for name, roles in arrays.items() if roles}


def assert_same_arrays(params, arrays):
    assert list(params) == list(arrays) or set(params) == set(arrays)
    for name, roles in arrays.items():
        assert set(params[name]) == set(roles), name
        for role, array in roles.items():
            np.testing.assert_array_equal(params[name][role], array, err_msg=f"{name} {role}")


def pooled_before(graph):
    """What the pooling after the first activation reads."""
    return graph[next(n.name for n in graph.nodes if isinstance(n.op, ir.MaxPool))].inputs[0]


# --- the architectures themselves
# ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "top", "count"),
    [("keras1", True, 177), ("keras2.2.4", True, 177), ("keras1", False, 175)],
)
def test_layers_are_those_of_keras_in_its_order(variant, top, count):
    spec = ARCHITECTURES["resnet50"].variants[variant](Head("fc1000", 1000) if top else None, 3)
    ours = [
        layer.name
        for layer in spec.layers
        if layer.class_name in ("Conv2D", "BatchNormalization", "Dense")
    ]
    assert len(spec.layers) == count
    assert ours == [name for name, shapes in layers_2016(top) if shapes]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"), [("ResNet50", 177), ("ResNet101", 347), ("ResNet152", 517)]
)
def test_resnet_common_has_the_layers_of_keras_applications(name, count):
    keras = imported_keras()
    ours = ARCHITECTURES[name.lower()].variants["resnet_common"](Head("predictions", 1000), 3)
    with keras.StatelessScope(initialize_variables=False):
        theirs = getattr(keras.applications, name)(weights=None)
    assert len(ours.layers) == count
    assert [layer.name for layer in ours.layers[1:]] == [layer.name for layer in theirs.layers[1:]]
    assert [layer.class_name for layer in ours.layers] == [
        type(layer).__name__ for layer in theirs.layers
    ]


# --- files
# --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["keras1", pytest.param(None, marks=pytest.mark.slow)])
def test_the_file_of_2016(tmp_path, variant):
    arrays = written(tmp_path / "w.h5", layers_2016(top=True), names_2016)
    model = ir.load(tmp_path / "w.h5", architecture="resnet50", variant=variant)
    assert_same_arrays(model.params, arrays)
    graph = model.graph
    assert model.source["variant"] == (variant or "keras2.2.4")
    assert model.input_shapes == ((None, 224, 224, 3),)
    assert graph.outputs == ("fc1000",)
    assert isinstance(graph["fc1000"].op, ir.Softmax)
    assert {n.op.epsilon for n in graph.nodes if isinstance(n.op, ir.BatchNorm)} == {1e-3}
    if variant == "keras1":
        assert pooled_before(graph) == "activation_1"
        assert model.shapes["maxpooling2d_1"] == (None, 55, 55, 64)
        assert graph["merge_1"].inputs == ("bn2a_branch2c", "bn2a_branch1"), "names are the file's"
        assert graph["fc1000/linear"].inputs == ("flatten_1",)
    else:
        assert pooled_before(graph) == "pool1_pad"
        assert model.shapes["max_pooling2d_1"] == (None, 56, 56, 64)
        assert isinstance(graph["avg_pool"].op, ir.GlobalAvgPool)


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "output"), [("keras1", "avg_pool"), (None, "activation_49")])
def test_the_file_of_2016_without_top(tmp_path, variant, output):
    arrays = written(tmp_path / "w.h5", layers_2016(top=False), names_2016, suffix="_1")
    model = ir.load(tmp_path / "w.h5", architecture="resnet50", variant=variant)
    assert_same_arrays(model.params, arrays)
    assert model.input_shapes == ((None, None, None, 3),)
    assert model.graph.outputs == (output,)


@pytest.mark.slow
@pytest.mark.parametrize("top", [True, False])
def test_the_files_of_2019(tmp_path, top):
    arrays = written(
        tmp_path / "w.h5", layers_2019(top), names_2019, keras_version="2.2.4", backend="tensorflow"
    )
    model = ir.load(tmp_path / "w.h5", architecture="resnet50")
    assert_same_arrays(model.params, arrays)
    assert model.source["variant"] == "resnet_common"
    assert model.graph.outputs == ("probs" if top else "conv5_block3_out",)
    assert {n.op.epsilon for n in model.graph.nodes if isinstance(n.op, ir.BatchNorm)} == {1.001e-5}
    assert model.graph["conv2_block1_add"].inputs == ("conv2_block1_0_bn", "conv2_block1_3_bn")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet101", "resnet152"])
def test_the_deeper_ones(tmp_path, name):
    arrays = written(tmp_path / "w.h5", layers_2019(True, name), names_2019)
    assert_same_arrays(ir.load(tmp_path / "w.h5", architecture=name).params, arrays)


@pytest.mark.slow
def test_names_of_their_own_are_matched_in_order(tmp_path):
    """Weights whose layers Keras numbered.

    In order, if every shape fits, under the file's names.
    """
    layers = [(f"layer_{i}", shapes) for i, (_, shapes) in enumerate(layers_2019(top=True))]
    arrays = written(tmp_path / "w.h5", layers, names_2019)
    model = ir.load(tmp_path / "w.h5", architecture="resnet50", variant="resnet_common")
    assert_same_arrays(model.params, arrays)
    assert "layer_1" in model.graph


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself
def test_logits_are_those_of_keras(tmp_path):
    keras = imported_keras()
    import h5py
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    with drawn_by_numpy():
        theirs = keras.applications.ResNet50(weights=None, classes=20, classifier_activation=None)
    rng = np.random.default_rng(0)
    for layer in theirs.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = (w.shape for w in layer.weights)
            layer.set_weights(
                [
                    rng.uniform(0.3, 0.8, gamma),
                    rng.normal(0, 0.1, beta),
                    rng.normal(0, 0.1, mean),
                    rng.uniform(0.5, 1.5, variance),
                ]
            )
    with h5py.File(tmp_path / "w.h5", "w") as file:
        save_weights_to_hdf5_group(file, theirs)
    model = ir.load(tmp_path / "w.h5", architecture="resnet50")
    images = rng.uniform(-120, 120, (2, 224, 224, 3)).astype(np.float32)
    expected = theirs.predict(images, verbose=0)
    _, layers = forward(model.graph, model.params, images, record=("predictions/linear",))
    found = np.asarray(layers["predictions/linear"])
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


# --- what does not fit
# --------------------------------------------------------------------------------------------

SMALL = {"kernel": (7, 7, 3, 8), "bias": (8,)}


def refused(tmp_path, layers, named=names_2019, **options):
    written(tmp_path / "w.h5", layers, named)
    with pytest.raises(ir.LoadError) as caught:
        ir.load(tmp_path / "w.h5", **{"architecture": "resnet50", **options})
    return str(caught.value)


def in_theanos_order(layers):
    """The layers with kernels (out, in, height, width)."""
    return [
        (n, {r: (s[3], s[2], *s[:2]) if len(s) == 4 else s for r, s in shapes.items()})
        for n, shapes in layers
    ]


def test_kernels_in_theanos_order_need_a_word_on_whether_they_are_mirrored(tmp_path):
    message = refused(tmp_path, in_theanos_order(layers_2016(top=True)), names_2016)
    assert "Theano's order" in message
    assert "kernels='theano'" in message
    message = refused(
        tmp_path, in_theanos_order(layers_2016(top=True)), names_2016, kernels="caffe"
    )
    assert "kernels='caffe'" in message


@pytest.mark.slow
@pytest.mark.parametrize(("kernels", "step"), [("theano", -1), ("tensorflow", 1)])
def test_kernels_in_theanos_order(tmp_path, kernels, step):
    arrays = written(tmp_path / "w.h5", in_theanos_order(layers_2016(top=False)), names_2016)
    model = ir.load(tmp_path / "w.h5", architecture="resnet50", kernels=kernels)
    for name in ("conv1", "res3a_branch2b"):
        expected = arrays[name]["kernel"].transpose(2, 3, 1, 0)[::step, ::step]
        np.testing.assert_array_equal(model.params[name]["kernel"], expected)


def test_the_weights_of_another_architecture_are_refused(tmp_path):
    message = refused(
        tmp_path, [("conv1_conv", SMALL), ("conv2_block1_1_conv", SMALL), ("extra", SMALL)]
    )
    assert (
        "is not of resnet50 (resnet_common): it holds the weights of 3 layers, but its configuration needs"
        in message
    )
    assert "only in the file: extra" in message
    assert "only in the architecture: conv1_bn" in message


def test_a_layer_of_another_shape_is_named(tmp_path):
    layers = [(n, s if n == "conv1" else dict.fromkeys(s, (1,))) for n, s in layers_2016(top=False)]
    message = refused(tmp_path, layers, names_2016)
    assert "kernel of shape (1,) for the layer 'res2a_branch2a' (Conv2D)" in message
    assert "needs (1, 1, any, 64)" in message


@pytest.mark.slow
def test_the_file_of_2016_is_not_of_resnet_common(tmp_path):
    """The counts agree, but the shortcut stands elsewhere in the order."""
    message = refused(tmp_path, layers_2016(top=True), names_2016, variant="resnet_common")
    assert "do not fit" in message


def test_names_that_tell_no_variant(tmp_path):
    message = refused(tmp_path, [("a", SMALL)])
    assert "variant=" in message
    assert "'keras2.2.4', 'keras1', 'resnet_common'" in message


def test_lettered_names_are_of_resnet50_only(tmp_path):
    message = refused(
        tmp_path,
        [("conv1", SMALL), ("res2a_branch2a", SMALL)],
        names_2016,
        architecture="resnet101",
    )
    assert "is not of resnet101 (resnet_common)" in message


def test_convolutions_without_bias_are_of_no_variant(tmp_path):
    layers = [
        (n, {r: s for r, s in shapes.items() if r != "bias"})
        for n, shapes in layers_2016(top=False)
    ]
    message = refused(tmp_path, layers, names_2016)
    assert "holds 1 array (conv1_W:0) for the layer 'conv1' (Conv2D)" in message
    assert "2 arrays (kernel, bias)" in message


def test_a_file_without_arrays(tmp_path):
    assert "no weights" in refused(tmp_path, [("conv1", {})])


def imported_keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras")
