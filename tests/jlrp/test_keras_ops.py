"""Merging, normalising, scaling, resizing and rearranging layers compute what Keras computes."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp

pytestmark = pytest.mark.slow

LAST, FIRST = (2, 5, 6, 3), (2, 3, 5, 6)
MERGES = ("Add", "Average", "Subtract", "Multiply", "Maximum", "Minimum")
METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
FUNCTIONS = (
    "hard_silu",
    "mish",
    "log_sigmoid",
    "squareplus",
    "tanh_shrink",
    "silu",
    "gelu",
    "selu",
    "softsign",
)
DOTS = [
    ((1, 1), (3, 4), (3, 4)),
    ((1, 2), (3, 4), (3, 5, 4)),
    ((2, 1), (3, 5, 4), (3, 4)),
    ((2, 1), (3, 5, 4), (3, 4, 6)),
    ((2, 3), (3, 2, 4, 5), (3, 6, 7, 4)),
    ((-1, 1), (3, 5, 4), (3, 4, 6)),
]


@pytest.fixture(scope="module")
def layers():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras").layers


def outputs(layer, op, inputs, params=None):
    """What Keras and what we compute, as two arrays."""
    given = inputs[0] if len(inputs) == 1 else list(inputs)
    ours = jlrp.apply(op, jax.tree.map(jnp.asarray, params or {}), *map(jnp.asarray, inputs))
    return np.asarray(layer(given)), np.asarray(ours)


def assert_equal(layer, op, *shapes):
    """Equal in float64, of one shape, up to the order in which sums are rounded."""
    rng = np.random.default_rng(0)
    theirs, ours = outputs(layer, op, [rng.normal(size=shape) for shape in shapes])
    assert ours.shape == theirs.shape
    assert theirs.dtype == np.float64
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


def assert_equal_with_weights(layer, op, shape, roles, **tolerance):
    """The same for a layer with weights, `roles` {ours: Keras's}, which are drawn at random."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    layer.build(shape)
    params = {}
    for role, name in roles.items():
        variable = getattr(layer, name)
        variable.assign(rng.uniform(0.5, 2, size=variable.shape))
        params[role] = np.asarray(variable, np.float64)
    theirs, ours = outputs(layer, op, [x], params)
    np.testing.assert_allclose(ours, theirs, **tolerance)
    return ours, params, x


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", MERGES)
def test_merging(layers, name):
    op = getattr(ir, name)()
    assert_equal(getattr(layers, name)(dtype="float64"), op, (2, 3, 4, 5), (2, 3, 4, 5))
    assert_equal(getattr(layers, name)(dtype="float64"), op, (2, 3, 4, 5), (2, 1, 1, 5))
    if name != "Subtract":
        assert_equal(
            getattr(layers, name)(dtype="float64"), op, (2, 3, 4, 5), (2, 1, 4, 1), (2, 3, 4, 5)
        )


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("axes", "a", "b"), DOTS)
def test_dot(layers, axes, a, b, normalize):
    assert_equal(
        layers.Dot(axes, normalize=normalize, dtype="float64"), ir.Dot(axes, normalize), a, b
    )


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("axis", [-1, (1, 2)])
def test_unit_norm_of_zeros_too(layers, axis):
    axes = axis if isinstance(axis, tuple) else (axis,)
    layer, op = layers.UnitNormalization(axis, dtype="float64"), ir.UnitNorm(axes)
    assert_equal(layer, op, (3, 4, 5))
    theirs, ours = outputs(layer, op, [np.zeros((1, 4, 5))])
    assert ours.tolist() == theirs.tolist()


FLOAT32 = {"rtol": 1e-5, "atol": 1e-5}
"""Keras normalises in float32 even where all else is float64.

Tests against the formula are in float64.
"""


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("axes", [(-1,), (1,), (1, 2), (1, 3)])
def test_layer_norm(layers, axes):
    layer, op = layers.LayerNormalization(axis=axes, dtype="float64"), ir.LayerNorm(axes)
    y, params, x = assert_equal_with_weights(
        layer, op, (2, 3, 4, 5), {"gamma": "gamma", "beta": "beta"}, **FLOAT32
    )
    shape = [n if axis in {a % 4 for a in axes} else 1 for axis, n in enumerate(x.shape)]
    gamma, beta = (params[role].reshape(shape) for role in ("gamma", "beta"))
    normal = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-3)
    np.testing.assert_allclose(y, gamma * normal + beta, rtol=1e-12, atol=1e-13)


@pytest.mark.usefixtures("x64")
def test_rms_norm(layers):
    layer, op = (
        layers.RMSNormalization(epsilon=1e-3, dtype="float64"),
        ir.LayerNorm((-1,), 1e-3, rms=True),
    )
    y, params, x = assert_equal_with_weights(layer, op, (2, 4, 5), {"gamma": "scale"}, **FLOAT32)
    expected = params["gamma"] * x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("groups", "axis", "shape"), [(2, -1, (2, 3, 4, 6)), (3, 1, (2, 6, 3, 4)), (-1, -1, (2, 5, 4))]
)
def test_group_norm(layers, groups, axis, shape):
    layer, op = (
        layers.GroupNormalization(groups, axis=axis, dtype="float64"),
        ir.GroupNorm(groups, axis),
    )
    roles = {"gamma": "gamma", "beta": "beta"}
    y, params, x = assert_equal_with_weights(layer, op, shape, roles, **FLOAT32)
    channels = np.moveaxis(x, axis, 1)
    expected = np.empty_like(channels)
    size = channels.shape[1] // groups if groups > 0 else 1
    for image in range(2):
        for start in range(0, channels.shape[1], size):
            part = channels[image, start : start + size]
            normal = (part - part.mean()) / np.sqrt(part.var() + 1e-3)
            for c in range(size):
                gamma, beta = params["gamma"][start + c], params["beta"][start + c]
                expected[image, start + c] = gamma * normal[c] + beta
    np.testing.assert_allclose(y, np.moveaxis(expected, 1, axis), rtol=1e-12, atol=1e-13)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("axes", [(-1,), (1, 3), ()])
def test_scaling(layers, axes):
    assert_equal(layers.Rescaling(0.3, -0.2, dtype="float64"), ir.Rescale(0.3, -0.2), (2, 5))
    layer, op = layers.Normalization(axis=axes or None, dtype="float64"), ir.Standardize(axes)
    rng = np.random.default_rng(0)
    layer.adapt(rng.normal(size=(9, 3, 4, 5)))
    x = rng.normal(size=(2, 3, 4, 5))
    params = {
        role: np.asarray(getattr(layer, f"adapt_{role}"), np.float64)
        for role in ("mean", "variance")
    }
    theirs, ours = outputs(layer, op, [x], params)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_resizing(layers, data_format, method):
    shape = LAST if data_format == "channels_last" else FIRST
    options = {"interpolation": method, "data_format": data_format, "dtype": "float64"}
    assert_equal(
        layers.UpSampling2D((2, 3), **options), ir.Upsample((2, 3), method, data_format), shape
    )
    for antialias in (False, True):
        layer = layers.Resizing(3, 9, antialias=antialias, **options)
        assert_equal(layer, ir.Resize((3, 9), method, data_format, antialias), shape)


@pytest.mark.usefixtures("x64")
def test_repeating(layers):
    assert_equal(layers.UpSampling1D(3, dtype="float64"), ir.Upsample((3,)), (2, 4, 3))
    assert_equal(
        layers.UpSampling3D((1, 2, 3), dtype="float64"), ir.Upsample((1, 2, 3)), (2, 2, 3, 4, 2)
    )
    assert_equal(layers.RepeatVector(3, dtype="float64"), ir.Repeat(3), (2, 5))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_activations(layers, function):
    assert_equal(layers.Activation(function, dtype="float64"), ir.Activation(function), (50, 20))


@pytest.mark.usefixtures("x64")
def test_activations_with_numbers(layers):
    assert_equal(layers.Activation("celu", dtype="float64"), ir.Celu(), (50, 20))
    assert_equal(layers.Activation("hard_shrink", dtype="float64"), ir.HardShrink(), (50, 20))
    assert_equal(layers.Activation("soft_shrink", dtype="float64"), ir.SoftShrink(), (50, 20))
    assert_equal(layers.Activation("hard_tanh", dtype="float64"), ir.Clip(-1.0, 1.0), (50, 20))


@pytest.mark.parametrize(
    "index",
    [
        ((None, None, -1), 2),
        (0, (1, None, 2), (-2, None, None)),
        ((3, 0, -2), (None, None, None), -1),
        (),
    ],
)
def test_slices_are_those_of_numpy(index, rng):
    x = rng.normal(size=(2, 5, 4, 3)).astype("f")
    expected = x[(slice(None), *(i if isinstance(i, int) else slice(*i) for i in index))]
    np.testing.assert_array_equal(jlrp.apply(ir.Slice(index), {}, jnp.asarray(x)), expected)
