"""TimeDistributed against Keras, and its relevance against that of the layer inside alone, on each
step."""

import os

import jax
import numpy as np
import pytest

import ir
import jlrp
from ir.formats.keras.steps import at_every_step
from tests.ir.test_keras_layers import assert_computes_the_same, randomised
from tests.keras_files import saved, sequential

os.environ.setdefault("KERAS_BACKEND", "jax")

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")]

FRAMES, ROWS = (4, 8, 8, 2), (4, 6)

LAYERS = {
    "Conv2D": (FRAMES, lambda k: k.Conv2D(3, 3, strides=2, padding="same", activation="relu")),
    "DepthwiseConv2D": (FRAMES, lambda k: k.DepthwiseConv2D(3, depth_multiplier=2)),
    "SeparableConv2D": (FRAMES, lambda k: k.SeparableConv2D(3, 3)),
    "Conv2DTranspose": (FRAMES, lambda k: k.Conv2DTranspose(3, 3, strides=2)),
    "MaxPooling2D": (FRAMES, lambda k: k.MaxPooling2D(3, 2, padding="same")),
    "AveragePooling2D": (FRAMES, lambda k: k.AveragePooling2D(2)),
    "GlobalMaxPooling2D": (FRAMES, lambda k: k.GlobalMaxPooling2D(keepdims=True)),
    "BatchNormalization": (FRAMES, lambda k: k.BatchNormalization(axis=1)),
    "LayerNormalization": (FRAMES, lambda k: k.LayerNormalization(axis=[1, 2])),
    "Normalization": (FRAMES, lambda k: k.Normalization(mean=[1.0, 2.0], variance=[2.0, 3.0])),
    "PReLU": (FRAMES, lambda k: k.PReLU(shared_axes=[1, 2], alpha_initializer="uniform")),
    "Flatten": (FRAMES, lambda k: k.Flatten()),
    "Reshape": (ROWS, lambda k: k.Reshape((3, 2))),
    "Permute": (FRAMES, lambda k: k.Permute((3, 1, 2))),
    "ZeroPadding2D": (FRAMES, lambda k: k.ZeroPadding2D(((1, 2), (0, 1)))),
    "Cropping2D": (FRAMES, lambda k: k.Cropping2D(1)),
    "UpSampling2D": (FRAMES, lambda k: k.UpSampling2D(2, interpolation="bilinear")),
    "Resizing": (FRAMES, lambda k: k.Resizing(5, 4)),
    "Dense": (ROWS, lambda k: k.Dense(3, activation="softmax")),
    "EinsumDense": (
        ROWS,
        lambda k: k.EinsumDense("ab,bcd->acd", output_shape=(3, 2), bias_axes="d"),
    ),
    "SpectralNormalization": (ROWS, lambda k: k.SpectralNormalization(k.Dense(3))),
    "Dropout": (ROWS, lambda k: k.Dropout(0.5)),
    "Softmax": (ROWS, lambda k: k.Softmax(axis=1)),
    "TimeDistributed": ((2, *FRAMES), lambda k: k.TimeDistributed(k.Conv2D(3, 3))),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_at_every_step(name, tmp_path, rng):
    import keras

    shape, layer = LAYERS[name]
    with jax.numpy_dtype_promotion("standard"):
        model = keras.Sequential(
            [keras.Input(shape), keras.layers.TimeDistributed(layer(keras.layers))]
        )
    loaded = assert_computes_the_same(
        randomised(model, rng), rng.normal(size=(2, *shape)).astype("f"), tmp_path
    )
    model.save(tmp_path / "m.h5")
    assert ir.load(tmp_path / "m.h5").graph == loaded.graph


def network(k, layers, rng):
    """A network of one frame, and it at every step."""
    i = k.Input((8, 8, 2))
    a = layers.Conv2D(4, 3, padding="same", activation="relu")(i)
    b = layers.BatchNormalization()(layers.Conv2D(4, 1)(i))
    c = layers.MaxPooling2D(2)(layers.Activation("relu")(layers.Add()([a, b])))
    c = layers.Concatenate()([c, layers.Conv2D(2, 3, padding="same")(c)])
    d = layers.Flatten()(layers.BatchNormalization()(c))
    e = layers.GlobalAveragePooling2D()(c)
    d = layers.Dense(6, activation="relu")(d)
    outputs = layers.Dense(3, activation="softmax")(layers.Concatenate()([d, layers.Dense(2)(e)]))
    one = randomised(k.Model(i, outputs), rng)
    return one, k.Sequential([k.Input((5, 8, 8, 2)), layers.TimeDistributed(one)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "preset",
    ["zero", "epsilon_plus_flat", "epsilon_alpha2_beta1", "crawford2019", "guided_backprop"],
)
def test_relevance_is_that_of_each_step_alone(preset, tmp_path, rng):
    """Equal up to the order in which float64 sums are rounded, whichever layers make the step's
    network."""
    import keras

    one, every = network(keras, keras.layers, rng)
    one.save(tmp_path / "one.keras")
    every.save(tmp_path / "every.keras")
    single, series = ir.load(tmp_path / "one.keras"), ir.load(tmp_path / "every.keras")
    x = rng.normal(size=(2, 5, 8, 8, 2))
    with jax.enable_x64(True):
        as_doubles = [
            jax.tree.map(lambda a: np.asarray(a, np.float64), m.params) for m in (single, series)
        ]
        target = np.zeros((2, 5, 3))
        target[..., 1] = 1
        alone = jlrp.explainer(single.graph, preset)(
            as_doubles[0], x.reshape(-1, 8, 8, 2), target=target.reshape(-1, 3)
        )
        explain = jlrp.explainer(series.graph, preset, ledger=True)
        together = explain(as_doubles[1], x, target=target)
        expected = np.asarray(alone.relevance).reshape(x.shape)
        np.testing.assert_allclose(
            together.relevance, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max()
        )
        assert together.ledger.column("received").shape[-1] == len(x)  # per image, not per step


def test_steps_without_a_length(tmp_path):
    layers = [
        ("Conv1D", {"name": "c", "filters": 2, "kernel_size": [2]}),
        ("Flatten", {"name": "f"}),
    ]
    wrapped = [
        ("TimeDistributed", {"name": f"t_{c['name']}", "layer": {"class_name": n, "config": c}})
        for n, c in layers
    ]
    wrapped[0][1]["batch_input_shape"] = [None, None, 4, 3]
    arrays = {"t_c": {"t_c/kernel:0": np.ones((2, 3, 2), "f"), "t_c/bias:0": np.ones(2, "f")}}
    model = ir.load(saved(tmp_path / "m.h5", sequential(*wrapped), arrays, keras_version="2.4.0"))
    assert model.input_shapes == ((None, None, 4, 3),)
    outputs = jlrp.forward(model.graph, model.params, np.ones((2, 5, 4, 3), "f"))
    assert np.asarray(outputs).tolist() == np.full((2, 5, 6), 7.0).tolist()


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (("LSTM", {"name": "l", "units": 3}), ["recurrent", "LSTM"]),
        (("RepeatVector", {"name": "r", "n": 3}), ["at every step of a series", "Repeat(count=3)"]),
        (
            ("MaxPooling2D", {"name": "p", "data_format": "channels_first"}),
            ["at every step", "channels_first"],
        ),
        (("Dense", {"name": "d", "units": "many"}), ["units=many"]),
    ],
)
def test_what_cannot_be_done_at_every_step_is_refused_by_name(tmp_path, inner, words):
    name, config = inner
    shape = [None, 4, 6, 6, 3] if "Pool" in name else [None, 4, 6]
    layer = {
        "name": "t",
        "batch_input_shape": shape,
        "layer": {"class_name": name, "config": config},
    }
    path = saved(
        tmp_path / "m.h5", sequential(("TimeDistributed", layer)), {"t": {}}, keras_version="2.4.0"
    )
    with pytest.raises(ir.LoadError) as caught:
        ir.load(path)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    "layer", [None, [], {}, {"class_name": "Dense"}, {"class_name": "Dense", "config": 3}]
)
def test_a_wrapper_without_a_layer(tmp_path, layer):
    config = {"name": "t", "batch_input_shape": [None, 4, 6], "layer": layer}
    path = saved(
        tmp_path / "m.h5", sequential(("TimeDistributed", config)), {"t": {}}, keras_version="2.4.0"
    )
    with pytest.raises(ir.LoadError, match="lacks its name, class or configuration"):
        ir.load(path)


def test_ops_that_have_no_form_for_every_step():
    for op in (
        ir.Dot((1, 1)),
        ir.GroupNorm(2),
        ir.Repeat(3),
        ir.Conv(data_format="channels_first"),
    ):
        assert at_every_step(op, 5, 4) is None
