"""What parts of functions are recognised as: by numbers, and nothing that only looks alike."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import ir
import jlrp

GENERATOR = np.random.default_rng(0)


def drawn(*shape):
    return jnp.asarray(GENERATOR.normal(size=shape))


pytestmark = pytest.mark.usefixtures("x64")


X = GENERATOR.normal(size=(2, 6, 8))
P = {
    "w": GENERATOR.normal(size=8),
    "b": GENERATOR.normal(size=8),
    "k": GENERATOR.normal(size=(8, 8)),
}
NAMES = ("w", "b", "k")


def centred(x, axis=-1):
    return x - x.mean(axis, keepdims=True)


def layer_norm(x, epsilon=1e-5):
    return centred(x) / jnp.sqrt(x.var(-1, keepdims=True) + epsilon)


def length(x):
    return jnp.sqrt(jnp.square(x).sum(-1, keepdims=True))


LN = "LayerNorm(epsilon=1e-05)"

KNOWN = {
    "gelu": (lambda p, x: jax.nn.gelu(x, approximate=False), "Activation(function='gelu')"),
    "gelu by hand": (
        lambda p, x: 0.5 * x * (1 + jnp.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        "Activation(function='gelu_tanh')",
    ),
    "silu by hand": (lambda p, x: x / (1 + jnp.exp(-x)), "Activation(function='silu')"),
    "tanh by sigmoid": (lambda p, x: 2 * jax.nn.sigmoid(2 * x) - 1, "Activation()"),
    "relu by abs": (lambda p, x: (x + jnp.abs(x)) / 2, "Relu()"),
    "relu by a product": (lambda p, x: (x > 0).astype(x.dtype) * x, "Relu()"),
    "relu6": (lambda p, x: jax.nn.relu6(x), "Relu(max_value=6.0)"),
    "leaky relu": (lambda p, x: jax.nn.leaky_relu(x, 0.2), "Relu(negative_slope=0.2)"),
    "elu": (lambda p, x: jax.nn.elu(x, 0.5), "Elu(alpha=0.5)"),
    "celu": (lambda p, x: jax.nn.celu(x, 2.0), "Celu(alpha=2.0)"),
    "clip": (lambda p, x: jnp.clip(x, -1, 2), "Clip(low=-1.0, high=2.0)"),
    "prelu": (lambda p, x: jnp.where(x >= 0, x, p["w"] * x), "PRelu()"),
    "unnamed": (lambda p, x: jnp.sin(x) * jnp.exp(-x), "Elementwise()"),
    "rescale": (lambda p, x: x / 127.5 - 1, "Rescale(scale=0.00784313725490196, offset=-1.0)"),
    "image means": (lambda p, x: (x - np.arange(8.0)) / np.arange(1.0, 9.0), "Scale(axis=2)"),
    "batch norm": (lambda p, x: x * p["w"] + p["b"], "BatchNorm(epsilon=0.0, axis=2)"),
    "layer scale": (lambda p, x: x * p["w"], "Gain()"),
    "positions": (lambda p, x: x + p["k"][:6], "Offset()"),
    "fixed positions": (lambda p, x: x + np.arange(48.0).reshape(6, 8), "Offset()"),
    "layer norm": (lambda p, x: layer_norm(x) * p["w"] + p["b"], LN),
    "layer norm, one order": (
        lambda p, x: centred(x) * (lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * p["w"]) + p["b"],
        LN,
    ),
    "layer norm, fast variance": (
        lambda p, x: (
            centred(x)
            / jnp.sqrt(
                jnp.square(x).mean(-1, keepdims=True) - jnp.square(x.mean(-1, keepdims=True)) + 1e-5
            )
        ),
        LN,
    ),
    "layer norm, 1 + w": (lambda p, x: layer_norm(x) * (1 + p["w"]), LN),
    "layer norm over both": (
        lambda p, x: centred(x, (1, 2)) / jnp.sqrt(x.var((1, 2), keepdims=True) + 1e-5),
        "LayerNorm(axes=(1, 2), epsilon=1e-05)",
    ),
    "instance norm": (
        lambda p, x: centred(x, 1) / jnp.sqrt(x.var(1, keepdims=True) + 1e-5) * p["w"] + p["b"],
        "GroupNorm(groups=-1, axis=2, epsilon=1e-05)",
    ),
    "group norm": (
        lambda p, x: (
            layer_norm(x.reshape(-1, 6, 2, 4).swapaxes(1, 2).reshape(-1, 2, 24))
            .reshape(-1, 2, 6, 4)
            .swapaxes(1, 2)
            .reshape(-1, 6, 8)
            * p["w"]
        ),
        "GroupNorm(groups=2, axis=2, epsilon=1e-05)",
    ),
    "rms norm": (
        lambda p, x: x * lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-6) * p["w"],
        "LayerNorm(epsilon=1e-06, rms=True)",
    ),
    "rms norm by a sum": (
        lambda p, x: x / jnp.sqrt(jnp.square(x).sum(-1, keepdims=True) + 8e-6),
        "LayerNorm(epsilon=1e-06, rms=True)",
    ),
    "unit norm": (lambda p, x: x / jnp.maximum(length(x), 1e-12), "UnitNorm()"),
    "softmax": (lambda p, x: jax.nn.softmax(x), "Softmax()"),
    "softmax, unsafe": (
        lambda p, x: jnp.exp(x) / jnp.exp(x).sum(1, keepdims=True),
        "Softmax(axis=1)",
    ),
    "log softmax": (lambda p, x: jax.nn.log_softmax(x), "LogSoftmax()"),
    "softmax through moves": (
        lambda p, x: jax.nn.softmax(x.swapaxes(1, 2), 1).swapaxes(1, 2),
        "Softmax()",
    ),
    "mask": (lambda p, x: jnp.where(jnp.tril(jnp.ones((6, 8), bool)), x, -jnp.inf), "Mask()"),
    "additive mask": (
        lambda p, x: x + jnp.where(jnp.tril(jnp.ones((6, 8), bool)), 0, -jnp.inf),
        "Mask()",
    ),
    "mean": (lambda p, x: x.mean(1), "GlobalAvgPool()"),
    "mean of features": (lambda p, x: x.mean(2), "GlobalAvgPool(axes=(2,))"),
    "sum": (lambda p, x: x.sum(1), "GlobalAvgPool() | Rescale(scale=6.0)"),
    "largest": (lambda p, x: x.max(1, keepdims=True), "GlobalMaxPool(keepdims=True)"),
    "flip": (lambda p, x: x[:, ::-1], "Slice(index=((5, None, -1),))"),
    "one cell": (lambda p, x: x[:, 0], "Slice(index=(0,))"),
    "roll": (lambda p, x: jnp.roll(x, 2, 1), "Take(axis=1, indices=(4, 5, 0, 1, 2, 3))"),
    "chosen": (lambda p, x: x[:, jnp.array([3, 1, 1])], "Take(axis=1, indices=(3, 1, 1))"),
    "transposed twice": (
        lambda p, x: x.swapaxes(1, 2).reshape(-1, 8, 6).swapaxes(1, 2) * 2,
        "Rescale(scale=2.0)",
    ),
    "zeros": (lambda p, x: jnp.pad(x, ((0, 0), (1, 2), (0, 0))), "ZeroPad(padding=((1, 2),))"),
    "class token": (
        lambda p, x: jnp.concatenate([jnp.broadcast_to(p["w"], (x.shape[0], 1, 8)), x], 1),
        "Insert()",
    ),
    "interpolation": (
        lambda p, x: jax.image.resize(x, (x.shape[0], 12, 8), "bilinear"),
        "Resample(axis=1)",
    ),
    "dense": (lambda p, x: x @ p["k"] + p["b"], "Dense()"),
    "dense by einsum": (lambda p, x: jnp.einsum("io,nti->nto", p["k"], x), "Dense()"),
    "a kernel per row": (
        lambda p, x: jnp.einsum("nti,tio->nto", x, jnp.stack([p["k"]] * 6)),
        "EinsumDense(equation='nab,abc->nac')",
    ),
    "gate": (
        lambda p, x: x * jax.nn.sigmoid(x.mean(1, keepdims=True)),
        "GlobalAvgPool(keepdims=True) | Activation(function='sigmoid') | Multiply()",
    ),
    "a choice by a fixed mask": (
        lambda p, x: jnp.where(np.arange(8) < 4, x @ p["k"], x),
        "Dense() | Mask(fill=0.0) | Mask(fill=0.0) | Add()",
    ),
}


def listed(function, x=X):
    model = jlrp.trace(function, {n: jnp.asarray(P[n]) for n in NAMES}, jnp.asarray(x))
    return model, " | ".join(str(node.op) for node in model.graph.nodes)


@pytest.mark.parametrize("case", KNOWN)
def test_what_it_computes_is_its_name(case):
    function, expected = KNOWN[case]
    model, found = listed(function)
    assert found == expected
    x = jnp.asarray(np.random.default_rng(1).normal(size=(5, *X.shape[1:])))
    made = jlrp.forward(model.graph, model.params, x)
    reference = function({n: jnp.asarray(P[n]) for n in NAMES}, x)
    np.testing.assert_allclose(made, reference, rtol=1e-12, atol=1e-12)


LOOKALIKES = {
    "softmax of squares": lambda p, x: jnp.exp(x) / jnp.square(jnp.exp(x)).sum(-1, keepdims=True),
    "another axis of the variance": lambda p, x: (
        centred(x) / jnp.sqrt(x.var(1, keepdims=True) + 1e-5)
    ),
    "twice the mean": lambda p, x: (
        (x - 2 * x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)
    ),
    "epsilon outside of the root": lambda p, x: x / (length(x) + 1e-3),
    "one cell fewer": lambda p, x: centred(x) / jnp.sqrt(x.var(-1, keepdims=True, ddof=1) + 1e-5),
    "a cube root": lambda p, x: x / jnp.cbrt(jnp.square(x).mean(-1, keepdims=True) + 1e-5),
    "part of a sum": lambda p, x: x / x.sum(-1, keepdims=True),
}


@pytest.mark.parametrize("case", LOOKALIKES)
def test_lookalikes_are_errors_that_say_what_was_computed(case):
    with pytest.raises(jlrp.TraceError, match=r"No op is known that computes .*test_known.py:\d+"):
        listed(LOOKALIKES[case])


@pytest.mark.parametrize("factor", [1.001, 1.0001])
def test_nearly_a_function_is_another_function(factor):
    _, found = listed(lambda p, x: jax.nn.gelu(x * factor, approximate=False) / factor**2)
    assert found != "Activation(function='gelu')"
    assert "Elementwise" in found or "Rescale" in found


def test_statistics_of_the_batch_are_an_error():
    def train(p, x):
        return (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5)

    with pytest.raises(jlrp.TraceError, match=r"mixes the images of a batch.*m\.eval\(\)"):
        listed(train)


def test_float32_is_recognised_too():
    with jax.enable_x64(False):
        x = jnp.asarray(X, jnp.float32)
        for case in ("gelu", "layer norm", "rms norm", "softmax", "unit norm", "rescale"):
            function, expected = KNOWN[case]
            model = jlrp.trace(function, {n: jnp.asarray(P[n], jnp.float32) for n in NAMES}, x)
            found = " | ".join(str(node.op) for node in model.graph.nodes)
            if case != "rescale":
                assert found == expected


def test_a_bias_joins_its_product_whatever_stands_between():
    """Else z⁺ would share relevance before the bias is added: other maps from the same values."""

    def by_image(p, x):
        made = lax.conv_general_dilated(
            x[None], p, (1, 1), "SAME", dimension_numbers=("NCHW", "HWIO", "NCHW")
        )
        return (made.reshape(1, 2, 2, 5, 5) + jnp.arange(4.0).reshape(2, 2, 1, 1) * p.sum())[0]

    x, kernel = drawn(2, 3, 5, 5), drawn(3, 3, 3, 4)
    model = jlrp.trace(lambda p, x: jax.vmap(lambda x: by_image(p, x))(x), kernel, x)
    assert [type(node.op) for node in model.graph.nodes] == [ir.Conv, ir.Reshape]
    assert set(model.params[model.graph.nodes[0].params]) == {"kernel", "bias"}


@pytest.mark.parametrize("seed", range(12))
def test_random_functions_of_one_value_are_one_op_or_several(seed):
    """Named or not, they compute the same, and stay element by element."""
    generator = np.random.default_rng(seed)
    unary = [jnp.tanh, jnp.exp, jnp.abs, jax.nn.sigmoid, jnp.square, jax.nn.relu, jnp.sin]
    steps = [(unary[generator.integers(len(unary))], generator.integers(4)) for _ in range(4)]

    def function(p, x):
        for inner, outer in steps:
            other = inner(x * 0.25)
            x = [x + other, x * other, x - other, jnp.maximum(x, other)][outer]
        return x

    model, _ = listed(function)
    made = jlrp.forward(model.graph, model.params, jnp.asarray(X))
    np.testing.assert_allclose(made, function(P, jnp.asarray(X)), rtol=1e-12, atol=1e-12)
    assert all(isinstance(node.op, ir.ActivationOp | ir.Rescale) for node in model.graph.nodes)
