"""Transposed convolutions in files that Keras saves."""

import os

import jax
import numpy as np
import pytest

import ir
from jlrp import forward
from tests.keras_files import saved, sequential


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras")


@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)  # Keras's own
@pytest.mark.parametrize(
    ("rank", "shape", "config"),
    [
        (1, (5, 3), {"kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}),
        (2, (4, 5, 3), {"kernel_size": (3, 2), "strides": (2, 1), "padding": "valid"}),
        (
            2,
            (3, 4, 5),
            {
                "kernel_size": 2,
                "dilation_rate": 2,
                "data_format": "channels_first",
                "use_bias": False,
            },
        ),
        (3, (3, 4, 2, 3), {"kernel_size": (1, 3, 2), "strides": (1, 2, 3), "padding": "same"}),
    ],
)
def test_computes_what_keras_computes(keras, tmp_path, rng, rank, shape, config):
    layer = getattr(keras.layers, f"Conv{rank}DTranspose")(
        4, name="up", bias_initializer="random_normal", **config
    )
    x = rng.normal(size=(2, *shape)).astype("f")
    with jax.numpy_dtype_promotion("standard"):
        model = keras.Sequential([keras.Input(shape), layer])
        expected = np.asarray(model(x))
        model.save(tmp_path / "m.h5")
    loaded = ir.load(tmp_path / "m.h5")
    ours = forward(loaded.graph, loaded.params, x)
    assert isinstance(loaded.graph.nodes[0].op, ir.ConvTranspose)
    assert loaded.shapes["up"] == (None, *expected.shape[1:])
    assert np.abs(ours - expected).max() <= 1e-5 * np.abs(expected).max()  # float32


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (
            {"output_padding": [1, 1]},
            r"'up' \(Conv2DTranspose\), which has output_padding=\[1, 1\], but only null",
        ),
        ({"groups": 3}, "has groups=3, but only 1 can be loaded"),
        ({"padding": "causal"}, "has padding=causal, but 'valid' and 'same'"),
    ],
)
def test_what_it_cannot_have(tmp_path, rng, field, message):
    config = {
        "name": "up",
        "filters": 4,
        "kernel_size": [3, 3],
        "strides": [2, 2],
        "use_bias": False,
        **field,
    }
    layers = sequential(("Conv2DTranspose", {"batch_input_shape": [None, 5, 5, 3], **config}))
    path = saved(
        tmp_path / "m.h5",
        layers,
        {"up": {"up/kernel:0": rng.normal(size=(3, 3, 4, 3)).astype("f")}},
    )
    with pytest.raises(ir.LoadError, match=message):
        ir.load(path)


def test_deconvolutions_of_keras_1_are_refused(tmp_path):
    config = {
        "name": "up",
        "nb_filter": 4,
        "nb_row": 3,
        "nb_col": 3,
        "batch_input_shape": [None, 5, 5, 3],
    }
    path = saved(
        tmp_path / "m.h5",
        sequential(("Deconvolution2D", config)),
        {"up": {}},
        keras_version="1.2.2",
    )
    with pytest.raises(ir.LoadError, match="'Deconvolution2D', which is not supported"):
        ir.load(path)
