"""Ops of TensorFlow 2.0 to 2.3, as tf.keras recorded them: against NumPy, and what is refused."""

import base64
import json

import numpy as np
import pytest

import ir
import jlrp
from tests.keras_files import saved

IMAGES = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype("f")
VECTORS = IMAGES[:, 0, 0]
MATRIX = np.arange(6.0).reshape(3, 2)


def text(value):
    return {"s": base64.b64encode(value.encode()).decode()}


def whole(*values):
    return {"list": {"i": [str(v) for v in values]}}


SLICE = {
    "begin_mask": {"i": "1"},
    "end_mask": {"i": "1"},
    "shrink_axis_mask": {"i": "4"},
    "new_axis_mask": {"i": "8"},
}
CENTRES = {"half_pixel_centers": {"b": True}}
POOL = {"ksize": whole(1, 2, 2, 1), "strides": whole(1, 2, 2, 1), "padding": text("VALID")}

OPS = {
    "x / 127.5": ("RealDiv", IMAGES, {"1": 127.5}, {}, lambda x: x / 127.5),
    "1 - x": ("Sub", IMAGES, {"0": 1.0}, {}, lambda x: 1 - x),
    "x + vector": ("AddV2", IMAGES, {"1": [1, 2, 3]}, {}, lambda x: x + np.array([1, 2, 3])),
    "BiasAdd": ("BiasAdd", IMAGES, {"1": [1.0, 2.0, 3.0]}, {}, lambda x: x + np.array([1, 2, 3])),
    "Relu6": ("Relu6", IMAGES, {}, {}, lambda x: np.clip(x, 0, 6)),
    "LeakyRelu": (
        "LeakyRelu",
        IMAGES,
        {},
        {"alpha": {"f": 0.1}},
        lambda x: np.where(x > 0, x, 0.1 * x),
    ),
    "Mean": (
        "Mean",
        IMAGES,
        {"1": [1, 2]},
        {"keep_dims": {"b": True}},
        lambda x: x.mean((1, 2), keepdims=True),
    ),
    "Sum": ("Sum", IMAGES, {"1": -1}, {}, lambda x: x.sum(-1)),
    "Max": ("Max", IMAGES, {"1": [1]}, {"keep_dims": {"b": False}}, lambda x: x.max(1)),
    "Reshape": ("Reshape", IMAGES, {"1": [-1, 24, 3]}, {}, lambda x: x.reshape(-1, 24, 3)),
    "Transpose": ("Transpose", IMAGES, {"1": [0, 3, 1, 2]}, {}, lambda x: x.transpose(0, 3, 1, 2)),
    "ConcatV2": ("ConcatV2", IMAGES, {"1": 3}, {}, lambda x: x),
    "ExpandDims": ("ExpandDims", VECTORS, {"1": 1}, {}, lambda x: x[:, None]),
    "Squeeze": ("Squeeze", VECTORS[:, None], {}, {"squeeze_dims": whole(1)}, lambda x: x[:, 0]),
    "Pad": (
        "Pad",
        IMAGES,
        {"1": [[0, 0], [1, 2], [0, 1], [0, 0]]},
        {},
        lambda x: np.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0))),
    ),
    "Tile": ("Tile", VECTORS, {"1": [1, 2]}, {}, lambda x: np.tile(x, (1, 2))),
    "ReverseV2": ("ReverseV2", IMAGES, {"1": [3]}, {}, lambda x: x[..., ::-1]),
    "GatherV2": ("GatherV2", VECTORS, {"1": [2, 0], "2": 1}, {}, lambda x: x[:, [2, 0]]),
    "MatMul": (
        "MatMul",
        VECTORS,
        {"1": MATRIX.T.tolist()},
        {"transpose_b": {"b": True}},
        lambda x: x @ MATRIX,
    ),
    "MaxPool": ("MaxPool", IMAGES, {}, POOL, lambda x: x.reshape(2, 3, 2, 2, 2, 3).max((2, 4))),
    "AvgPool": ("AvgPool", IMAGES, {}, POOL, lambda x: x.reshape(2, 3, 2, 2, 2, 3).mean((2, 4))),
    "ResizeNearestNeighbor": (
        "ResizeNearestNeighbor",
        IMAGES,
        {"1": [12, 8]},
        CENTRES,
        lambda x: x.repeat(2, 1).repeat(2, 2),
    ),
    "StridedSlice": (
        "StridedSlice",
        IMAGES,
        {"1": [0, 1, 2, 0], "2": [0, 5, 3, 0], "3": [1, 2, 1, 1]},
        SLICE,
        lambda x: x[:, 1:5:2, 2, None],
    ),
    "Pow": ("Pow", VECTORS, {"1": 2.0}, {}, lambda x: x**2),
    "Cast": ("Cast", VECTORS, {}, {"DstT": {"type": "DT_FLOAT"}}, lambda x: x),
    "Pack": ("Pack", VECTORS, {}, {"axis": {"i": "1"}}, lambda x: x[:, None]),
}


def op_file(
    path, op, shape, constants, attributes, written=lambda description: description, output=0
):
    inputs = ["x" if str(i) not in constants else f"c{i}" for i in range(1 + len(constants))]
    description = {
        "name": "n",
        "op": op,
        "input": inputs,
        "attr": {"T": {"type": "DT_FLOAT"}, **attributes},
    }
    config = {
        "name": "n",
        "trainable": True,
        "dtype": "float32",
        "node_def": written(description),
        "constants": constants,
    }
    layers = [
        {
            "class_name": "InputLayer",
            "name": "i",
            "config": {"name": "i", "batch_input_shape": [None, *shape]},
            "inbound_nodes": [],
        },
        {
            "class_name": "TensorFlowOpLayer",
            "name": "tf_op",
            "config": config,
            "inbound_nodes": [[["i", 0, 0, {}]]],
        },
    ]
    ends = {"input_layers": [["i", 0, 0]], "output_layers": [["tf_op", 0, output]]}
    model = {"class_name": "Model", "config": {"name": "m", "layers": layers, **ends}}
    return saved(path, model, {"i": {}, "tf_op": {}}, keras_version="2.3.0-tf")


def outputs(path, x):
    model = ir.load(path)
    return np.asarray(jlrp.forward(model.graph, model.params, x))


@pytest.mark.parametrize("name", OPS)
def test_an_op(name, tmp_path):
    """Equal up to float32; the description as an object and as a text that is JSON."""
    op, x, constants, attributes, function = OPS[name]
    for written in (lambda d: d, json.dumps):
        found = outputs(
            op_file(tmp_path / "m.h5", op, x.shape[1:], constants, attributes, written), x
        )
        expected = function(x)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_each_part_of_a_split(index, tmp_path):
    path = op_file(
        tmp_path / "m.h5", "Split", (3,), {"0": 1}, {"num_split": {"i": "3"}}, output=index
    )
    np.testing.assert_array_equal(outputs(path, VECTORS), VECTORS[:, index : index + 1])


@pytest.mark.parametrize(
    ("op", "constants", "attributes", "words"),
    [
        ("Cumsum", {"1": 1}, {}, ["'Cumsum'", 'register("Cumsum", cumsum, kind="function")']),
        ("RealDiv", {"0": 1.0}, {}, ["divides by"]),
        ("RealDiv", {"1": 0.0}, {}, ["divides by zero"]),
        ("Tile", {"1": [1, 10**9]}, {}, ["10000000"]),
        ("Reshape", {"1": [2, 3]}, {}, ["number of images"]),
        ("Mean", {"1": [0]}, {}, ["batch"]),
        ("Mean", {"1": [7]}, {}, ["axes"]),
        ("ResizeBilinear", {"1": [3, 3]}, {}, ["other corners"]),
        ("Split", {"0": 1}, {"num_split": {"i": "2"}}, ["equal parts"]),
        ("GatherV2", {"1": [9], "2": 1}, {}, ["takes cells"]),
        ("Pow", {"1": 0.5}, {}, ["whole powers"]),
        ("StridedSlice", {"1": [1, 0], "2": [2, 3], "3": [1, 1]}, {}, ["some images of the batch"]),
    ],
)
def test_what_is_refused(op, constants, attributes, words, tmp_path):
    with pytest.raises(ir.LoadError) as caught:
        ir.load(op_file(tmp_path / "m.h5", op, (3,), constants, attributes))
    assert all(word in str(caught.value) for word in ("tf_op", *words)), caught.value


@pytest.mark.parametrize(
    "written",
    [lambda d: 3, lambda d: "{", lambda d: "[1]", lambda d: "x" * 200_000, lambda d: "[" * 90_000],
)
def test_descriptions_that_are_none(written, tmp_path):
    with pytest.raises(ir.LoadError, match="no description of its op"):
        ir.load(op_file(tmp_path / "m.h5", "Relu", (3,), {}, {}, written))


def test_constants_that_have_no_place(tmp_path):
    for constants in ({"7": 1.0}, {"-1": 1.0}, {"x": 1.0}):
        with pytest.raises(ir.LoadError, match=r"1 values and 1 constants"):
            ir.load(op_file(tmp_path / "m.h5", "Add", (3,), constants, {}))
