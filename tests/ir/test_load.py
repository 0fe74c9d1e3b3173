"""Models that each version of Keras saved, against what that Keras computed with them."""

import h5py
import numpy as np
import pytest

import ir
from jlrp import forward
from tests.keras_files import KERAS, edited, saved, sequential

FILES = sorted(KERAS.glob("*/*.full.h5"))


def assert_close(found, expected, tolerance, what=""):
    assert found.shape == expected.shape, what
    assert np.abs(np.asarray(found) - expected).max() <= tolerance * np.abs(expected).max(), what


OWN_ROUNDING = ("mini_app_mobilenet_a25", "mini_app_mobilenetv2_a35", "mini_app_mobilenetv3small")
"""Deep networks of 0.25 to 0.35 of the usual width, for which Keras's own float32 is 0.9e-5 to
1.6e-5 from float64."""


RENAMED = {"concat_last": "concatenate_2"}
"""Layers that the recorded outputs call otherwise than the file."""


def tolerance_of(path):
    """Of outputs and activations, as a part of the largest: float32 in two orders.

    Some files were run in float16.
    """
    name = path.name.split(".")[0]
    return 5e-3 if "float16" in name else 2e-5 if name in OWN_ROUNDING else 1e-5


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.name.split('.')[0]}")
def test_computes_what_keras_computed(path):
    model = ir.load(path)
    oracle = np.load(str(path).replace(".full.h5", ".oracle.npz"))
    images = (
        oracle["x"]
        if "x" in oracle
        else tuple(oracle[f"x{i}"] for i in range(len(model.graph.inputs)))
    )
    outputs, layers = forward(model.graph, model.params, images, record=True)
    tolerance = tolerance_of(path)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    expected = [oracle["y"]] if "y" in oracle else [oracle[f"y{i}"] for i in range(len(outputs))]
    for found, each in zip(outputs, expected, strict=True):
        assert_close(found, each, tolerance)
    if "logits" in oracle:
        last = model.graph[model.graph.outputs[0]]
        assert_close(layers[last.inputs[0]], oracle["logits"], tolerance, "logits")
    for name in oracle:
        if name.startswith("act."):
            layer = RENAMED.get(name.removeprefix("act."), name.removeprefix("act."))
            assert_close(layers[layer], oracle[name], tolerance, name)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.name.split('.')[0]}")
def test_loaded_models_are_consistent(path):
    model = ir.load(path)
    shapes = model.shapes
    assert all(shape[0] is None for shape in model.input_shapes)
    assert {node.params for node in model.graph.nodes} - {None} == set(model.params)
    arrays = [array for layer in model.params.values() for array in layer.values()]
    assert all(type(a) is np.ndarray and a.dtype == np.float32 and a.flags.owndata for a in arrays)
    assert all(isinstance(text, str) for pair in model.source.items() for text in pair)
    for node in model.graph.nodes:
        if isinstance(node.op, ir.BatchNorm):
            channels_first = "channels_first" in path.name and len(shapes[node.name]) == 4
            assert node.op.axis == (1 if channels_first else -1)


def test_there_is_a_file_of_every_generation():
    assert len(FILES) >= 65
    assert {path.parent.name.split(".")[0] for path in FILES} == {
        "keras1",
        "keras2",
        "keras3",
        "tfkeras1",
        "tfkeras2",
    }


def test_source_says_what_the_file_says():
    source = ir.load(KERAS / "keras3.15.1" / "mini_mixed_float16.full.h5").source
    assert source["format"] == "Keras HDF5"
    assert source["keras_version"] == "3.15.1"
    assert source["backend"] == "jax"
    assert source["dtype"] == "mixed_float16"


@pytest.mark.parametrize("version", ["tfkeras2.12.1", "tfkeras2.15.1", "keras3.15.1"])
def test_names_of_nested_models_and_further_calls(version):
    model = ir.load(KERAS / version / "mini_nested_deep.full.h5")
    graph = model.graph
    assert graph["mid/c2"].params == graph["mid:1/c2"].params == "mid/c2"
    assert graph["mid/inner/c"].params == graph["mid:1/inner/c"].params == "mid/inner/c"
    assert graph["c3"].inputs == ("mid/concatenate",)
    assert graph["mid:1/c2"].inputs == ("c3",)
    assert graph.values["mid"] == "mid/concatenate"
    assert graph.values["mid:1"] == "mid:1/concatenate"
    assert graph.values["mid/inner"] == "mid/inner/re_lu"
    inner_input = next(alias for alias in graph.values if alias.startswith("mid:1/input"))
    assert graph.values[inner_input] == "c3"


def test_a_sequential_without_input_layer_names_its_input_after_the_first_layer():
    assert ir.load(KERAS / "keras2.2.4" / "mini_nested_sequential.full.h5").graph.inputs == (
        "resnet50_input",
    )
    assert ir.load(KERAS / "keras1.2.2" / "mini_sequential_k1.full.h5").graph.inputs == (
        "convolution2d_1_input",
    )


def test_layers_that_do_nothing_at_inference_are_aliases():
    graph = ir.load(KERAS / "keras2.2.4" / "mini_resnet_compiled.full.h5").graph
    alias = next(name for name in graph.values if name.startswith("dropout"))
    assert alias not in graph
    assert graph.values[alias] in graph


def test_a_fused_activation_is_a_node_of_its_own():
    graph = ir.load(KERAS / "keras2.2.4" / "mini_resnet.full.h5").graph
    name = graph.outputs[0]
    assert graph[name] == ir.Node(name, ir.Softmax(), (f"{name}/linear",))
    assert graph[f"{name}/linear"].params == name


def test_a_separable_convolution_is_two():
    model = ir.load(KERAS / "keras2.2.4" / "mini_sequential_vgg.full.h5")
    name = "separable_conv2d_1"
    assert isinstance(model.graph[f"{name}/depthwise"].op, ir.DepthwiseConv)
    assert isinstance(model.graph[name].op, ir.Conv)
    assert set(model.params[f"{name}/depthwise"]) == {"kernel"}
    assert set(model.params[name]) == {"kernel", "bias"}


def test_dead_branches_and_their_weights_are_left_out(tmp_path):
    def cut(config):
        config["config"]["output_layers"] = [["bn_conv1", 0, 0]]

    model = ir.load(edited(tmp_path / "m.h5", "keras2.2.4/mini_resnet.full.h5", cut))
    assert [node.name for node in model.graph.nodes] == ["conv1_pad", "conv1", "bn_conv1"]
    assert set(model.params) == {"conv1", "bn_conv1"}


def test_the_order_of_layers_in_the_configuration_does_not_matter(tmp_path):
    path = edited(
        tmp_path / "m.h5",
        "keras2.2.4/mini_resnet.full.h5",
        lambda c: c["config"]["layers"].reverse(),
    )
    oracle = np.load(KERAS / "keras2.2.4" / "mini_resnet.oracle.npz")
    model = ir.load(path)
    assert_close(forward(model.graph, model.params, oracle["x"]), oracle["y"], 1e-5)


@pytest.mark.parametrize(("version", "slope"), [("2.2.4", 0.2), ("2.15.0", 0.2), ("3.15.1", 1 / 6)])
def test_hard_sigmoid_is_that_of_the_keras_version(tmp_path, version, slope):
    config = sequential(
        ("Activation", {"name": "a", "activation": "hard_sigmoid", "batch_input_shape": [None, 3]})
    )
    model = ir.load(saved(tmp_path / "m.h5", config, {"a": {}}, keras_version=version))
    assert model.graph["a"].op == ir.HardSigmoid(slope)


@pytest.mark.parametrize(
    ("class_name", "config", "op"),
    [
        ("LeakyReLU", {"alpha": {"type": "ndarray", "values": 0.1}}, ir.Relu(negative_slope=0.1)),
        ("LeakyReLU", {"negative_slope": 0.25}, ir.Relu(negative_slope=0.25)),
        (
            "ReLU",
            {"max_value": None, "negative_slope": None, "threshold": 0.5},
            ir.Relu(threshold=0.5),
        ),
        (
            "Activation",
            {"activation": {"class_name": "ReLU", "config": {"max_value": 6}}},
            ir.Relu(max_value=6.0),
        ),
        (
            "Activation",
            {"activation": {"class_name": "function", "config": "swish"}},
            ir.Activation("silu"),
        ),
        ("Activation", {"activation": "gelu"}, ir.Activation("gelu")),
        ("ThresholdedReLU", {"theta": 1.5}, ir.Relu(threshold=1.5)),
        ("ELU", {"alpha": 0.5}, ir.Elu(0.5)),
        ("Softmax", {"axis": [-1]}, ir.Softmax()),
    ],
)
def test_activations(tmp_path, class_name, config, op):
    config = sequential((class_name, {"name": "a", "batch_input_shape": [None, 3], **config}))
    assert (
        ir.load(saved(tmp_path / "m.h5", config, {"a": {}}, keras_version="2.2.4")).graph["a"].op
        == op
    )


@pytest.mark.parametrize(
    ("shape", "class_name", "config", "op"),
    [
        ([8, 3], "ZeroPadding1D", {"padding": [1, 2]}, ir.ZeroPad(((1, 2),))),
        ([8, 3], "ZeroPadding1D", {"padding": 1}, ir.ZeroPad(((1, 1),))),
        ([8, 8, 3], "ZeroPadding2D", {"padding": [[1, 2], [3, 4]]}, ir.ZeroPad(((1, 2), (3, 4)))),
        ([8, 8, 3], "Cropping2D", {"cropping": [[1, 0], [1, 0]]}, ir.Crop(((1, 0), (1, 0)))),
        ([8, 3], "MaxPooling1D", {"pool_size": 2, "strides": None}, ir.MaxPool((2,), (2,))),
        (
            [8, 8, 8, 3],
            "AveragePooling3D",
            {"pool_size": [2, 2, 2]},
            ir.AvgPool((2, 2, 2), (2, 2, 2)),
        ),
        ([8, 3], "GlobalMaxPooling1D", {}, ir.GlobalMaxPool()),
        ([8, 3], "Reshape", {"target_shape": [4, 6]}, ir.Reshape((4, 6))),
        ([8, 3], "Permute", {"dims": [2, 1]}, ir.Permute((2, 1))),
    ],
)
def test_layers_without_weights(tmp_path, shape, class_name, config, op):
    config = sequential((class_name, {"name": "a", "batch_input_shape": [None, *shape], **config}))
    assert (
        ir.load(saved(tmp_path / "m.h5", config, {"a": {}}, keras_version="2.2.4")).graph["a"].op
        == op
    )


def conv1d(**config):
    return {
        "name": "c",
        "filters": 4,
        "kernel_size": [3],
        "strides": [1],
        "dilation_rate": [2],
        **config,
    }


def test_causal_padding_is_explicit(tmp_path, rng):
    config = sequential(("Conv1D", conv1d(padding="causal", batch_input_shape=[None, 9, 2])))
    kernel = rng.normal(size=(3, 2, 4)).astype(np.float32)
    model = ir.load(
        saved(tmp_path / "m.h5", config, {"c": {"c/kernel:0": kernel, "c/bias:0": np.zeros(4)}})
    )
    assert model.graph["c"].op.padding == ((4, 0),)
    assert model.shapes["c"] == (None, 9, 4)


def test_theano_kernels_are_turned_round_and_others_are_not(tmp_path, rng):
    config = sequential(
        ("Conv1D", conv1d(padding="same", batch_input_shape=[None, 9, 2], use_bias=False))
    )
    kernel = rng.normal(size=(3, 2, 4)).astype(np.float32)
    for backend, expected in (("theano", kernel[::-1]), ("tensorflow", kernel)):
        layers = {"c": {"c/kernel": kernel}}
        path = saved(
            tmp_path / f"{backend}.h5", config, layers, keras_version="2.2.4", backend=backend
        )
        np.testing.assert_array_equal(ir.load(path).params["c"]["kernel"], expected)


def test_keras_1_kernels_with_channels_first(tmp_path, rng):
    conv = {
        "name": "c",
        "nb_filter": 4,
        "nb_row": 3,
        "nb_col": 2,
        "subsample": [1, 1],
        "border_mode": "valid",
    }
    layers = [
        {
            "class_name": "ZeroPadding2D",
            "config": {"name": "z", "padding": [1, 2], "batch_input_shape": [None, 5, 8, 8]},
        },
        {
            "class_name": "Convolution2D",
            "config": {**conv, "dim_ordering": "th", "bias": True, "activation": "relu"},
        },
        {"class_name": "Flatten", "config": {"name": "f"}},
    ]
    kernel = rng.normal(size=(4, 5, 3, 2)).astype(np.float32)
    arrays = {"z": {}, "c": {"c_W:0": kernel, "c_b:0": np.zeros(4, np.float32)}, "f": {}}
    config = {"class_name": "Sequential", "config": layers}
    model = ir.load(saved(tmp_path / "m.h5", config, arrays, keras_version="1.2.2"))
    np.testing.assert_array_equal(model.params["c"]["kernel"], kernel.transpose(2, 3, 1, 0))
    assert model.graph["z"].op == ir.ZeroPad(((1, 1), (2, 2)), "channels_first")
    assert model.graph["c/linear"].op.data_format == "channels_first"
    assert model.graph["f"].op == ir.Flatten(), "Keras 1 flattens row by row as stored"
    assert model.shapes["c"] == (None, 4, 8, 11)


def test_keras_1_merges(tmp_path):
    def layer(name, class_name, config, inbound):
        return {
            "name": name,
            "class_name": class_name,
            "config": {"name": name, **config},
            "inbound_nodes": inbound,
        }

    inputs = [layer(n, "InputLayer", {"batch_input_shape": [None, 4, 4, 3]}, []) for n in "ab"]
    merge = {"mode_type": "raw", "concat_axis": 3}
    both = [[["a", 0, 0], ["b", 0, 0]]]
    layers = [
        *inputs,
        layer("s", "Merge", {**merge, "mode": "sum"}, both),
        layer("c", "Merge", {**merge, "mode": "concat"}, both),
    ]
    ends = {"input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["s", 0, 0], ["c", 0, 0]]}
    config = {"class_name": "Model", "config": {"name": "m", "layers": layers, **ends}}
    model = ir.load(
        saved(tmp_path / "m.h5", config, {name: {} for name in "absc"}, keras_version="1.2.2")
    )
    assert model.graph["s"] == ir.Node("s", ir.Add(), ("a", "b"))
    assert model.graph["c"] == ir.Node("c", ir.Concatenate(3), ("a", "b"))
    assert model.graph.inputs == ("a", "b")
    assert model.graph.outputs == ("s", "c")


def test_a_nameless_nested_model_has_the_name_of_its_weights(tmp_path, rng):
    inner = [
        {
            "class_name": "Dense",
            "config": {"name": "d", "output_dim": 2, "batch_input_shape": [None, 3]},
        }
    ]
    config = {"class_name": "Sequential", "config": [{"class_name": "Sequential", "config": inner}]}
    arrays = {"sequential_1": {"d_W:0": rng.normal(size=(3, 2)), "d_b:0": np.zeros(2)}}
    model = ir.load(saved(tmp_path / "m.h5", config, arrays, keras_version="1.2.2"))
    assert [node.name for node in model.graph.nodes] == ["sequential_1/d"]
    assert model.graph.inputs == ("sequential_1_input",)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_half_precision_is_raised_and_the_rest_kept(tmp_path, dtype):
    values = np.array([[1.5, -2.0], [0.25, 1024.0]])
    config = sequential(
        ("Dense", {"name": "d", "units": 2, "use_bias": False, "batch_input_shape": [None, 2]})
    )
    stored = values.astype(np.float32 if dtype == "bfloat16" else dtype)
    if dtype == "bfloat16":
        stored = (stored.view(np.uint32) >> 16).astype(np.uint16).view("V2")
    path = saved(tmp_path / "m.h5", config, {"d": {"d/kernel:0": stored}}, keras_version="3.15.1")
    if dtype == "bfloat16":
        with h5py.File(path, "r+") as file:
            file["model_weights/d/d/kernel:0"].attrs["dtype"] = "bfloat16"
    kernel = ir.load(path).params["d"]["kernel"]
    assert kernel.dtype == (np.float64 if dtype == "float64" else np.float32)
    np.testing.assert_array_equal(kernel, values)


def test_weights_are_matched_by_name_where_the_order_differs(tmp_path, rng):
    arrays = {r: rng.normal(size=3) for r in ("moving_variance", "beta", "gamma", "moving_mean")}
    config = sequential(
        ("BatchNormalization", {"name": "b", "axis": [1], "batch_input_shape": [None, 3]})
    )
    path = saved(
        tmp_path / "m.h5",
        config,
        {"b": {f"b_1/{r}:0": a for r, a in arrays.items()}},
        keras_version="2.2.4",
    )
    loaded = ir.load(path).params["b"]
    assert {role: list(a) for role, a in loaded.items()} == {
        role: list(a) for role, a in arrays.items()
    }


def test_fizyr_normalisation_is_normalisation(tmp_path):
    fields = {
        "name": "b",
        "axis": -1,
        "scale": False,
        "epsilon": 1e-5,
        "freeze": True,
        "batch_input_shape": [None, 3],
    }
    arrays = {
        f"b/{r}:0": np.ones(3, np.float32) for r in ("beta", "moving_mean", "moving_variance")
    }
    path = saved(
        tmp_path / "m.h5",
        sequential(("BatchNormalization", fields)),
        {"b": arrays},
        keras_version="2.2.4",
    )
    model = ir.load(path)
    assert model.graph["b"].op == ir.BatchNorm(1e-5)
    assert set(model.params["b"]) == {"beta", "moving_mean", "moving_variance"}
