"""Where relevance starts: which class is explained, and its relevance at the decision value."""

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops.base import along_axis

STARTS = ("logit", "one")
"""What relevance starts as at the target: its decision value, or 1."""

CONTRASTS = ("others", "runner_up")
"""What is subtracted: the mean of all other classes, or the strongest other class."""


@dataclass(frozen=True)
class Start:
    """What relevance starts as; a part of the plan.

    Attributes:
        kind: With `v` the decision value of the target: `"logit"` is `v`, `"sign"` is `v / |v|`,
            and `"plus"` is 1.
        contrast: `None`, `"others"` or `"runner_up"`.
        two_labels: Whether there are two labels. An output of one unit then stands for two
            classes: the second is the unit, the first its negative.
        scores: Whether the classes of an output with positions compete at each position. A class
            then starts where it is predicted.
        squashed: Whether the model squashes the decision value, so that one unit has two sides.
        at_position: Whether the output is that of one position of several.
    """

    kind: str = "logit"
    contrast: str | None = None
    two_labels: bool = False
    scores: bool = False
    squashed: bool = False
    at_position: bool = False

    def sides(self, units: int) -> bool:
        """Whether an output of this many units is one unit with two sides."""
        return self.two_labels and units == 1

    def classes(self, units: int) -> int:
        """How many classes an output of this many units has."""
        return 2 if self.sides(units) else units


def check_start(start: str | None, contrast: str | None) -> None:
    """Raise `ValueError` for an unknown start or contrast."""
    if start is not None and start not in STARTS:
        raise ValueError(
            f"There is no start {start!r}: relevance starts as {' or '.join(map(repr, STARTS))}."
        )
    if contrast not in (None, *CONTRASTS):
        raise ValueError(
            f"There is no contrast {contrast!r}: it is None or {' or '.join(map(repr, CONTRASTS))}."
        )


def start_relevance(
    graph: ir.Graph,
    start: Start,
    output: Array,
    prediction: Array,
    target: Array | None = None,
    region: Array | None = None,
) -> tuple[Array, Array]:
    """The relevance of the decision value, and the class that it stands for.

    `v` is the decision value, `t` the target. The start is `v_t` at `t` and 0 elsewhere.

    - By default `t` is the class with the largest prediction. Among equals it is the one with the
      largest decision value, then the lowest index.
    - The contrast `"others"` adds `-v_c / (classes - 1)` at every other class `c`.
    - The contrast `"runner_up"` adds `-v_r` at the other class `r` with the largest decision value.
    - `"sign"` divides all this by the size of its sum.
    - `"plus"` has 1 in the place of every `v`.
    - One unit with two labels: class 1 is `v`, class 0 is `-v`.

    An output with positions (of another rank than 2) starts inside the region. Without a region it
    starts at all positions of channel `t`, or, if its classes are scores, where `t` is predicted.
    A target of the output's shape is the start itself.

    Args:
        graph: A graph that ends at the decision value.
        start: What relevance starts as.
        output: The decision value, (N, classes) or (N, …positions, classes).
        prediction: The model's own output, of the same shape.
        target: `None`, indices (N,), or a start relevance.
        region: `None`, or a mask (N, …positions).

    Returns:
        The relevance, of the output's shape, and the class (N,).

    Raises:
        ValueError: The target, region or contrast does not fit the output.
    """
    if start.at_position and output.ndim == 1:
        raise ValueError(
            "A position is for an output with classes at each position, (N, T, classes), but the "
            "model's output has classes for each image alone: leave it out."
        )
    if target is not None and (target.ndim > 1 or output.ndim == 1):
        if target.shape != output.shape:
            raise ValueError(
                f"A start relevance has the output's shape {output.shape}, but {target.shape} was "
                "given."
            )
        return target.astype(output.dtype), jnp.argmax(target, axis=-1)
    if target is None and output.ndim != 2:
        raise ValueError(
            f"The output has shape {output.shape}, a class for each position: give the class to "
            "explain as target, or the start relevance in the output's shape."
        )
    axis = graph.channel_axis(output.ndim, graph.outputs[0])
    if start.sides(output.shape[axis]):
        return _start_of_side(start, output, target, region)
    target = winner(output, prediction, axis) if target is None else target
    if target.shape != output.shape[:1]:
        raise ValueError(
            f"Give one target, or one per image: {output.shape[0]} images, but {target.shape[0]} "
            "targets."
        )
    weights = _one_hot(target, output, axis)
    if output.ndim > 2:
        weights = weights * _positions(start, output, prediction, target, region, axis)
    if start.contrast is not None:
        weights = weights - _contrast_weights(start.contrast, weights, output, axis)
    if start.kind == "plus":
        return jnp.broadcast_to(weights, output.shape).astype(output.dtype), target
    relevance = weights * output
    if start.kind == "sign":
        size = jnp.abs(relevance.sum(-1, keepdims=True) if start.contrast else relevance)
        relevance = jnp.where(size > 0, relevance / jnp.where(size > 0, size, 1), 0)
    return relevance, target


def winner(output: Array, prediction: Array, axis: int) -> Array:
    """The index of the largest prediction; among equals of the largest output, then the lowest."""
    best = prediction == prediction.max(axis, keepdims=True)
    return jnp.argmax(jnp.where(best, output, -jnp.inf), axis=axis)


def _start_of_side(
    start: Start, output: Array, target: Array | None, region: Array | None
) -> tuple[Array, Array]:
    """The start of one unit `v` with two sides: class 1 is `v`, class 0 is `-v`."""
    if start.contrast is not None:
        raise ValueError(
            "A contrast needs an output of two classes or more, and this is one unit with two "
            "labels."
        )
    target = (output[:, 0] > 0).astype(int) if target is None else target
    sign = along_axis(2 * target - 1, 0, output.ndim).astype(output.dtype)
    value = sign * output
    if output.ndim > 2:
        kept = value > 0 if region is None else jnp.expand_dims(region, -1).reshape(output.shape)
        value, sign = jnp.where(kept, value, 0), jnp.where(kept, sign, 0)
    if start.kind == "plus":
        return jnp.broadcast_to(sign, output.shape), target
    return (jnp.sign(value) if start.kind == "sign" else value), target


def _positions(
    start: Start,
    output: Array,
    prediction: Array,
    target: Array,
    region: Array | None,
    axis: int,
) -> Array:
    """1 at the positions where relevance starts, in a shape that broadcasts with the output."""
    if region is not None:
        return jnp.expand_dims(region, axis).astype(output.dtype)
    if not start.scores or (output.shape[axis] == 1 and not start.squashed):
        return jnp.ones((), output.dtype)
    if output.shape[axis] == 1:
        return (output > 0).astype(output.dtype)
    predicted = jnp.expand_dims(winner(output, prediction, axis), axis)
    return (predicted == along_axis(target, 0, output.ndim)).astype(output.dtype)


def _contrast_weights(contrast: str, weights: Array, output: Array, axis: int) -> Array:
    """The weight of each class in what a contrast subtracts."""
    if output.ndim != 2 or output.shape[-1] < 2:
        raise ValueError(
            f"A contrast needs an output of two classes or more, but it has shape {output.shape}."
        )
    if contrast == "others":
        return (1 - weights) / (output.shape[-1] - 1)
    others = jnp.where(weights > 0, -jnp.inf, output)
    return _one_hot(jnp.argmax(others, axis=-1), output, axis)


def _one_hot(index: Array, output: Array, axis: int) -> Array:
    """1 at an index per image along one axis, in a shape that broadcasts with the output."""
    classes = along_axis(jnp.arange(output.shape[axis]), axis, output.ndim)
    return (classes == along_axis(index, 0, output.ndim)).astype(output.dtype)
