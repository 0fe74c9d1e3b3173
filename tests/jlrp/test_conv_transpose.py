"""Transposed convolutions.

What Keras computes, what the passes make of them, and a file that Keras saved.
"""

import os

import jax
import numpy as np
import pytest

import ir
import jlrp
from ir.passes import fold_batchnorm, fold_padding
from jlrp.composites.crawford import OriginalHalfHalf
from tests.networks import conv, norm


@pytest.fixture(scope="module")
def layers():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras").layers


def assert_equal_keras(layer, op, x):
    """The op with the layer's weights computes what the layer computes."""
    with jax.numpy_dtype_promotion("standard"):
        expected = np.asarray(layer(x))
    params = {weight.name: np.asarray(weight) for weight in layer.weights}
    params["bias"] = np.linspace(-1, 1, len(params["bias"]), dtype="f")  # Keras starts with zeros
    ours = jlrp.apply(op, params, x)
    ours = np.asarray(ours) - params["bias"].reshape(
        -1, *[1] * len(op.strides) * (op.data_format == "channels_first")
    )
    assert op.output_shape(params, (None, *x.shape[1:])) == (None, *expected.shape[1:])
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() <= 1e-5 * np.abs(expected).max()  # float32


# Keras takes dilation with a stride of 1 only.
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("window", "strides", "dilation"),
    [
        *(((k, 5 - k), (s, 1 + s % 3), (1, 1)) for k in (1, 2, 3, 4) for s in (1, 2, 3)),
        ((3, 2), (1, 1), (2, 2)),
        ((2, 4), (1, 1), (3, 1)),
    ],
)
def test_equals_keras(layers, rng, padding, window, strides, dilation):
    layer = layers.Conv2DTranspose(5, window, strides, padding, dilation_rate=dilation)
    x = rng.normal(size=(2, 4, 5, 3)).astype("f")
    assert_equal_keras(layer, ir.ConvTranspose(strides, padding, dilation), x)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_equals_keras_in_one_and_three_dimensions(layers, rng, padding):
    one = layers.Conv1DTranspose(4, 3, 2, padding)
    assert_equal_keras(
        one, ir.ConvTranspose((2,), padding, (1,)), rng.normal(size=(2, 5, 3)).astype("f")
    )
    three = layers.Conv3DTranspose(4, (2, 3, 1), (1, 2, 3), padding)
    op = ir.ConvTranspose((1, 2, 3), padding, (1, 1, 1))
    assert_equal_keras(three, op, rng.normal(size=(2, 3, 4, 2, 3)).astype("f"))


def test_equals_keras_with_channels_first(layers, rng):
    layer = layers.Conv2DTranspose(4, 3, 2, "same", data_format="channels_first")
    op = ir.ConvTranspose((2, 2), "same", data_format="channels_first")
    assert_equal_keras(layer, op, rng.normal(size=(2, 3, 4, 5)).astype("f"))


def test_is_the_transpose_of_the_convolution(rng):
    params = {"kernel": rng.normal(size=(3, 2, 4, 3)).astype("f")}
    small, large = (
        rng.normal(size=(1, 3, 4, 3)).astype("f"),
        rng.normal(size=(1, 6, 8, 4)).astype("f"),
    )
    up = jlrp.apply(ir.ConvTranspose((2, 2), "same"), params, small)
    down = jlrp.apply(ir.Conv((2, 2), "same"), params, large)
    np.testing.assert_allclose((up * large).sum(), (down * small).sum(), rtol=1e-4)


@pytest.mark.parametrize(
    ("op", "shape", "message"),
    [
        (ir.ConvTranspose(), (None, 5, 5, 4), "takes 3 channels"),
        (ir.ConvTranspose(), (None, 5, 3), "4 dimensions"),
        (
            ir.ConvTranspose(padding=((1, 1), (0, 0))),
            (None, 5, 5, 3),
            "pads 'same' or 'valid', not",
        ),
    ],
)
def test_what_does_not_fit(op, shape, message):
    with pytest.raises(ir.ShapeError, match=message):
        op.output_shape({"kernel": np.zeros((3, 3, 4, 3))}, shape)


def weights(rng, window, out, inputs):
    return {"kernel": conv(rng, *window, out, inputs)["kernel"], "bias": conv(rng, 1, out)["bias"]}


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_batchnorm_behind_it_is_folded_into_it(data_format):
    rng = np.random.default_rng(0)
    axis, shape = (1, (2, 3, 4, 5)) if data_format == "channels_first" else (-1, (2, 4, 5, 3))
    nodes = [
        ir.Node("up", ir.ConvTranspose((2, 2), "same", data_format=data_format), ("x",), "up"),
        ir.Node("bn", ir.BatchNorm(axis=axis), ("up",), "bn"),
    ]
    graph, params = (
        ir.Graph(nodes, ["x"], ["bn"]),
        {"up": weights(rng, (3, 3), 6, 3), "bn": norm(rng, 6)},
    )
    images = rng.normal(size=shape).astype("f")
    folded = fold_batchnorm(graph)
    assert [type(node.op) for node in folded.graph.nodes] == [ir.ConvTranspose]
    expected = jlrp.forward(graph, params, images)
    ours = jlrp.forward(folded.graph, folded.params(params), images)
    assert (
        np.abs(ours - expected).max() <= 1e-5 * np.abs(expected).max()
    )  # float32, multiplied in another order


@pytest.mark.parametrize("before", [ir.BatchNorm(), ir.ZeroPad()], ids=str)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_what_stands_before_it_stays(before, padding):
    """At the border and between strides fewer cells add up, so that no bias stands for a constant
    input."""
    first = ir.Node("first", before, ("x",), "first" if isinstance(before, ir.BatchNorm) else None)
    graph = ir.Graph(
        [first, ir.Node("up", ir.ConvTranspose(padding=padding), ("first",), "up")], ["x"], ["up"]
    )
    assert fold_padding(graph).then(fold_batchnorm).graph == graph


def test_rules_for_convolutions_are_for_it():
    nodes = [ir.Node("up", ir.ConvTranspose(), ("x",), "up"), ir.Node("relu", ir.Elu(), ("up",))]
    graph = ir.Graph(nodes, ["x"], ["relu"])
    rules = {
        name: type(jlrp.PRESETS[name]().assign(graph)["up"]).__name__
        for name in ("epsilon_plus", "crawford2019")
    }
    assert rules == {"epsilon_plus": "ZPlus", "crawford2019": "HalfHalf"}
    assert jlrp.First()(graph, graph["up"])


def test_windows_of_2019_are_not_shifted_for_it(rng):
    op, params = ir.ConvTranspose((2, 2), "same"), weights(rng, (1, 1), 4, 3)
    x = rng.normal(size=(1, 3, 3, 3)).astype("f")
    call = jlrp.LayerCall(op, params, (x,), jlrp.apply(op, params, x), (False,))
    original, mended = (
        rule.relevance(call, call.output)[0] for rule in (OriginalHalfHalf(), jlrp.HalfHalf())
    )
    np.testing.assert_array_equal(original, mended)
