"""One network with the same weights, as each framework has it.

A convolution with stride 2 and BatchNorm, relu, max pooling, a residual convolution, the mean over
all positions, a dense layer, a softmax. The frameworks differ in how they write the same numbers:
Equinox has a function of one image with the channels first, Haiku keeps statistics beside the
params, Flax NNX has a graph of objects.
"""

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx
from jax import lax

SIZE, CHANNELS, WIDTH, CLASSES = 13, 3, 6, 5
EPSILON = 1e-3
BOUNDS = {"low": -3.0, "high": 3.0}


def weights(rng):
    """Weights by layer and role, which float32 holds without rounding."""
    made = {
        "conv": {
            "kernel": rng.normal(size=(3, 3, CHANNELS, WIDTH)) * 0.4,
            "bias": rng.normal(size=WIDTH) * 0.3,
        },
        "norm": {
            "gamma": rng.uniform(0.5, 1.5, WIDTH),
            "beta": rng.normal(size=WIDTH) * 0.3,
            "moving_mean": rng.normal(size=WIDTH) * 0.3,
            "moving_variance": rng.uniform(0.5, 2.0, WIDTH),
        },
        "residual": {
            "kernel": rng.normal(size=(3, 3, WIDTH, WIDTH)) * 0.3,
            "bias": rng.normal(size=WIDTH) * 0.3,
        },
        "dense": {
            "kernel": rng.normal(size=(WIDTH, CLASSES)),
            "bias": rng.normal(size=CLASSES) * 0.3,
        },
    }
    return jax.tree.map(lambda a: a.astype(np.float32).astype(np.float64), made)


def pictures(rng, count):
    """Images between the bounds, (N, H, W, C)."""
    return rng.uniform(-3.0, 3.0, (count, SIZE, SIZE, CHANNELS))


# --- plain functions


def plain(params, x):
    """The network with `lax` and `jax.nn` alone."""
    x = _convolved(params["conv"], x, (2, 2))
    norm = params["norm"]
    x = (x - norm["moving_mean"]) / jnp.sqrt(norm["moving_variance"] + EPSILON) * norm[
        "gamma"
    ] + norm["beta"]
    x = jax.nn.relu(x)
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = jax.nn.relu(_convolved(params["residual"], x, (1, 1)) + x)
    x = x.mean(axis=(1, 2))
    return jax.nn.softmax(x @ params["dense"]["kernel"] + params["dense"]["bias"])


def _convolved(layer, x, strides):
    numbers = ("NHWC", "HWIO", "NHWC")
    made = lax.conv_general_dilated(x, layer["kernel"], strides, "SAME", dimension_numbers=numbers)
    return made + layer["bias"]


# --- Flax NNX


class NNX(nnx.Module):
    """The network in Flax NNX."""

    def __init__(self, rngs):
        self.conv = nnx.Conv(CHANNELS, WIDTH, (3, 3), strides=2, rngs=rngs)
        self.norm = nnx.BatchNorm(WIDTH, epsilon=EPSILON, use_running_average=True, rngs=rngs)
        self.residual = nnx.Conv(WIDTH, WIDTH, (3, 3), rngs=rngs)
        self.dense = nnx.Linear(WIDTH, CLASSES, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.norm(self.conv(x)))
        x = nnx.max_pool(x, (2, 2), strides=(2, 2))
        x = nnx.relu(self.residual(x) + x)
        return nnx.softmax(self.dense(x.mean(axis=(1, 2))))


def with_nnx(w):
    """`(function, params)` of Flax NNX."""
    graph, state = nnx.split(NNX(nnx.Rngs(0)))
    roles = {
        "scale": "gamma",
        "bias": "beta",
        "mean": "moving_mean",
        "var": "moving_variance",
    }

    def weight(path, _):
        layer, role = (str(key.key) for key in path[:2])
        return jnp.asarray(w[layer][roles[role] if layer == "norm" else role])

    state = jax.tree_util.tree_map_with_path(weight, state)
    return lambda state, x: nnx.merge(graph, state)(x), state


# --- Flax Linen


class Linen(linen.Module):
    """The network in Flax Linen."""

    @linen.compact
    def __call__(self, x):
        x = linen.Conv(WIDTH, (3, 3), strides=2, name="conv")(x)
        x = linen.BatchNorm(use_running_average=True, epsilon=EPSILON, name="norm")(x)
        x = linen.max_pool(linen.relu(x), (2, 2), strides=(2, 2))
        x = linen.relu(linen.Conv(WIDTH, (3, 3), name="residual")(x) + x)
        return linen.softmax(linen.Dense(CLASSES, name="dense")(x.mean(axis=(1, 2))))


def with_linen(w):
    """`(function, params)` of Flax Linen."""
    norm = w["norm"]
    layers = {layer: w[layer] for layer in ("conv", "residual", "dense")}
    layers["norm"] = {"scale": norm["gamma"], "bias": norm["beta"]}
    stats = {"norm": {"mean": norm["moving_mean"], "var": norm["moving_variance"]}}
    return Linen().apply, _on_device({"params": layers, "batch_stats": stats})


# --- Equinox


class Equinox(eqx.Module):
    """The network in Equinox: a function of one image, (C, H, W)."""

    conv: eqx.nn.Conv2d
    norm: eqx.nn.BatchNorm
    pool: eqx.nn.MaxPool2d
    residual: eqx.nn.Conv2d
    dense: eqx.nn.Linear

    def __init__(self, key):
        self.conv = eqx.nn.Conv2d(CHANNELS, WIDTH, 3, 2, padding="SAME", key=key)
        self.norm = eqx.nn.BatchNorm(WIDTH, "batch", eps=EPSILON, mode="batch")
        self.pool = eqx.nn.MaxPool2d(2, 2)
        self.residual = eqx.nn.Conv2d(WIDTH, WIDTH, 3, padding="SAME", key=key)
        self.dense = eqx.nn.Linear(WIDTH, CLASSES, key=key)

    def __call__(self, x, state):
        x, state = self.norm(self.conv(x), state)
        x = self.pool(jax.nn.relu(x))
        x = jax.nn.relu(self.residual(x) + x)
        return jax.nn.softmax(self.dense(x.mean(axis=(1, 2)))), state


def with_equinox(w):
    """`(function, params)` of Equinox. The function takes channels first."""
    module, state = eqx.nn.make_with_state(Equinox)(jax.random.key(0))
    convs = [w["conv"]["kernel"], w["residual"]["kernel"]]
    new = [
        *(np.moveaxis(kernel, (3, 2), (0, 1)) for kernel in convs),
        w["conv"]["bias"][:, None, None],
        w["residual"]["bias"][:, None, None],
        w["norm"]["gamma"],
        w["norm"]["beta"],
        w["dense"]["kernel"].T,
        w["dense"]["bias"],
    ]
    module = eqx.tree_at(_arrays, module, [jnp.asarray(a) for a in new])
    stats = jnp.asarray(w["norm"]["moving_mean"]), jnp.asarray(w["norm"]["moving_variance"])
    state = state.set(module.norm.batch_state_index, stats)
    state = state.set(module.norm.batch_counter, jnp.asarray(100_000))  # no longer warming up
    params, static = eqx.partition((eqx.nn.inference_mode(module), state), eqx.is_array)

    def function(params, x):
        module, state = eqx.combine(params, static)
        return jax.vmap(lambda image: module(image, state)[0], axis_name="batch")(x)

    return function, params


def _arrays(module):
    return [
        module.conv.weight,
        module.residual.weight,
        module.conv.bias,
        module.residual.bias,
        module.norm.weight,
        module.norm.bias,
        module.dense.weight,
        module.dense.bias,
    ]


# --- Haiku


def haiku(x, training=False):
    """The network in Haiku."""
    x = hk.Conv2D(WIDTH, 3, 2, name="conv")(x)
    x = hk.BatchNorm(True, True, 0.9, eps=EPSILON, name="norm")(x, is_training=training)
    x = hk.max_pool(jax.nn.relu(x), (2, 2, 1), (2, 2, 1), "VALID")
    x = jax.nn.relu(hk.Conv2D(WIDTH, 3, name="residual")(x) + x)
    return jax.nn.softmax(hk.Linear(CLASSES, name="dense")(x.mean(axis=(1, 2))))


def with_haiku(w):
    """`(function, params)` of Haiku."""
    transformed = hk.transform_with_state(haiku)
    image = jnp.zeros((1, SIZE, SIZE, CHANNELS))
    params, state = transformed.init(jax.random.key(0), image, training=True)
    for layer in ("conv", "residual", "dense"):
        params[layer] = {"w": w[layer]["kernel"], "b": w[layer]["bias"]}
    norm = w["norm"]
    params["norm"] = {"scale": norm["gamma"], "offset": norm["beta"]}
    params["norm"] = jax.tree.map(lambda a: a.reshape(1, 1, 1, -1), params["norm"])
    for name, role in (("mean_ema", "moving_mean"), ("var_ema", "moving_variance")):
        state[f"norm/~/{name}"] = dict(state[f"norm/~/{name}"])
        state[f"norm/~/{name}"]["average"] = norm[role].reshape(1, 1, 1, -1)

    def function(both, x):
        return transformed.apply(both["params"], both["state"], None, x)[0]

    return function, _on_device({"params": params, "state": state})


# --- Keras


def with_keras(w, path):
    """The network as a file that Keras saves.

    Returns:
        The path.
    """
    import keras
    from keras import layers

    image = keras.Input((SIZE, SIZE, CHANNELS))
    x = layers.Conv2D(WIDTH, 3, 2, padding="same", name="conv")(image)
    x = layers.BatchNormalization(epsilon=EPSILON, name="norm")(x)
    x = layers.MaxPooling2D(2)(layers.ReLU()(x))
    x = layers.ReLU()(
        layers.Add()([layers.Conv2D(WIDTH, 3, padding="same", name="residual")(x), x])
    )
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(CLASSES, "softmax", name="dense")(x)
    model = keras.Model(image, x)
    norm = [w["norm"][role] for role in ("gamma", "beta", "moving_mean", "moving_variance")]
    model.get_layer("norm").set_weights(norm)
    for layer in ("conv", "residual", "dense"):
        model.get_layer(layer).set_weights([w[layer]["kernel"], w[layer]["bias"]])
    model.save(path)
    return path


def _on_device(tree):
    return jax.tree.map(jnp.asarray, tree)


WITH = {
    "plain": lambda w: (plain, _on_device(w)),
    "nnx": with_nnx,
    "linen": with_linen,
    "equinox": with_equinox,
    "haiku": with_haiku,
}
"""Each framework's `(function, params)` for the weights."""


def laid_out(framework, images):
    """Images as a framework has them."""
    return np.moveaxis(images, -1, 1) if framework == "equinox" else images


def laid_back(framework, relevance):
    """Relevance of a framework's images as channels last."""
    return np.moveaxis(relevance, 1, -1) if framework == "equinox" else relevance
