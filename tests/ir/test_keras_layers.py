"""The ordinary layers of user models, each saved by Keras and compared with what Keras computes.

Own layers.
"""

import os

import jax
import numpy as np
import pytest

import ir
import ir.keras
import jlrp
from tests.keras_files import saved, sequential

os.environ.setdefault("KERAS_BACKEND", "jax")

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]

IMAGES, SERIES, VOLUMES = (8, 8, 3), (9, 4), (6, 6, 6, 2)

LAYERS = {
    "Conv1D causal": (
        SERIES,
        lambda k: k.Conv1D(5, 3, padding="causal", dilation_rate=2, activation="elu"),
    ),
    "Conv3D": (VOLUMES, lambda k: k.Conv3D(3, 2, strides=2, padding="same")),
    "Conv2D grouped": ((8, 8, 4), lambda k: k.Conv2D(6, 3, groups=2, activation="mish")),
    "Conv2D as depthwise": (
        (8, 8, 4),
        lambda k: k.Conv2D(8, 5, groups=4, padding="same", strides=2),
    ),
    "DepthwiseConv1D": (
        SERIES,
        lambda k: k.DepthwiseConv1D(3, depth_multiplier=2, activation="hard_silu"),
    ),
    "DepthwiseConv2D dilated": (
        IMAGES,
        lambda k: k.DepthwiseConv2D(3, dilation_rate=2, depth_multiplier=2),
    ),
    "SeparableConv1D": (SERIES, lambda k: k.SeparableConv1D(5, 3, activation="softsign")),
    "Conv1DTranspose": (SERIES, lambda k: k.Conv1DTranspose(5, 3, strides=2)),
    "Conv2DTranspose": (IMAGES, lambda k: k.Conv2DTranspose(5, 3, strides=2, padding="same")),
    "Conv3DTranspose": (VOLUMES, lambda k: k.Conv3DTranspose(2, 3, strides=2)),
    "Dense on images": (IMAGES, lambda k: k.Dense(4, activation="gelu")),
    "UpSampling1D": (SERIES, lambda k: k.UpSampling1D(3)),
    "UpSampling2D nearest": (IMAGES, lambda k: k.UpSampling2D((2, 3))),
    "UpSampling2D bilinear": (IMAGES, lambda k: k.UpSampling2D(2, interpolation="bilinear")),
    "UpSampling3D": (VOLUMES, lambda k: k.UpSampling3D(2)),
    "Cropping1D": (SERIES, lambda k: k.Cropping1D((1, 2))),
    "Cropping3D": (VOLUMES, lambda k: k.Cropping3D(1)),
    "ZeroPadding3D": (VOLUMES, lambda k: k.ZeroPadding3D(1)),
    "AveragePooling1D": (SERIES, lambda k: k.AveragePooling1D(3, 2, padding="same")),
    "MaxPooling3D": (VOLUMES, lambda k: k.MaxPooling3D(2)),
    "GlobalMaxPooling2D": (IMAGES, lambda k: k.GlobalMaxPooling2D(keepdims=True)),
    "GlobalAveragePooling1D": (SERIES, lambda k: k.GlobalAveragePooling1D()),
    "PReLU": (IMAGES, lambda k: k.PReLU(shared_axes=[1, 2], alpha_initializer="uniform")),
    "LeakyReLU": (IMAGES, lambda k: k.LeakyReLU(0.1)),
    "ELU": (IMAGES, lambda k: k.ELU(0.5)),
    "ReLU": (IMAGES, lambda k: k.ReLU(max_value=0.5, negative_slope=0.1, threshold=0.2)),
    "Softmax": (SERIES, lambda k: k.Softmax(axis=1)),
    **{
        f"Activation {name}": (IMAGES, lambda k, name=name: k.Activation(name))
        for name in (
            *(
                "relu6",
                "selu",
                "celu",
                "softplus",
                "silu",
                "hard_sigmoid",
                "hard_silu",
                "hard_tanh",
                "hard_shrink",
            ),
            *(
                "soft_shrink",
                "tanh_shrink",
                "log_sigmoid",
                "mish",
                "squareplus",
                "exponential",
                "sigmoid",
                "tanh",
            ),
        )
    },
    "Reshape": (IMAGES, lambda k: k.Reshape((-1, 6))),
    "Permute": (IMAGES, lambda k: k.Permute((3, 1, 2))),
    "RepeatVector": ((5,), lambda k: k.RepeatVector(3)),
    "LayerNormalization": (IMAGES, lambda k: k.LayerNormalization(axis=[2, 3])),
    "RMSNormalization": (IMAGES, lambda k: k.RMSNormalization()),
    "GroupNormalization": ((8, 8, 4), lambda k: k.GroupNormalization(2)),
    "UnitNormalization": (IMAGES, lambda k: k.UnitNormalization()),
    "BatchNormalization": (IMAGES, lambda k: k.BatchNormalization(axis=1)),
    "Rescaling": (IMAGES, lambda k: k.Rescaling([0.5, 2.0, 1.0], offset=-1.0)),
    "Normalization": (
        IMAGES,
        lambda k: k.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]),
    ),
    "Resizing": (IMAGES, lambda k: k.Resizing(5, 11)),
    "CenterCrop": (IMAGES, lambda k: k.CenterCrop(5, 4)),
    "RandomFlip": (IMAGES, lambda k: k.RandomFlip()),
    "RandomRotation": (IMAGES, lambda k: k.RandomRotation(0.2)),
    "RandomZoom": (IMAGES, lambda k: k.RandomZoom(0.2)),
    "RandomContrast": (IMAGES, lambda k: k.RandomContrast(0.2)),
    "GaussianNoise": (IMAGES, lambda k: k.GaussianNoise(0.2)),
}

MERGES = {
    "Average": lambda k, a, b: k.Average()([a, b]),
    "Maximum": lambda k, a, b: k.Maximum()([a, b]),
    "Minimum": lambda k, a, b: k.Minimum()([a, b]),
    "Multiply": lambda k, a, b: k.Multiply()([a, b]),
    "Multiply by a vector": lambda k, a, b: k.Multiply()([a, k.GlobalAveragePooling2D()(b)]),
    "Subtract": lambda k, a, b: k.Subtract()([a, b]),
    "Concatenate": lambda k, a, b: k.Concatenate(axis=1)([a, b]),
    "Dot": lambda k, a, b: k.Dot(axes=(3, 3))([a, b]),
    "Dot normalised": lambda k, a, b: k.Dot(axes=1, normalize=True)(
        [k.Flatten()(a), k.Flatten()(b)]
    ),
    "operators": lambda k, a, b: (
        (2.0 - a) / 3.0 * b + np.array([0.1, 0.2, 0.3], "f") - a[..., ::-1]
    ),
}


def randomised(model, rng):
    for layer in model.layers:
        if layer.weights and type(layer).__name__ != "Normalization":
            layer.set_weights(
                [rng.uniform(0.2, 1.2, w.shape) - (0.7 if w.ndim > 1 else 0) for w in layer.weights]
            )
    return model


def assert_computes_the_same(model, images, tmp_path):
    """Saved as an archive and loaded, a model gives what Keras gives; 1e-5 of the largest.

    Float32 in another order.
    """
    model.save(tmp_path / "m.keras")
    loaded = ir.load(tmp_path / "m.keras")
    with jax.numpy_dtype_promotion("standard"):  # as some of Keras's layers need it
        expected = np.asarray(model(images, training=False))
    found = np.asarray(jlrp.forward(loaded.graph, loaded.params, images))
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    return loaded


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_what_it_does_in_keras(name, tmp_path, rng):
    import keras

    shape, layer = LAYERS[name]
    with jax.numpy_dtype_promotion("standard"):
        model = keras.Sequential([keras.Input(shape), layer(keras.layers)])
    images = rng.normal(size=(2, *shape)).astype(np.float32)
    loaded = assert_computes_the_same(randomised(model, rng), images, tmp_path)
    relevance = jlrp.explainer(loaded.graph)(
        loaded.params, images, target=np.ones((2, *model.output_shape[1:]))
    ).relevance
    assert np.isfinite(relevance).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", MERGES)
def test_a_merge_computes_what_it_does_in_keras(name, tmp_path, rng):
    import keras

    image = keras.Input(IMAGES)
    a, b = (keras.layers.Conv2D(3, 3, padding="same", name=n)(image) for n in "ab")
    model = randomised(keras.Model(image, MERGES[name](keras.layers, a, b)), rng)
    assert_computes_the_same(model, rng.normal(size=(2, *IMAGES)).astype(np.float32), tmp_path)


# --- layers of one's own
# ------------------------------------------------------------------------------------------


def test_a_layer_of_ones_own(tmp_path):
    """A class of another package, with a weight.

    Refused by name, and loaded once it is registered.
    """
    config = sequential(
        ("ChannelGain", {"name": "gain", "batch_input_shape": [None, 4, 4, 3], "offset": 1.0})
    )
    config["config"]["layers"][0]["module"] = "mine.layers"
    path = saved(
        tmp_path / "m.h5",
        config,
        {"gain": {"gain/g:0": np.array([1, 2, 3], "f")}},
        keras_version="3.15.1",
    )
    with pytest.raises(
        ir.LoadError,
        match=r"custom class 'ChannelGain' \(from 'mine.layers'\).*ir\.keras\.register",
    ):
        ir.load(path)

    def channel_gain(call):
        shift = ir.keras.Part(ir.Rescale(1.0, call.spec.config["offset"]), name="shifted")
        return [shift, ir.keras.Part(ir.Scale(), weights="")]

    ir.keras.register(
        "ChannelGain", channel_gain, weights=lambda spec: [ir.keras.Weight("scale", ("g",), (3,))]
    )
    model = ir.load(path)
    outputs = jlrp.forward(model.graph, model.params, np.ones((1, 4, 4, 3), "f"))
    assert np.asarray(outputs)[0, 0, 0].tolist() == [2, 4, 6]


def test_a_known_class_is_entered_anew_only_when_asked():
    with pytest.raises(ValueError, match="'Dense' is known already: give replace=True"):
        ir.keras.register("Dense", lambda call: [])
