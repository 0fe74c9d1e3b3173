"""What users say of layers, activations and functions; what is known by other names.

Forms of files.
"""

import json
import os

import h5py
import jax
import numpy as np
import pytest

import ir
import ir.keras
import jlrp
from ir.formats.keras.layers import registry
from tests.ir.test_keras_layers import assert_computes_the_same, randomised
from tests.keras_files import saved, sequential, weights_file

os.environ.setdefault("KERAS_BACKEND", "jax")

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")]

IMAGES = {"batch_input_shape": [None, 4, 4, 3]}
X = np.arange(2 * 4 * 4 * 3, dtype=np.float32).reshape(2, 4, 4, 3) / 10 - 4


@pytest.fixture(autouse=True)
def forgotten():
    """What a test registers is forgotten after it."""
    before = {kind: dict(known) for kind, known in registry._known.items()}
    yield
    for kind, known in registry._known.items():
        known.clear()
        known.update(before[kind])


def one_layer(path, class_name, config=(), arrays=None, version="2.4.0"):
    """A file with one layer `a`."""
    layers = {
        "a": {f"a/{name}:0": np.asarray(array, "f") for name, array in (arrays or {}).items()}
    }
    return saved(
        path,
        sequential((class_name, {"name": "a", **IMAGES, **dict(config)})),
        layers,
        keras_version=version,
    )


def outputs(path, x=X, **options):
    model = ir.load(path, **options)
    return np.asarray(jlrp.forward(model.graph, model.params, x))


# --- register
# -----------------------------------------------------------------------------------------------------


def test_a_lambda_by_its_class_and_by_its_name(tmp_path):
    code = ["4wEAAAAAAAAAAAAAAAEAAAACAAAA", None, None]
    path = one_layer(tmp_path / "m.h5", "Lambda", {"function": code, "arguments": {"by": 3}})
    with pytest.raises(
        ir.LoadError, match=r'never executed.*ir\.keras\.register\("a", a, kind="layer"\)'
    ):
        ir.load(path)
    ir.keras.register(
        "Lambda", lambda call: [ir.keras.Part(ir.Rescale(call.spec.config["arguments"]["by"]))]
    )
    np.testing.assert_allclose(outputs(path), 3 * X)
    ir.keras.register("a", ir.Rescale(5.0), kind="layer")
    np.testing.assert_allclose(outputs(path), 5 * X)


def test_a_layer_by_name_beside_others_of_its_class(tmp_path):
    layers = [("Lambda", {"name": "first", **IMAGES}), ("Lambda", {"name": "second"})]
    path = saved(
        tmp_path / "m.h5", sequential(*layers), {"first": {}, "second": {}}, keras_version="2.4.0"
    )
    ir.keras.register("first", ir.Rescale(2.0), kind="layer")
    ir.keras.register("second", like="Identity", kind="layer")
    np.testing.assert_allclose(outputs(path), 2 * X)


def test_a_class_like_another(tmp_path):
    ir.keras.register("MyConv", like="Conv2D")
    config = {"filters": 2, "kernel_size": [1, 1], "activation": "relu"}
    arrays = {"kernel": np.ones((1, 1, 3, 2)), "bias": [1, -1]}
    path = one_layer(tmp_path / "m.h5", "mine>MyConv", config, arrays)
    expected = np.maximum(X.sum(-1, keepdims=True) + np.array([1, -1]), 0)
    np.testing.assert_allclose(outputs(path), expected, rtol=1e-5)  # float32


def test_an_activation(tmp_path):
    path = one_layer(tmp_path / "m.h5", "Activation", {"activation": "relu20"})
    with pytest.raises(ir.LoadError, match=r'register\("relu20", relu20, kind="activation"\)'):
        ir.load(path)
    ir.keras.register("relu20", ir.Relu(max_value=2.0), kind="activation")
    np.testing.assert_allclose(outputs(path), np.clip(X, 0, 2))


def test_an_activation_of_a_layer_of_its_own(tmp_path):
    def gate(call):
        return [
            ir.keras.Part(ir.Activation("sigmoid"), "gate", reads=(0,)),
            ir.keras.Part(ir.Multiply(), reads=(0, "gate")),
        ]

    ir.keras.register("my_swish", gate, kind="activation")
    config = {"units": 2, "activation": "my_swish"}
    path = one_layer(
        tmp_path / "m.h5", "Dense", config, {"kernel": np.ones((3, 2)), "bias": [0, 1]}
    )
    z = X.sum(-1, keepdims=True) + np.array([0, 1])
    np.testing.assert_allclose(outputs(path), z / (1 + np.exp(-z)), rtol=1e-5, atol=1e-6)  # float32


def test_functions_of_tensorflow_and_keras(tmp_path):
    path = one_layer(tmp_path / "m.h5", "TFOpLambda", {"function": "math.sinh"})
    with pytest.raises(
        ir.LoadError, match=r'math\.sinh.*register\("math\.sinh", math_sinh, kind="function"\)'
    ):
        ir.load(path)
    ir.keras.register("math.sinh", ir.Activation("tanh"), kind="function")
    ir.keras.register("Sinh", ir.Activation("tanh"), kind="function")
    np.testing.assert_allclose(outputs(path), np.tanh(X), rtol=1e-5)
    np.testing.assert_allclose(outputs(one_layer(tmp_path / "k.h5", "Sinh")), np.tanh(X), rtol=1e-5)


def test_training_is_read_as_inference_where_the_user_says_so(tmp_path):
    def called(class_name, name):
        entry = {"class_name": class_name, "config": {"name": name, "rate": 0.5}, "name": name}
        return {**entry, "inbound_nodes": [[["i", 0, 0, {"training": True}]]]}

    start = {
        "class_name": "InputLayer",
        "name": "i",
        "config": {"name": "i", **IMAGES},
        "inbound_nodes": [],
    }
    config = {
        "layers": [start, called("Dropout", "d")],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["d", 0, 0]],
    }
    model = {"class_name": "Model", "config": {"name": "m", **config}}
    path = saved(tmp_path / "m.h5", model, {"i": {}, "d": {}}, keras_version="2.4.0")
    with pytest.raises(
        ir.LoadError, match=r'training=True.*ir\.keras\.register\("Dropout", training=True\)'
    ):
        ir.load(path)
    newer = saved(tmp_path / "n.h5", model, {"i": {}, "d": {}}, keras_version="3.15.1")
    np.testing.assert_array_equal(outputs(newer), X)  # Keras 3's predict passes training=False
    ir.keras.register("Dropout", training=True)
    np.testing.assert_array_equal(outputs(path), X)


def test_weights_of_layers_inside_a_layer_in_every_format(tmp_path, rng):
    """A class of one's own that holds a convolution and a gain.

    Saved by Keras in all its formats.
    """
    import keras

    class Block(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.conv = keras.layers.Conv2D(3, 2)

        def build(self, shape):
            self.conv.build(shape)
            self.gain = self.add_weight(name="gain", shape=(3,))
            super().build(shape)

        def call(self, x):
            return self.conv(x) * self.gain

    def block(call):
        return [
            ir.keras.Part(ir.Conv(), "conv", weights="conv"),
            ir.keras.Part(ir.Scale(), weights=""),
        ]

    def weights(spec):
        own = [ir.keras.Weight("scale", ("gain",), (None,))]
        return own + [
            ir.keras.Weight(r, (r,), None, part="conv", within="conv") for r in ("kernel", "bias")
        ]

    ir.keras.register("Block", block, weights=weights)
    model = keras.Sequential([keras.Input((4, 4, 3)), Block(), keras.layers.Conv2D(2, 1), Block()])
    randomised(model, rng)
    expected = np.asarray(model(X))
    (tmp_path / "m.json").write_text(model.to_json())
    for name in ("m.keras", "m.h5", "m.weights.h5"):
        model.save_weights(tmp_path / name) if "weights" in name else model.save(tmp_path / name)
        options = {"architecture": tmp_path / "m.json"} if "weights" in name else {}
        np.testing.assert_allclose(
            outputs(tmp_path / name, **options), expected, rtol=1e-5, atol=1e-4
        )  # float32


def test_a_custom_layer_that_keras_saved_without_a_name(tmp_path):
    """Of a layer with arguments and no get_config, Keras 3 writes the arguments alone."""
    import keras

    class Times(keras.layers.Layer):
        def __init__(self, by, **kwargs):
            super().__init__(**kwargs)
            self.by = by

        def call(self, x):
            return x * self.by

    model = keras.Sequential([keras.Input((4, 4, 3)), Times(2.0), Times(3.0)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(ir.LoadError, match=r"'times' of the custom class 'Times'"):
        ir.load(tmp_path / "m.keras")
    ir.keras.register("Times", lambda call: [ir.keras.Part(ir.Rescale(call.spec.config["by"]))])
    np.testing.assert_allclose(outputs(tmp_path / "m.keras"), 6 * X, rtol=1e-6)
    assert ir.load(tmp_path / "m.keras").graph.outputs == ("times_1",)


def test_paths_say_which_layer_holds_an_array():
    ir.keras.register("Two", like="Identity", weights=["gain", "conv/kernel", "a/b/bias"])
    found = registry.weights_of(registry.LayerSpec("two", "Two"))
    assert [(w.role, w.part, w.within) for w in found] == [
        ("gain", "", ""),
        ("kernel", "conv", "conv"),
        ("bias", "a/b", "a/b"),
    ]


def test_arrays_made_of_those_of_the_file(tmp_path):
    """A kernel that is stored as a direction and a length, as weight normalisation does."""

    def normed(call):
        def kernel(arrays):
            v = arrays["v"]
            return {"kernel": arrays["g"] * v / np.sqrt((v**2).sum(0))}

        return [ir.keras.Part(ir.Dense(), weights="", arrays=kernel)]

    ir.keras.register("NormedDense", normed, weights=["g", "v"])
    v, g = np.array([[3.0, 1], [4, 0], [0, 0]]), np.array([2.0, 5])
    path = one_layer(tmp_path / "m.h5", "NormedDense", {}, {"g": g, "v": v})
    np.testing.assert_allclose(
        outputs(path), X @ (g * v / np.array([5.0, 1])), rtol=1e-5, atol=1e-5
    )


def test_a_wrapper_of_ones_own(tmp_path):
    inner = {"class_name": "Dense", "config": {"name": "d", "units": 2}}
    path = one_layer(
        tmp_path / "m.h5", "Checked", {"layer": inner}, {"kernel": np.ones((3, 2)), "bias": [0, 1]}
    )
    ir.keras.register("Checked", like="Wrapper")
    np.testing.assert_allclose(
        outputs(path), X.sum(-1, keepdims=True) + np.array([0, 1]), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("Dense", ir.Relu()), "'Dense' is known already: give replace=True"),
        (("Dropout", None, (), {"like": "Dropout", "replace": True}), "cannot be like itself"),
        (("Gain",), "not said: give convert or like"),
        (("Gain", ir.Relu(), (), {"like": "Dense"}), "both were given"),
        (("Gain", None, (), {"like": "Denze"}), "no class 'Denze'"),
        (("Gain", None, (), {"training": True}), "'Gain' is not known"),
        (
            ("Gain", ir.Relu(), (), {"kind": "optimizer"}),
            "the kinds are 'class', 'layer', 'activation', 'function'",
        ),
        (("f", None, (), {"kind": "function", "like": "Dense"}), "function 'f' needs convert"),
    ],
)
def test_what_register_does_not_take(arguments, words):
    *given, options = arguments if isinstance(arguments[-1], dict) else (*arguments, {})
    with pytest.raises(ValueError, match=words):
        ir.keras.register(*given, **options)


def test_a_name_cannot_write_code_into_the_error(tmp_path):
    with pytest.raises(ir.LoadError) as caught:
        ir.load(one_layer(tmp_path / "m.h5", 'x"); import os; ("\n'))
    assert r'register("x\"); import os; (\" ", x____import_os_____' in str(caught.value)


# --- known by other names
# -----------------------------------------------------------------------------------------

RENAMED = {
    "FixedDropout": ("FixedDropout", {"rate": 0.2}, lambda x: x),
    "Swish": (
        "Activation",
        {"activation": {"class_name": "Swish", "config": {"activation": "swish"}}},
        None,
    ),
    "a class Swish": ("Swish", {}, None),
    "swish of a package": ("Activation", {"activation": "Custom>swish"}, None),
    "Addons>gelu": (
        "Activation",
        {"activation": "Addons>gelu"},
        lambda x: np.asarray(jax.nn.gelu(x)),
    ),
    "Addons>GELU": ("Addons>GELU", {"approximate": True}, lambda x: np.asarray(jax.nn.gelu(x))),
    "Addons>rrelu": (
        "Activation",
        {"activation": "Addons>rrelu"},
        lambda x: np.where(x > 0, x, 0.2291666667 * x),
    ),
    "Addons>softshrink": (
        "Activation",
        {"activation": "Addons>softshrink"},
        lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    ),
    "Addons>lisht": ("Activation", {"activation": "Addons>lisht"}, lambda x: x * np.tanh(x)),
    "FixedDropout of a package": ("Custom>FixedDropout", {"rate": 0.2}, lambda x: x),
    "registered under a package": ("Addons>Dropout", {"rate": 0.2}, lambda x: x),
}


@pytest.mark.parametrize("name", RENAMED)
def test_a_layer_by_another_name(name, tmp_path):
    class_name, config, function = RENAMED[name]
    expected = X / (1 + np.exp(-X)) if function is None else function(X)
    np.testing.assert_allclose(
        outputs(one_layer(tmp_path / "m.h5", class_name, config)), expected, rtol=1e-5, atol=1e-5
    )


def residual_lambda(name, scale):
    """Two images that a Lambda adds, as Inception-ResNet's blocks do up to tf.keras 2.12."""
    inputs = [
        {
            "class_name": "InputLayer",
            "name": n,
            "config": {"name": n, **IMAGES},
            "inbound_nodes": [],
        }
        for n in "xy"
    ]
    config = {
        "name": name,
        "function": ["4wE", None, None],
        "function_type": "lambda",
        "arguments": scale,
    }
    nodes = [[["x", 0, 0, {}], ["y", 0, 0, {}]]]
    layers = [
        *inputs,
        {"class_name": "Lambda", "name": name, "config": config, "inbound_nodes": nodes},
    ]
    ends = {"input_layers": [["x", 0, 0], ["y", 0, 0]], "output_layers": [[name, 0, 0]]}
    return {"class_name": "Model", "config": {"name": "m", "layers": layers, **ends}}


def test_the_scaling_lambda_of_inception_resnet(tmp_path):
    names = {"x": {}, "y": {}, "block35_7": {}}
    path = saved(
        tmp_path / "m.h5",
        residual_lambda("block35_7", {"scale": 0.17}),
        names,
        keras_version="2.4.0",
    )
    model = ir.load(path)
    np.testing.assert_allclose(
        jlrp.forward(model.graph, model.params, (X, 2 * X)), X + 0.34 * X, rtol=1e-5
    )
    for name, arguments in (
        ("block35_7", {"scale": "code"}),
        ("block35_7", {}),
        ("mine", {"scale": 0.17}),
    ):
        layers = {"x": {}, "y": {}, name: {}}
        other = saved(
            tmp_path / "o.h5", residual_lambda(name, arguments), layers, keras_version="2.4.0"
        )
        with pytest.raises(ir.LoadError, match=r"scale=code|never executed"):
            ir.load(other)


# --- files
# --------------------------------------------------------------------------------------------------------

DENSE = sequential(("Dense", {"name": "d", "units": 2, "batch_input_shape": [None, 3]}))
ARRAYS = {"d": {"d/kernel:0": np.ones((3, 2), "f"), "d/bias:0": np.zeros(2, "f")}}


def test_json_that_holds_a_json_string(tmp_path):
    (tmp_path / "m.json").write_text(json.dumps(json.dumps(DENSE)))
    path = weights_file(tmp_path / "w.h5", ARRAYS, keras_version="2.4.0")
    assert ir.load(path, architecture=tmp_path / "m.json").graph.outputs == ("d",)
    (tmp_path / "m.json").write_text(json.dumps(json.dumps(json.dumps(DENSE))))
    with pytest.raises(ir.LoadError, match=r"no JSON object|is no model file"):
        ir.load(path, architecture=tmp_path / "m.json")


def test_an_architecture_for_a_whole_model(tmp_path, data):
    """Its weights are read, and the given architecture in place of its own."""
    path = saved(
        tmp_path / "m.h5", {"class_name": "Mine", "config": {}}, ARRAYS, keras_version="2.4.0"
    )
    (tmp_path / "m.json").write_text(json.dumps(DENSE))
    assert ir.load(path, architecture=tmp_path / "m.json").graph.outputs == ("d",)
    folder = data / "keras/keras3.15.1"
    whole = ir.load(folder / "mini_resnet.keras")
    same = ir.load(folder / "mini_resnet.keras", architecture=folder / "mini_resnet.json")
    assert same.graph == whole.graph
    with h5py.File(path, "r+") as file:
        del file["model_weights"]
    with pytest.raises(ir.LoadError, match="no weights"):
        ir.load(path, architecture=tmp_path / "m.json")


@pytest.mark.slow
def test_augmentation_is_called_with_training_in_keras_3(tmp_path, rng):
    """Keras 3 records training=True for these layers, and its predict passes training=False."""
    import keras

    with jax.numpy_dtype_promotion("standard"):
        image = keras.Input((8, 8, 3))
        x = keras.layers.RandomRotation(0.2)(
            keras.layers.RandomFlip()(keras.layers.Resizing(6, 6)(image))
        )
        model = keras.Model(image, keras.layers.Dropout(0.5)(x, training=True))
    kwargs = json.loads(model.to_json())["config"]["layers"][1]["inbound_nodes"][0]["kwargs"]
    assert kwargs == {"training": True}
    assert_computes_the_same(model, rng.normal(size=(2, 8, 8, 3)).astype("f"), tmp_path)
