"""Layers of each framework, and what `jlrp.trace` should make of them.

A case is a function, its params and the shape of an image. The ops that it should become are named
by their classes, in any order; ops that only move values are left out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx
from jax import lax

IMAGE = (8, 8, 4)
SERIES = (9, 4)
VOLUME = (5, 6, 4, 2)
VECTOR = (6,)
TOKENS = (5, 8)


class Case(NamedTuple):
    """A layer.

    Attributes:
        function: `function(params, x)` of a batch.
        params: Its params.
        shape: The shape of an image.
        ops: The classes of the ops that it becomes.
    """

    function: Callable[..., Any]
    params: Any
    shape: tuple[int, ...]
    ops: tuple[str, ...]


CASES: dict[str, Callable[[], Case]] = {}


def case(name, shape, *ops):
    """Enter a maker of `(function, params)`."""

    def enter(make):
        assert name not in CASES, name
        CASES[name] = lambda: Case(*make(shape), shape, ops)
        return make

    return enter


def drawn(tree, seed=0):
    """The same tree with random float64 in place of its floating arrays; variances stay positive."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            return leaf
        if "var" in str(path[-2:]):
            return jnp.asarray(rng.uniform(0.5, 2.0, leaf.shape))
        return jnp.asarray(rng.normal(size=leaf.shape) * 0.7)

    return jax.tree_util.tree_map_with_path(draw, tree)


# --- plain functions


def plain(name, shape, *ops, **shapes):
    """Enter a function of `(params, x)` whose params have these shapes."""

    def enter(function):
        structs = {key: jax.ShapeDtypeStruct(s, jnp.float64) for key, s in shapes.items()}
        CASES[f"plain {name}"] = lambda: Case(function, drawn(structs), shape, ops)
        return function

    return enter


ACTIVATIONS = {
    "celu": "Elu",
    "elu": "Elu",
    "gelu": "Activation",
    "hard_sigmoid": "HardSigmoid",
    "hard_silu": "Activation",
    "hard_swish": "Activation",
    "hard_tanh": "Clip",
    "leaky_relu": "Relu",
    "log_sigmoid": "Activation",
    "mish": "Activation",
    "relu": "Relu",
    "relu6": "Relu",
    "selu": "Activation",
    "sigmoid": "Activation",
    "silu": "Activation",
    "soft_sign": "Activation",
    "softplus": "Activation",
    "sparse_plus": "Activation",
    "sparse_sigmoid": "HardSigmoid",
    "squareplus": "Activation",
    "swish": "Activation",
    "tanh": "Activation",
}
for _name, _op in ACTIVATIONS.items():
    plain(_name, VECTOR, _op)(lambda p, x, name=_name: getattr(jax.nn, name)(x))
plain("identity", VECTOR)(lambda p, x: jax.nn.identity(x))
plain("exact gelu", VECTOR, "Activation")(lambda p, x: jax.nn.gelu(x, approximate=False))
plain("glu", VECTOR, "Activation", "Multiply")(lambda p, x: jax.nn.glu(x))
plain("softmax", VECTOR, "Softmax", "Activation")(lambda p, x: jnp.tanh(jax.nn.softmax(x)))
plain("standardize", VECTOR, "LayerNorm")(lambda p, x: jax.nn.standardize(x, epsilon=1e-4))
plain("prelu", IMAGE, "PRelu", a=(4,))(lambda p, x: jnp.where(x > 0, x, p["a"] * x))
plain("clip", VECTOR, "Clip")(lambda p, x: jnp.clip(x, -0.5, 0.8))
plain("square", VECTOR, "Activation")(lambda p, x: x**2)
plain("absolute", VECTOR, "Activation")(lambda p, x: abs(x))

plain("resize nearest", IMAGE)(lambda p, x: jax.image.resize(x, (x.shape[0], 16, 12, 4), "nearest"))
plain("resize down nearest", IMAGE)(
    lambda p, x: jax.image.resize(x, (x.shape[0], 4, 5, 4), "nearest")
)
for _method in ("bilinear", "bicubic"):
    plain(f"resize {_method}", IMAGE, "Resample", "Resample")(
        lambda p, x, m=_method: jax.image.resize(x, (x.shape[0], 16, 12, 4), m)
    )
    plain(f"resize down {_method}", IMAGE, "Resample", "Resample")(
        lambda p, x, m=_method: jax.image.resize(x, (x.shape[0], 4, 5, 4), m, antialias=False)
    )
plain("concatenate", IMAGE, "Relu", "Activation", "Concatenate")(
    lambda p, x: jnp.concatenate([jax.nn.relu(x), jnp.tanh(x)], axis=-1)
)
plain("concatenate in space", IMAGE, "Relu", "Concatenate")(
    lambda p, x: jnp.concatenate([jax.nn.relu(x), x], axis=1)
)
plain("stack", VECTOR, "Relu", "Concatenate")(lambda p, x: jnp.stack([jax.nn.relu(x), x], axis=1))
plain("pad", IMAGE, "ZeroPad")(lambda p, x: jnp.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0))))
plain("pad channels", IMAGE, "ZeroPad")(lambda p, x: jnp.pad(x, ((0, 0), (0, 0), (0, 0), (2, 2))))
plain("pad with ones", IMAGE, "Insert", "Insert")(
    lambda p, x: jnp.pad(x, ((0, 0), (1, 1), (2, 0), (0, 0)), constant_values=1.0)
)
plain("pad reflect", IMAGE)(
    lambda p, x: jnp.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)), mode="reflect")
)
plain("roll", IMAGE)(lambda p, x: jnp.roll(x, (1, -2), axis=(1, 2)))
plain("flip", IMAGE)(lambda p, x: x[:, ::-1, :, ::-1])
plain("transpose", IMAGE)(lambda p, x: jnp.swapaxes(x, 1, 3))
plain("flatten", IMAGE)(lambda p, x: x.reshape(x.shape[0], -1))
plain("space to depth", IMAGE)(
    lambda p, x: x.reshape(-1, 4, 2, 4, 2, 4).transpose(0, 1, 3, 2, 4, 5).reshape(-1, 4, 4, 16)
)
plain("slices", IMAGE)(lambda p, x: x[:, 1:7:2, :, 1:3])
plain("one position", IMAGE)(lambda p, x: x[:, 3, -1])
plain("picked channels", IMAGE)(lambda p, x: x[..., jnp.array([3, 0, 0])])
plain("split", IMAGE, "Relu", "Multiply")(
    lambda p, x: (lambda a, b: jax.nn.relu(a) * b)(*jnp.split(x, 2, axis=-1))
)
plain("mean of all", IMAGE, "GlobalAvgPool")(lambda p, x: x.mean(axis=(1, 2, 3))[:, None])
plain("mean of channels", IMAGE, "GlobalAvgPool")(lambda p, x: x.mean(axis=-1))
plain("sum in space", IMAGE, "GlobalAvgPool", "Rescale")(lambda p, x: x.sum(axis=(1, 2)))
plain("max in space", IMAGE, "GlobalMaxPool")(lambda p, x: x.max(axis=(1, 2)))
plain("max of channels", IMAGE, "GlobalMaxPool")(lambda p, x: x.max(axis=-1))
plain("standardised images", IMAGE, "Scale")(
    lambda p, x: (x - jnp.array([0.4, 0.5, 0.3, 0.1])) / jnp.array([0.2, 0.3, 0.2, 0.1])
)
plain("l2 norm", VECTOR, "UnitNorm")(lambda p, x: x / jnp.linalg.norm(x, axis=-1, keepdims=True))
plain("layer scale", IMAGE, "Gain", a=(4,))(lambda p, x: x * p["a"])
plain("positions", TOKENS, "Offset", a=TOKENS)(lambda p, x: x + p["a"])
plain("class token", TOKENS, "Insert", a=(1, 1, 8))(
    lambda p, x: jnp.concatenate([jnp.broadcast_to(p["a"], (x.shape[0], 1, 8)), x], axis=1)
)


@plain("weight norm", VECTOR, "Dense", v=(6, 3), g=(3,), b=(3,))
def _weight_norm(p, x):
    return x @ (p["g"] * p["v"] / jnp.linalg.norm(p["v"], axis=0)) + p["b"]


@plain("weight standardisation", IMAGE, "Conv", w=(3, 3, 4, 5))
def _weight_standardisation(p, x):
    w = p["w"]
    w = (w - w.mean((0, 1, 2))) / jnp.sqrt(w.var((0, 1, 2)) + 1e-5)
    return lax.conv_general_dilated(
        x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@plain("squeeze and excitation", IMAGE, "GlobalAvgPool", "Dense", "Relu", "Dense", "Activation", "Multiply",
       a=(4, 2), b=(2, 4))  # fmt: skip
def _squeeze_and_excitation(p, x):
    gate = jax.nn.relu(x.mean((1, 2)) @ p["a"]) @ p["b"]
    return x * jax.nn.sigmoid(gate)[:, None, None]


@plain("avg pool", IMAGE, "AvgPool")
def _avg_pool(p, x):
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4


@plain("avg pool, padding counted", IMAGE, "ZeroPad", "AvgPool")
def _avg_pool_counted(p, x):
    return lax.reduce_window(x, 0.0, lax.add, (1, 3, 3, 1), (1, 2, 2, 1), "SAME") / 9


@plain("avg pool, padding not counted", IMAGE, "AvgPool")
def _avg_pool_not_counted(p, x):
    def summed(x):
        return lax.reduce_window(x, 0.0, lax.add, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")

    return summed(x) / summed(jnp.ones_like(x))


@plain("max pool, padded", IMAGE, "MaxPool")
def _max_pool(p, x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")


ATTENTION = ("Dense", "Dense", "Einsum", "Rescale", "Softmax", "Dense", "Einsum")


@plain("attention", TOKENS, *ATTENTION, q=(8, 2, 4), k=(8, 2, 4), v=(8, 2, 4))
def _attention(p, x):
    q, k, v = (jnp.einsum("ntd,dhe->nthe", x, p[key]) for key in "qkv")
    scores = jax.nn.softmax(jnp.einsum("nqhe,nkhe->nhqk", q, k) / 2.0)
    return jnp.einsum("nhqk,nkhe->nqhe", scores, v)


for _spec, _shape in {
    "nhwc,ck->nhwk": (4, 5),
    "nhwc,hwck->nk": (8, 8, 4, 5),
    "nhwc,whk->nck": (8, 8, 5),
}.items():
    plain(f"einsum {_spec}", IMAGE, "Dense", w=_shape)(
        lambda p, x, spec=_spec: jnp.einsum(spec, x, p["w"])
    )
plain("matmul from the left", TOKENS, "Dense", w=(7, 5))(lambda p, x: p["w"] @ x)


# --- small networks


def convolved(x, kernel, strides=(1, 1), groups=1):
    """A convolution, channels last."""
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


@plain(
    "spatial attention",
    IMAGE,
    *("GlobalAvgPool", "GlobalMaxPool", "Concatenate", "Conv", "Activation", "Multiply"),
    w=(7, 7, 2, 1),
)
def _spatial_attention(p, x):
    seen = jnp.concatenate([x.mean(-1, keepdims=True), x.max(-1, keepdims=True)], -1)
    return x * jax.nn.sigmoid(convolved(seen, p["w"]))


@plain("channel attention", IMAGE, "GlobalAvgPool", "Conv", "Activation", "Multiply", w=(3, 1, 1))
def _channel_attention(p, x):
    means = x.mean((1, 2))[:, :, None]
    numbers = ("NWC", "WIO", "NWC")
    gate = lax.conv_general_dilated(means, p["w"], (1,), "SAME", dimension_numbers=numbers)
    return x * jax.nn.sigmoid(gate[:, :, 0])[:, None, None]


@plain("pixel shuffle", IMAGE, "Conv", "Relu", w=(3, 3, 4, 12))
def _pixel_shuffle(p, x):
    x = convolved(x, p["w"]).reshape(-1, 8, 8, 2, 2, 3)
    return jax.nn.relu(x.transpose(0, 1, 3, 2, 4, 5).reshape(-1, 16, 16, 3))


@plain("blur", IMAGE, "DepthwiseConv")
def _blur(p, x):
    line = jnp.array([1.0, 2.0, 1.0])
    kernel = (line[:, None] * line / 16)[:, :, None, None] * jnp.ones((1, 1, 1, 4))
    return convolved(x, kernel, (2, 2), groups=4)


@plain(
    "u-net",
    IMAGE,
    *("Conv", "Relu", "MaxPool", "Conv", "Relu", "ConvTranspose", "Concatenate", "Conv"),
    a=(3, 3, 4, 6),
    b=(3, 3, 6, 6),
    up=(2, 2, 6, 6),
    c=(3, 3, 12, 5),
)
def _u_net(p, x):
    a = jax.nn.relu(convolved(x, p["a"]))
    b = lax.reduce_window(a, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    b = lax.conv_transpose(jax.nn.relu(convolved(b, p["b"])), p["up"], (2, 2), "SAME")
    return convolved(jnp.concatenate([a, b], -1), p["c"])


@plain(
    "mixer",
    TOKENS,
    *("LayerNorm", "Dense", "Activation", "Add", "Dense", "Activation", "Add"),
    t=(5, 5),
    c=(8, 8),
    g=(8,),
    b=(8,),
)
def _mixer(p, x):
    normed = jax.nn.standardize(x, epsilon=1e-6) * p["g"] + p["b"]
    x = x + jnp.swapaxes(jax.nn.gelu(jnp.swapaxes(normed, 1, 2) @ p["t"]), 1, 2)
    return x + jax.nn.gelu(x @ p["c"])


@plain(
    "highway",
    VECTOR,
    *("Dense", "Dense", "Activation", "Relu", "Multiply", "Rescale", "Multiply", "Add"),
    a=(6, 6),
    b=(6, 6),
)
def _highway(p, x):
    gate = jax.nn.sigmoid(x @ p["b"])
    return gate * jax.nn.relu(x @ p["a"]) + (1 - gate) * x


@plain(
    "modulation",
    IMAGE,
    "GlobalAvgPool",
    "Dense",
    "Conv",
    "Multiply",
    "Add",
    a=(4, 8),
    w=(3, 3, 4, 4),
)
def _modulation(p, x):
    scale, shift = jnp.split(x.mean((1, 2)) @ p["a"], 2, -1)
    return convolved(x, p["w"]) * scale[:, None, None] + shift[:, None, None]


@plain("maxout", VECTOR, "Dense", "GlobalMaxPool", w=(6, 12))
def _maxout(p, x):
    return (x @ p["w"]).reshape(-1, 6, 2).max(-1)


@plain(
    "ensemble", VECTOR, "Dense", "Relu", "EinsumDense", "GlobalAvgPool", w=(3, 6, 5), h=(3, 5, 4)
)
def _ensemble(p, x):
    return jax.vmap(lambda w, h: jax.nn.relu(x @ w) @ h)(p["w"], p["h"]).mean(0)


# --- Flax NNX


def of_nnx(name, shape, *ops):
    """Enter a maker of an NNX module from its random numbers."""

    def enter(make):
        @case(f"nnx {name}", shape, *ops)
        def _(shape):
            module = make(nnx.Rngs(0))
            module.eval()
            graph, state = nnx.split(module)
            return lambda state, x: nnx.merge(graph, state)(x), drawn(state)

        return make

    return enter


of_nnx("conv", IMAGE, "Conv")(lambda r: nnx.Conv(4, 6, (3, 3), rngs=r))
of_nnx("conv valid", IMAGE, "Conv")(lambda r: nnx.Conv(4, 6, (3, 3), padding="VALID", rngs=r))
of_nnx("conv pairs", IMAGE, "Conv")(
    lambda r: nnx.Conv(4, 6, (3, 3), padding=((2, 0), (1, 3)), rngs=r)
)
of_nnx("conv circular", IMAGE, "Conv")(lambda r: nnx.Conv(4, 6, (3, 3), padding="CIRCULAR", rngs=r))
of_nnx("conv strides", IMAGE, "Conv")(lambda r: nnx.Conv(4, 6, (3, 3), strides=(2, 3), rngs=r))
of_nnx("conv dilated", IMAGE, "Conv")(lambda r: nnx.Conv(4, 6, (3, 3), kernel_dilation=2, rngs=r))
of_nnx("conv grouped", IMAGE, "Conv")(
    lambda r: nnx.Conv(4, 6, (3, 3), feature_group_count=2, rngs=r)
)
of_nnx("conv depthwise", IMAGE, "DepthwiseConv")(
    lambda r: nnx.Conv(4, 8, (3, 3), feature_group_count=4, rngs=r)
)
of_nnx("conv input dilated", IMAGE, "Dilate", "Conv")(
    lambda r: nnx.Conv(4, 6, (3, 3), input_dilation=2, padding=((1, 1), (2, 1)), rngs=r)
)
of_nnx("conv 1d", SERIES, "Conv")(lambda r: nnx.Conv(4, 6, (3,), rngs=r))
of_nnx("conv causal", SERIES, "ZeroPad", "Conv")(
    lambda r: nnx.Conv(4, 6, (3,), padding="CAUSAL", rngs=r)
)
of_nnx("conv 3d", VOLUME, "Conv")(lambda r: nnx.Conv(2, 3, (2, 3, 3), rngs=r))
of_nnx("conv transpose", IMAGE, "ConvTranspose")(
    lambda r: nnx.ConvTranspose(4, 6, (3, 3), strides=(2, 2), rngs=r)
)
of_nnx("conv transpose valid", IMAGE, "ConvTranspose")(
    lambda r: nnx.ConvTranspose(4, 6, (3, 3), strides=(2, 2), padding="VALID", rngs=r)
)
of_nnx("linear", VECTOR, "Dense")(lambda r: nnx.Linear(6, 3, rngs=r))
of_nnx("linear on images", IMAGE, "Dense")(lambda r: nnx.Linear(4, 3, rngs=r))
of_nnx("linear general", IMAGE, "Dense")(
    lambda r: nnx.LinearGeneral((8, 4), (3, 2), axis=(1, -1), rngs=r)
)
of_nnx("einsum", IMAGE, "Dense")(lambda r: nnx.Einsum("nhwc,cde->nhwde", (4, 2, 3), (2, 3), rngs=r))
of_nnx("batch norm", IMAGE, "BatchNorm")(lambda r: nnx.BatchNorm(4, rngs=r))
of_nnx("batch norm without scale", IMAGE, "BatchNorm")(
    lambda r: nnx.BatchNorm(4, use_scale=False, rngs=r)
)
of_nnx("layer norm", IMAGE, "LayerNorm")(lambda r: nnx.LayerNorm(4, rngs=r))
of_nnx("layer norm slow", IMAGE, "LayerNorm")(
    lambda r: nnx.LayerNorm(4, use_fast_variance=False, rngs=r)
)
of_nnx("rms norm", IMAGE, "LayerNorm")(lambda r: nnx.RMSNorm(4, rngs=r))
of_nnx("group norm", IMAGE, "GroupNorm")(lambda r: nnx.GroupNorm(4, num_groups=2, rngs=r))
of_nnx("instance norm", IMAGE, "GroupNorm")(lambda r: nnx.InstanceNorm(4, rngs=r))
of_nnx("prelu", VECTOR, "PRelu")(lambda r: nnx.PReLU(param_dtype=jnp.float64))
of_nnx("weight norm", VECTOR, "Dense")(lambda r: nnx.WeightNorm(nnx.Linear(6, 3, rngs=r), rngs=r))
of_nnx("dropout off", VECTOR, "Dense")(
    lambda r: nnx.Sequential(nnx.Linear(6, 3, rngs=r), nnx.Dropout(0.5, rngs=r))
)
of_nnx("attention", TOKENS, "Dense", *ATTENTION)(
    lambda r: nnx.MultiHeadAttention(2, 8, decode=False, rngs=r)
)


class SpectralNorm(nnx.Module):
    """A layer with its largest singular value divided out, by the stored vectors."""

    def __init__(self, rngs):
        self.inner = nnx.SpectralNorm(nnx.Linear(6, 3, rngs=rngs), rngs=rngs)

    def __call__(self, x):
        return self.inner(x, update_stats=False)


of_nnx("spectral norm", VECTOR, "Dense")(SpectralNorm)

for _name, _function, _op in (
    ("avg pool", lambda x: nnx.avg_pool(x, (2, 2), (2, 2)), "AvgPool"),
    (
        "avg pool, padding counted",
        lambda x: nnx.avg_pool(x, (3, 3), (2, 2), "SAME"),
        "ZeroPad AvgPool",
    ),
    (
        "avg pool, padding not counted",
        lambda x: nnx.avg_pool(x, (3, 3), (2, 2), "SAME", count_include_pad=False),
        "AvgPool",
    ),
    ("max pool", lambda x: nnx.max_pool(x, (3, 3), (2, 2), "SAME"), "MaxPool"),
    ("min pool", lambda x: nnx.min_pool(x, (2, 2), (2, 2)), "Rescale MaxPool Rescale"),
):
    plain(f"of nnx: {_name}", IMAGE, *_op.split())(lambda p, x, f=_function: f(x))


# --- Flax Linen


def of_linen(name, shape, make, *ops):
    """Enter a Linen module."""

    @case(f"linen {name}", shape, *ops)
    def _(shape):
        module = make()
        params = module.init(jax.random.key(0), jnp.ones((2, *shape)))
        return module.apply, drawn(params)


of_linen("conv", IMAGE, lambda: linen.Conv(6, (3, 3)), "Conv")
of_linen("conv strides", IMAGE, lambda: linen.Conv(6, (3, 3), strides=2, padding="VALID"), "Conv")
of_linen("conv dilated", IMAGE, lambda: linen.Conv(6, (3, 3), kernel_dilation=2), "Conv")
of_linen("conv grouped", IMAGE, lambda: linen.Conv(6, (3, 3), feature_group_count=2), "Conv")
of_linen(
    "conv depthwise", IMAGE, lambda: linen.Conv(4, (3, 3), feature_group_count=4), "DepthwiseConv"
)
of_linen("conv 1d", SERIES, lambda: linen.Conv(6, (3,)), "Conv")
of_linen("conv 3d", VOLUME, lambda: linen.Conv(3, (3, 3, 2)), "Conv")
of_linen("conv local", IMAGE, lambda: linen.ConvLocal(3, (3, 3)), "DepthwiseConv", "EinsumDense")
of_linen(
    "conv transpose", IMAGE, lambda: linen.ConvTranspose(6, (4, 4), strides=(2, 2)), "ConvTranspose"
)
of_linen(
    "conv transpose kernel",
    IMAGE,
    lambda: linen.ConvTranspose(6, (3, 3), strides=(2, 2), transpose_kernel=True),
    "ConvTranspose",
)
of_linen("dense", VECTOR, lambda: linen.Dense(3), "Dense")
of_linen("dense general", IMAGE, lambda: linen.DenseGeneral((3, 2), axis=(1, 3)), "Dense")
of_linen("batch norm", IMAGE, lambda: linen.BatchNorm(use_running_average=True), "BatchNorm")
of_linen("layer norm", IMAGE, lambda: linen.LayerNorm(), "LayerNorm")
of_linen(
    "layer norm over space", IMAGE, lambda: linen.LayerNorm(reduction_axes=(1, 2, 3)), "LayerNorm"
)
of_linen("rms norm", IMAGE, lambda: linen.RMSNorm(), "LayerNorm")
of_linen("group norm", IMAGE, lambda: linen.GroupNorm(2), "GroupNorm")
of_linen("instance norm", IMAGE, lambda: linen.InstanceNorm(), "GroupNorm")
of_linen("prelu", VECTOR, lambda: linen.PReLU(), "PRelu")
of_linen("weight norm", VECTOR, lambda: linen.WeightNorm(linen.Dense(3)), "Dense")
of_linen(
    "dropout off",
    VECTOR,
    lambda: linen.Sequential([linen.Dense(3), linen.Dropout(0.5, deterministic=True)]),
    "Dense",
)
of_linen(
    "attention",
    TOKENS,
    lambda: linen.MultiHeadDotProductAttention(2, deterministic=True),
    "Dense",
    *ATTENTION,
)


# --- Equinox


def of_equinox(name, shape, make, *ops):
    """Enter an Equinox module of one image."""

    @case(f"equinox {name}", shape, *ops)
    def _(shape):
        module = eqx.nn.inference_mode(make(jax.random.key(0)))
        params, static = eqx.partition(module, eqx.is_array)
        return lambda p, x: jax.vmap(eqx.combine(p, static))(x), drawn(params)


FIRST = (4, 8, 8)
"""An image with the channels first."""

of_equinox("conv", FIRST, lambda k: eqx.nn.Conv2d(4, 6, 3, padding=1, key=k), "Conv")
of_equinox("conv same", FIRST, lambda k: eqx.nn.Conv2d(4, 6, 3, padding="SAME", key=k), "Conv")
of_equinox("conv strides", FIRST, lambda k: eqx.nn.Conv2d(4, 6, 3, 2, key=k), "Conv")
of_equinox("conv dilated", FIRST, lambda k: eqx.nn.Conv2d(4, 6, 3, dilation=2, key=k), "Conv")
of_equinox("conv grouped", FIRST, lambda k: eqx.nn.Conv2d(4, 6, 3, groups=2, key=k), "Conv")
of_equinox(
    "conv depthwise", FIRST, lambda k: eqx.nn.Conv2d(4, 8, 3, groups=4, key=k), "DepthwiseConv"
)
of_equinox(
    "conv circular",
    FIRST,
    lambda k: eqx.nn.Conv2d(4, 6, 3, padding=1, padding_mode="CIRCULAR", key=k),
    "Conv",
)
of_equinox("conv 1d", (4, 9), lambda k: eqx.nn.Conv1d(4, 6, 3, key=k), "Conv")
of_equinox("conv 3d", (2, 5, 6, 4), lambda k: eqx.nn.Conv3d(2, 3, 3, key=k), "Conv")
of_equinox(
    "conv transpose", FIRST, lambda k: eqx.nn.ConvTranspose2d(4, 6, 3, 2, key=k), "ConvTranspose"
)
of_equinox("linear", VECTOR, lambda k: eqx.nn.Linear(6, 3, key=k), "Dense")
of_equinox(
    "mlp",
    VECTOR,
    lambda k: eqx.nn.MLP(6, 3, 5, 2, key=k),
    "Dense",
    "Relu",
    "Dense",
    "Relu",
    "Dense",
)
of_equinox("layer norm", FIRST, lambda k: eqx.nn.LayerNorm(FIRST), "LayerNorm")
of_equinox("rms norm", VECTOR, lambda k: eqx.nn.RMSNorm(6), "LayerNorm")
of_equinox("group norm", FIRST, lambda k: eqx.nn.GroupNorm(2, 4), "GroupNorm")
of_equinox("avg pool", FIRST, lambda k: eqx.nn.AvgPool2d(2, 2), "AvgPool")
of_equinox(
    "avg pool, padding counted",
    FIRST,
    lambda k: eqx.nn.AvgPool2d(3, 2, padding=1),
    "ZeroPad",
    "AvgPool",
)
of_equinox("max pool", FIRST, lambda k: eqx.nn.MaxPool2d(2, 2), "MaxPool")
of_equinox("max pool padded", FIRST, lambda k: eqx.nn.MaxPool2d(3, 2, padding=1), "MaxPool")
of_equinox("max pool 1d", (4, 9), lambda k: eqx.nn.MaxPool1d(2, 2), "MaxPool")
of_equinox(
    "adaptive avg pool",
    FIRST,
    lambda k: eqx.nn.AdaptiveAvgPool2d(2),
    "GlobalAvgPool",
    "GlobalAvgPool",
)
of_equinox(
    "adaptive max pool",
    FIRST,
    lambda k: eqx.nn.AdaptiveMaxPool2d((2, 4)),
    "GlobalMaxPool",
    "GlobalMaxPool",
)
of_equinox("prelu", VECTOR, lambda k: eqx.nn.PReLU(), "PRelu")
of_equinox("weight norm", VECTOR, lambda k: eqx.nn.WeightNorm(eqx.nn.Linear(6, 3, key=k)), "Dense")
of_equinox(
    "dropout off",
    VECTOR,
    lambda k: eqx.nn.Sequential([eqx.nn.Linear(6, 3, key=k), eqx.nn.Dropout()]),
    "Dense",
)


class Attention(eqx.Module):
    """Self-attention of one series."""

    inner: eqx.nn.MultiheadAttention

    def __call__(self, x):
        return self.inner(x, x, x)


of_equinox(
    "attention",
    TOKENS,
    lambda k: Attention(eqx.nn.MultiheadAttention(2, 8, key=k)),
    "Dense",
    *ATTENTION,
)


# --- Haiku


def of_haiku(name, shape, call, *ops):
    """Enter a function that calls Haiku's modules."""

    @case(f"haiku {name}", shape, *ops)
    def _(shape):
        first = hk.transform_with_state(lambda x: call(x, True))
        after = hk.transform_with_state(lambda x: call(x, False))
        both = first.init(jax.random.key(0), jnp.ones((2, *shape)))
        return lambda both, x: after.apply(*both, None, x)[0], drawn(both)


of_haiku("conv", IMAGE, lambda x, t: hk.Conv2D(6, 3)(x), "Conv")
of_haiku("conv strides", IMAGE, lambda x, t: hk.Conv2D(6, 3, 2, padding="VALID")(x), "Conv")
of_haiku("conv dilated", IMAGE, lambda x, t: hk.Conv2D(6, 3, rate=2)(x), "Conv")
of_haiku("conv grouped", IMAGE, lambda x, t: hk.Conv2D(6, 3, feature_group_count=2)(x), "Conv")
of_haiku("conv channels first", FIRST, lambda x, t: hk.Conv2D(6, 3, data_format="NCHW")(x), "Conv")
of_haiku("conv depthwise", IMAGE, lambda x, t: hk.DepthwiseConv2D(2, 3)(x), "DepthwiseConv")
of_haiku(
    "conv separable",
    IMAGE,
    lambda x, t: hk.SeparableDepthwiseConv2D(1, 3)(x),
    *("DepthwiseConv", "DepthwiseConv"),
)
of_haiku("conv 1d", SERIES, lambda x, t: hk.Conv1D(6, 3)(x), "Conv")
of_haiku("conv 3d", VOLUME, lambda x, t: hk.Conv3D(3, 3)(x), "Conv")
of_haiku("conv transpose", IMAGE, lambda x, t: hk.Conv2DTranspose(6, 3, 2)(x), "ConvTranspose")
of_haiku("linear", VECTOR, lambda x, t: hk.Linear(3)(x), "Dense")
of_haiku("mlp", VECTOR, lambda x, t: hk.nets.MLP([5, 3])(x), "Dense", "Relu", "Dense")
of_haiku("batch norm", IMAGE, lambda x, t: hk.BatchNorm(True, True, 0.9)(x, t), "BatchNorm")
of_haiku("layer norm", IMAGE, lambda x, t: hk.LayerNorm(-1, True, True)(x), "LayerNorm")
of_haiku("rms norm", IMAGE, lambda x, t: hk.RMSNorm(-1)(x), "LayerNorm")
of_haiku("group norm", IMAGE, lambda x, t: hk.GroupNorm(2)(x), "GroupNorm")
of_haiku("instance norm", IMAGE, lambda x, t: hk.InstanceNorm(True, True)(x), "GroupNorm")
of_haiku(
    "avg pool",
    IMAGE,
    lambda x, t: hk.avg_pool(x, (2, 2, 1), (2, 2, 1), "VALID", channel_axis=-1),
    "AvgPool",
)
of_haiku(
    "avg pool padded",
    IMAGE,
    lambda x, t: hk.avg_pool(x, (3, 3, 1), (2, 2, 1), "SAME", channel_axis=-1),
    "AvgPool",
)
of_haiku(
    "max pool",
    IMAGE,
    lambda x, t: hk.max_pool(x, (3, 3, 1), (2, 2, 1), "SAME", channel_axis=-1),
    "MaxPool",
)
of_haiku("flatten", IMAGE, lambda x, t: hk.Flatten()(x))
of_haiku(
    "attention",
    TOKENS,
    lambda x, t: hk.MultiHeadAttention(2, 4, w_init=hk.initializers.RandomNormal(), model_size=8)(
        x, x, x
    ),
    "Dense",
    *ATTENTION,
)
