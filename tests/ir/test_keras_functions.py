"""Functions that models call on their values, each saved by Keras and compared with what Keras
computes."""

import os

import jax
import numpy as np
import pytest

import ir
import jlrp
from tests.ir.test_keras_layers import assert_computes_the_same

os.environ.setdefault("KERAS_BACKEND", "jax")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]

VECTOR, SERIES, IMAGES, COLOURS = (4,), (6, 4), (6, 6, 4), (8, 10, 3)
MATRIX = np.random.default_rng(0).normal(size=(4, 3)).astype("f")

FUNCTIONS = {
    "absolute": (VECTOR, lambda o, t: o.abs(t)),
    "square": (VECTOR, lambda o, t: o.square(t)),
    "x**2": (VECTOR, lambda o, t: t**2),
    "x**3": (VECTOR, lambda o, t: t**3),
    "x**1": (VECTOR, lambda o, t: 2 * t**1),
    "x*x": (VECTOR, lambda o, t: t * t),
    "normalize": (VECTOR, lambda o, t: o.normalize(t)),
    "normalize images": (IMAGES, lambda o, t: o.normalize(t, axis=(1, 2), epsilon=1e-3)),
    "split": (VECTOR, lambda o, t: o.split(t, 2, axis=-1)[1]),
    "split at": (VECTOR, lambda o, t: o.split(t, [1, 3], axis=-1)[1]),
    "split and joined": (VECTOR, lambda o, t: o.concatenate(o.split(t, 4, axis=1)[::-1], -1)),
    "unstack": (SERIES, lambda o, t: o.unstack(t, axis=1)[2]),
    "repeat": (VECTOR, lambda o, t: o.repeat(t, 2, axis=-1)),
    "repeat rows": (IMAGES, lambda o, t: o.repeat(t, 2, axis=1)),
    "repeat channels": (IMAGES, lambda o, t: o.repeat(t, 3, axis=-1)),
    "tile": (SERIES, lambda o, t: o.tile(t, [1, 2, 3])),
    "x[:, None]": (VECTOR, lambda o, t: t[:, None]),
    "x[..., None]": (VECTOR, lambda o, t: t[..., None]),
    "x[:, 0, None]": (SERIES, lambda o, t: t[:, 0, None]),
    "x[:, None, 1:]": (VECTOR, lambda o, t: t[:, None, 1:]),
    "flip": (IMAGES, lambda o, t: o.flip(t, (1, 2))),
    "roll": (SERIES, lambda o, t: o.roll(t, 1, axis=1)),
    "take": (SERIES, lambda o, t: o.take(t, [2, 0], axis=1)),
    "swapaxes": (IMAGES, lambda o, t: o.swapaxes(t, -1, 1)),
    "moveaxis": (IMAGES, lambda o, t: o.moveaxis(t, (1, 2), (3, 1))),
    "stack": (VECTOR, lambda o, t: o.stack([t, 2 * t], axis=1)),
    "squeeze": ((6, 1, 4), lambda o, t: o.squeeze(t, 2)),
    "matmul": (IMAGES, lambda o, t: o.matmul(t, MATRIX)),
    "matmul of values": (SERIES, lambda o, t: o.matmul(t, o.transpose(t, (0, 2, 1)))),
    "tensordot": (SERIES, lambda o, t: o.tensordot(t, MATRIX, 1)),
    "einsum": (SERIES, lambda o, t: o.einsum("abc,cd->abd", t, MATRIX)),
    "sum over the image": (IMAGES, lambda o, t: o.sum(t, (1, 2))),
    "sum over all": (IMAGES, lambda o, t: o.sum(t, (1, 2, 3), keepdims=True)),
    "mean over one axis": (IMAGES, lambda o, t: o.mean(t, 1)),
    "mean over channels": (IMAGES, lambda o, t: o.mean(t, -1, keepdims=True)),
    "max over channels": (IMAGES, lambda o, t: o.max(t, -1, keepdims=True)),
    "min over channels": (SERIES, lambda o, t: o.min(t, -1)),
    "average_pool": (IMAGES, lambda o, t: o.average_pool(t, 2, 2)),
    "max_pool": (IMAGES, lambda o, t: o.max_pool(t, 3, 1, padding="same")),
    "image.resize": (IMAGES, lambda o, t: o.image.resize(t, (3, 3))),
    "image.resize, cropped": (
        COLOURS,
        lambda o, t: o.image.resize(t, (4, 4), crop_to_aspect_ratio=True),
    ),
    "image.resize, padded": (
        COLOURS,
        lambda o, t: o.image.resize(t, (4, 4), pad_to_aspect_ratio=True, fill_value=2.0),
    ),
    "depth_to_space": (IMAGES, lambda o, t: o.depth_to_space(t, 2)),
    "space_to_depth": (IMAGES, lambda o, t: o.space_to_depth(t, 3)),
    "rgb_to_grayscale": (COLOURS, lambda o, t: o.image.rgb_to_grayscale(t)),
    "glu": (VECTOR, lambda o, t: o.glu(t)),
    "sparsemax": (VECTOR, lambda o, t: o.sparsemax(t)),
    "sparsemax over rows": (SERIES, lambda o, t: o.sparsemax(t, axis=1)),
    "sparse_plus": (VECTOR, lambda o, t: o.sparse_plus(t)),
    "sparse_sigmoid": (VECTOR, lambda o, t: o.sparse_sigmoid(t)),
    "threshold": (VECTOR, lambda o, t: o.threshold(t, 0.5, 1.0)),
    "elu": (VECTOR, lambda o, t: o.elu(t, 0.5)),
    "celu": (VECTOR, lambda o, t: o.celu(t, 0.5)),
    "hard_shrink": (VECTOR, lambda o, t: o.hard_shrink(t, 0.7)),
    "soft_shrink": (VECTOR, lambda o, t: o.soft_shrink(t, 0.7)),
    "log_softmax": (VECTOR, lambda o, t: o.log_softmax(t)),
}

LAYERS = {
    "glu of a layer": (SERIES, lambda k: k.Dense(4, activation="glu")),
    "sparsemax": (VECTOR, lambda k: k.Activation("sparsemax")),
    "AdaptiveAveragePooling2D, even": (IMAGES, lambda k: k.AdaptiveAveragePooling2D(3)),
    "AdaptiveAveragePooling2D": ((7, 9, 2), lambda k: k.AdaptiveAveragePooling2D((3, 5))),
    "AdaptiveMaxPooling1D": (SERIES, lambda k: k.AdaptiveMaxPooling1D(4)),
    "EinsumDense": (
        SERIES,
        lambda k: k.EinsumDense("abc,cde->abde", output_shape=(None, 2, 5), bias_axes="de"),
    ),
    "EinsumDense over two axes": (
        IMAGES,
        lambda k: k.EinsumDense(
            "abcd,cde->abe", output_shape=(None, 5), bias_axes="e", activation="relu"
        ),
    ),
    "EinsumDense with dots": (IMAGES, lambda k: k.EinsumDense("...x,xy->...y", output_shape=(5,))),
    "SpectralNormalization": (
        IMAGES,
        lambda k: k.SpectralNormalization(k.Conv2D(3, 3, activation="relu")),
    ),
    "Resizing, cropped": (COLOURS, lambda k: k.Resizing(5, 5, crop_to_aspect_ratio=True)),
    "Resizing, padded": (
        COLOURS,
        lambda k: k.Resizing(9, 5, pad_to_aspect_ratio=True, fill_value=3.0),
    ),
    "Resizing, Lanczos": (COLOURS, lambda k: k.Resizing(5, 5, interpolation="lanczos3")),
    "CenterCrop of a smaller image": (COLOURS, lambda k: k.CenterCrop(9, 6)),
    "RandomCrop": (COLOURS, lambda k: k.RandomCrop(8, 10)),
}


def assert_explained(loaded, images):
    """Relevance is finite."""
    outputs = jlrp.forward(loaded.graph, loaded.params, images)
    relevance = jlrp.explainer(loaded.graph)(
        loaded.params, images, target=np.ones(outputs.shape)
    ).relevance
    assert np.isfinite(relevance).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_computes_what_it_does_in_keras(name, tmp_path, rng):
    import keras

    shape, function = FUNCTIONS[name]
    image = keras.Input(shape)
    with jax.numpy_dtype_promotion("standard"):
        model = keras.Model(image, function(keras.ops, image))
    images = rng.normal(size=(2, *shape)).astype("f")
    loaded = assert_computes_the_same(model, images, tmp_path)
    assert_explained(loaded, images)
    ir.save(loaded, tmp_path / "m.safetensors")
    assert ir.load(tmp_path / "m.safetensors").graph == loaded.graph


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_what_it_does_in_keras(name, tmp_path, rng):
    import keras

    shape, layer = LAYERS[name]
    with jax.numpy_dtype_promotion("standard"):
        model = keras.Sequential([keras.Input(shape), layer(keras.layers)])
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    images = rng.normal(size=(2, *shape)).astype("f")
    loaded = assert_computes_the_same(model, images, tmp_path)
    assert_explained(loaded, images)
    model.save(tmp_path / "m.h5")
    assert ir.load(tmp_path / "m.h5").graph == loaded.graph


def test_means_and_maxima_over_channels_of_images_of_any_size(tmp_path, rng):
    """The spatial attention of CBAM."""
    import keras

    image = keras.Input((None, None, 4))
    o, k = keras.ops, keras.layers
    both = o.concatenate([o.mean(image, -1, keepdims=True), o.max(image, -1, keepdims=True)], -1)
    model = keras.Model(image, image * k.Conv2D(1, 3, padding="same", activation="sigmoid")(both))
    assert_computes_the_same(model, rng.normal(size=(2, 6, 7, 4)).astype("f"), tmp_path)
