"""A vision transformer and a language model, written with jax.numpy alone."""

import json
import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

FOLDER = Path(__file__).parents[1] / "data" / "transformers"


def loaded(name: str) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """A network's numbers, its weights as nested dicts in float64, and its reference values."""
    config = json.loads((FOLDER / f"{name}.json").read_text())["config"]
    weights: dict[str, Any] = {}
    with np.load(FOLDER / f"{name}_weights.npz") as file:
        for path, array in file.items():
            *folders, key = path.split("/")
            at = weights
            for folder in folders:
                at = at.setdefault(folder, {})
            at[key] = jnp.asarray(array, float)
    return config, weights, np.load(FOLDER / f"{name}.npz")


def dense(p: dict[str, Any], x: jax.Array) -> jax.Array:
    y = x @ p["kernel"]
    return y + p["bias"] if "bias" in p else y


def layer_norm(p: dict[str, Any], x: jax.Array, epsilon: float) -> jax.Array:
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + epsilon) * p["gamma"] + p["beta"]


def rms_norm(p: dict[str, Any], x: jax.Array, epsilon: float) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + epsilon) * p["gamma"]


def heads_of(x: jax.Array, heads: int) -> jax.Array:
    return x.reshape(*x.shape[:-1], heads, -1)


def attend(q: jax.Array, k: jax.Array, v: jax.Array, mask: Any = None) -> jax.Array:
    scores = jnp.einsum("nqhd,nkhd->nhqk", q, k) * (1 / math.sqrt(q.shape[-1]))
    if mask is not None:
        scores = jnp.where(mask, scores, -jnp.inf)
    mixed = jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores, -1), v)
    return mixed.reshape(*mixed.shape[:2], -1)


def vit(config: dict[str, Any], p: dict[str, Any], x: jax.Array) -> jax.Array:
    """(N, H, W, C) to (N, classes)."""
    patch = config["patch"]
    strides = (patch, patch)
    numbers = ("NHWC", "HWIO", "NHWC")
    t = jax.lax.conv_general_dilated(
        x, p["patch"]["kernel"], strides, "VALID", dimension_numbers=numbers
    )
    t = (t + p["patch"]["bias"]).reshape(x.shape[0], -1, config["dim"])
    if config["pool"] == "cls":
        first = jnp.broadcast_to(p["cls"], (x.shape[0], *p["cls"].shape))
        t = jnp.concatenate([first, t], 1)
    t = t + p["pos"]
    epsilon = config["ln_eps"]
    for index in range(config["depth"]):
        b = p[f"block{index}"]
        n = layer_norm(b["ln1"], t, epsilon)
        q, k, v = (heads_of(dense(b[each], n), config["heads"]) for each in "qkv")
        m = dense(b["out"], attend(q, k, v))
        t = t + (m * b["ls1"] if "ls1" in b else m)
        n = layer_norm(b["ln2"], t, epsilon)
        m = dense(b["fc2"], jax.nn.gelu(dense(b["fc1"], n), approximate=config["gelu"] != "exact"))
        t = t + (m * b["ls2"] if "ls2" in b else m)
    if config["pool"] == "cls":
        t = layer_norm(p["ln"], t, epsilon)[:, 0]
    else:
        t = layer_norm(p["ln"], t.mean(1), epsilon)
    return dense(p["head"], t)


def rotated(config: dict[str, Any], x: jax.Array) -> jax.Array:
    """Rotary positions of Llama."""
    half = x.shape[-1] // 2
    frequency = config["rope_base"] ** (jnp.arange(0.0, x.shape[-1], 2.0) / x.shape[-1])
    angle = jnp.arange(float(x.shape[1]))[:, None] / frequency
    angle = jnp.concatenate([angle, angle], -1)[:, None]
    turned = jnp.concatenate([-x[..., half:], x[..., :half]], -1)
    return x * jnp.cos(angle) + turned * jnp.sin(angle)


def decoder(config: dict[str, Any], p: dict[str, Any], e: jax.Array) -> jax.Array:
    """Embeddings (N, T, D) to logits (N, T, V)."""
    epsilon, t = config["ln_eps"], e
    act = jax.nn.silu if config["act"] == "silu" else jax.nn.gelu
    mask = jnp.tril(jnp.ones((e.shape[1], e.shape[1]), bool))
    groups = config["heads"] // config["kv_heads"]
    for index in range(config["depth"]):
        b = p[f"block{index}"]
        n = rms_norm(b["ln1"], t, epsilon)
        q = heads_of(dense(b["q"], n), config["heads"])
        k, v = (heads_of(dense(b[each], n), config["kv_heads"]) for each in "kv")
        if "qn" in b:
            q, k = rms_norm(b["qn"], q, epsilon), rms_norm(b["kn"], k, epsilon)
        q, k = rotated(config, q), rotated(config, k)
        if groups > 1:
            k, v = jnp.repeat(k, groups, 2), jnp.repeat(v, groups, 2)
        t = t + dense(b["out"], attend(q, k, v, mask))
        n = rms_norm(b["ln2"], t, epsilon)
        t = t + dense(b["down"], act(dense(b["gate"], n)) * dense(b["up"], n))
    return dense(p["head"], rms_norm(p["ln"], t, epsilon))


def language_model(config: dict[str, Any], p: dict[str, Any], ids: jax.Array) -> jax.Array:
    """Token ids (N, T) to logits (N, T, V)."""
    return decoder(config, p, p["embed"][ids])
