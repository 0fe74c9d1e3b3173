"""Where relevance starts: which class is explained, and what its relevance is at the output."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
from jlrp.ops.base import along_axis

STARTS = ("logit", "one")
"""What relevance starts as at the target: its output value, or 1."""

CONTRASTS = ("others", "runner_up")
"""What is taken off: the mean of all other classes, or the strongest other class."""


def checked_start(start: str, contrast: str | None) -> None:
    """`ValueError` for a start or contrast that there is not."""
    if start not in STARTS:
        raise ValueError(f"There is no start {start!r}: relevance starts as {' or '.join(map(repr, STARTS))}.")
    if contrast not in (None, *CONTRASTS):
        raise ValueError(f"There is no contrast {contrast!r}: it is None or {' or '.join(map(repr, CONTRASTS))}.")


def as_target(target: Any, images: tuple[Any, ...]) -> Array | None:
    """The target as an array: `None`, (N,) class indices, or a start relevance."""
    if target is None:
        return None
    array = target if isinstance(target, jax.Array) else np.asarray(target)
    if not jnp.issubdtype(array.dtype, jnp.number if array.ndim > 1 else jnp.integer):
        raise ValueError(f"A target is a class index (an integer), one per image, or the start itself, not {target!r}.")
    return jnp.broadcast_to(jnp.asarray(array), images[0].shape[:1] if array.ndim == 0 else array.shape)


def check_target(target: Any, classes: int) -> None:
    """`ValueError` where a concrete class index is not one of the output's."""
    if target is None or isinstance(target, jax.core.Tracer):
        return
    indices = np.asarray(target)
    if indices.ndim < 2 and indices.size and (indices.min() < 0 or indices.max() >= classes):
        worst = indices.min() if indices.min() < 0 else indices.max()
        raise ValueError(f"There is no class {worst}: the output has the classes 0 to {classes - 1}.")


def start_relevance(
    graph: ir.Graph, output: Array, target: Array | None, start: str = "logit", contrast: str | None = None
) -> tuple[Array, Array]:
    """The output's relevance, and the class (N,) that it stands for.

    `v` is the output (start `"logit"`) or 1 (`"one"`), `t` the target: `v_t` at `t` and 0 elsewhere; with the contrast
    `"others"` besides `−v_c / (classes − 1)` at every other class `c`, with `"runner_up"` besides `−v_r` at the other
    class with the largest output. For an output of another rank than 2, `t` is a channel, at all positions. A target
    of the output's shape is the start itself.
    """
    if target is not None and (target.ndim > 1 or output.ndim == 1):
        if target.shape != output.shape:
            raise ValueError(f"A start relevance has the output's shape {output.shape}, but {target.shape} was given.")
        return target.astype(output.dtype), jnp.argmax(target, axis=-1)
    if target is None and output.ndim != 2:
        raise ValueError(
            f"The output has shape {output.shape} and so no class to explain: "
            "give the start relevance in that shape as target."
        )
    target = jnp.argmax(output, axis=-1) if target is None else target
    if target.shape != output.shape[:1]:
        raise ValueError(f"Give one target, or one per image: {output.shape[0]} images, but {target.shape[0]} targets.")
    axis = graph.channel_axis(output.ndim)
    chosen = _one_hot(target, output, axis)
    values = output if start == "logit" else jnp.ones_like(output)
    if contrast is None:
        return chosen * values, target
    if output.ndim != 2 or output.shape[-1] < 2:
        raise ValueError(f"A contrast needs an output of two classes or more, but it has shape {output.shape}.")
    if contrast == "others":
        others = (1 - chosen) / (output.shape[-1] - 1)
    else:
        others = _one_hot(jnp.argmax(jnp.where(chosen > 0, -jnp.inf, output), axis=-1), output, axis)
    return (chosen - others) * values, target


def _one_hot(index: Array, output: Array, axis: int) -> Array:
    """1 at an index per image along the class or channel axis, as an array that broadcasts against the output."""
    classes = along_axis(jnp.arange(output.shape[axis]), axis, output.ndim)
    return (classes == along_axis(index, 0, output.ndim)).astype(output.dtype)
