"""Where relevance starts: which class is explained, and what its relevance is at the decision value."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
from jlrp.ops.base import along_axis
from jlrp.propagation.arrays import as_any_array, require_finite

STARTS = ("logit", "one")
"""What relevance starts as at the target: its decision value, or 1."""

ONES = ("sign", "plus")
"""What a start of 1 is: the sign of the decision value, or +1."""

CONTRASTS = ("others", "runner_up")
"""What is taken off: the mean of all other classes, or the strongest other class."""

EVERYWHERE = "all"
"""The region that is every position of an output."""


@dataclass(frozen=True)
class Start:
    """What relevance starts as; a part of the plan.

    Attributes:
        kind: `"logit"`: the decision value `v` of the target; `"sign"`: `v / |v|`; `"plus"`: 1.
        contrast: `None`, `"others"` or `"runner_up"`.
        two_labels: Whether there are two labels, so that an output of one unit stands for two classes: the second
            is the unit, the first its negative.
        scores: Whether the classes of an output with positions compete at each of them, so that a class starts
            where it is predicted.
        squashed: Whether the model squashes the decision value, so that one unit has two sides.
    """

    kind: str = "logit"
    contrast: str | None = None
    two_labels: bool = False
    scores: bool = False
    squashed: bool = False

    def sides(self, units: int) -> bool:
        """Whether an output of this many units is one unit with two sides."""
        return self.two_labels and units == 1

    def classes(self, units: int) -> int:
        """How many classes an output of this many units has."""
        return 2 if self.sides(units) else units


def checked_start(start: str | None, contrast: str | None) -> None:
    """`ValueError` for a start or contrast that there is not."""
    if start is not None and start not in STARTS:
        raise ValueError(f"There is no start {start!r}: relevance starts as {' or '.join(map(repr, STARTS))}.")
    if contrast not in (None, *CONTRASTS):
        raise ValueError(f"There is no contrast {contrast!r}: it is None or {' or '.join(map(repr, CONTRASTS))}.")


def as_target(target: Any, images: tuple[Any, ...], labels: Sequence[str] = ()) -> Array | None:
    """The target as an array: `None`, (N,) class indices, or a start relevance.

    A label, or one per image, stands for its class. Raises `ValueError` for anything else.
    """
    if target is None:
        return None
    target = named(target, labels)
    array = as_any_array(target, "Targets")
    indices = jnp.issubdtype(array.dtype, jnp.integer)
    start = array.ndim > 1 and (indices or jnp.issubdtype(array.dtype, jnp.floating))
    if not (indices or start) or isinstance(array, np.ma.MaskedArray):
        raise ValueError(
            "A target is a class index (an integer) or a label, one per image, or the start itself "
            f"(real numbers without a mask), not {str(target)[:80]!r}."
        )
    if start:
        require_finite((array,), "start relevances")
    shape = images[0].shape[:1] if array.ndim == 0 else array.shape
    if isinstance(array, jax.Array):
        return jnp.broadcast_to(array, shape)
    return jax.device_put(np.broadcast_to(array, shape))


def named(target: Any, labels: Sequence[str]) -> Any:
    """Labels as class indices; anything else as it is. `ValueError` for a label that there is not."""
    if isinstance(target, str):
        return index_of(target, labels)
    several = isinstance(target, list | tuple) or (isinstance(target, np.ndarray) and target.ndim > 0)
    if several and any(isinstance(each, str) for each in target):
        return np.array([index_of(str(each), labels) for each in target])
    return target


def index_of(label: str, labels: Sequence[str]) -> int:
    """The class of a label; `ValueError` where there is none, or several of one name."""
    if not labels:
        raise ValueError(
            f"The target {label!r} is a label, but the explainer has none: give jlrp.explainer(…, labels=[…]), "
            "one for each class, or the class's index."
        )
    found = [index for index, name in enumerate(labels) if name == label]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"The classes {', '.join(map(str, found))} all have the label {label!r}: give an index.")
    close = get_close_matches(label, labels, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"No class has the label {label!r}.{hint}")


def check_target(target: Any, classes: int) -> None:
    """`ValueError` where a concrete class index is not one of the output's."""
    if target is None or isinstance(target, jax.core.Tracer):
        return
    indices = np.asarray(target)
    if indices.dtype.kind in "iu" and indices.ndim < 2 and indices.size:
        if indices.min() >= 0 and indices.max() < classes:
            return
        worst = indices.min() if indices.min() < 0 else indices.max()
        if classes == 1:
            raise ValueError(
                f"There is no class {worst}: the output is one unit, class 0. Its negative has the same map with the "
                "opposite signs; with two labels (labels=[…]) both sides are classes, the second is the unit."
            )
        raise ValueError(f"There is no class {worst}: the output has the classes 0 to {classes - 1}.")


def as_region(region: Any, shape: ir.Shape, axis: int) -> Array | None:
    """A region as a mask (N, …positions) of an output; `None` stays.

    Args:
        region: `None`; `"all"`; a mask of the positions, (…positions) or one per image (N, …positions); or a box,
            for each axis of positions its start and, after all starts, for each its end: (top, left, bottom, right).
        shape: Of the output, batch first.
        axis: Where the output's classes lie.

    Raises:
        ValueError: The output has no positions, or the region does not fit them.
    """
    if region is None:
        return None
    positions = tuple(int(n or 0) for i, n in enumerate(shape) if i not in (0, axis))
    if not positions:
        raise ValueError(f"A region is for outputs with positions, but the output has the shape {shape}: leave it out.")
    if isinstance(region, str):
        if region != EVERYWHERE:
            raise ValueError(f"A region is a mask, a box or {EVERYWHERE!r}, not {region!r}.")
        return jnp.ones((int(shape[0] or 1), *positions), bool)
    given = as_any_array(region, "Regions")
    if isinstance(region, tuple | list) and given.shape == (2 * len(positions),) and given.dtype.kind in "iu":
        return jnp.broadcast_to(_box(given, positions), (int(shape[0] or 1), *positions))
    if isinstance(given, np.ma.MaskedArray):
        raise ValueError("A region is a mask itself: give an array of true and false without a mask.")
    if given.shape not in (positions, (shape[0], *positions)) or given.dtype.kind not in "biuf":
        raise ValueError(
            f"A region is a mask of the output's positions {positions}, one for all images or one each, or a box of "
            f"{2 * len(positions)} whole numbers (all starts, then all ends), but was given an array of shape "
            f"{given.shape}."
        )
    return jnp.broadcast_to(jnp.asarray(given).astype(bool), (int(shape[0] or 1), *positions))


def _box(ends: Any, positions: tuple[int, ...]) -> Array:
    starts, stops = ends[: len(positions)], ends[len(positions) :]
    if any(not 0 <= a < b <= n for a, b, n in zip(starts, stops, positions, strict=True)):
        raise ValueError(f"The box {tuple(map(int, ends))} is empty or reaches outside the positions {positions}.")
    mask = np.zeros(positions, bool)
    mask[tuple(slice(a, b) for a, b in zip(starts, stops, strict=True))] = True
    return jnp.asarray(mask)


def start_relevance(
    graph: ir.Graph,
    start: Start,
    output: Array,
    prediction: Array,
    target: Array | None = None,
    region: Array | None = None,
) -> tuple[Array, Array]:
    """The decision value's relevance, and the class (N,) that it stands for.

    `v` is the decision value. By default the target `t` is the class that the model says: the largest prediction,
    among equals the one with the largest decision value, then the lowest index. The start is `v_t` at `t` and 0
    elsewhere. The contrast `"others"` adds `-v_c / (classes - 1)` at every other class `c`, `"runner_up"` adds `-v_r`
    at the other class `r` with the largest decision value. `"sign"` divides this by the size of its sum; `"plus"`
    has 1 in the place of every `v`. Of one unit with two labels class 1 is `v`, class 0 is `-v`.

    An output with positions (of another rank than 2) starts at all positions of channel `t`, or where the region is;
    if its classes are scores and no region is given, where `t` is predicted. A target of the output's shape is the
    start itself.

    Args:
        graph: Ends at the decision value.
        start: What relevance starts as.
        output: The decision value, (N, classes) or (N, …positions, classes).
        prediction: What the model says, of the same shape.
        target: `None`, (N,) indices, or a start relevance.
        region: `None`, or a mask (N, …positions).
    """
    if target is not None and (target.ndim > 1 or output.ndim == 1):
        if target.shape != output.shape:
            raise ValueError(f"A start relevance has the output's shape {output.shape}, but {target.shape} was given.")
        return target.astype(output.dtype), jnp.argmax(target, axis=-1)
    if target is None and output.ndim != 2:
        raise ValueError(
            f"The output has shape {output.shape}, a class for each position: give the class to explain as target, "
            "or the start relevance in the output's shape."
        )
    axis = graph.channel_axis(output.ndim, graph.outputs[0])
    units = output.shape[axis]
    if start.sides(units):
        return _of_sides(start, output, target, region)
    target = winner(output, prediction, axis) if target is None else target
    if target.shape != output.shape[:1]:
        raise ValueError(f"Give one target, or one per image: {output.shape[0]} images, but {target.shape[0]} targets.")
    chosen = _one_hot(target, output, axis)
    if output.ndim > 2:
        chosen = chosen * _where(start, output, prediction, target, region, axis)
    if start.contrast is not None:
        chosen = chosen - _contrasted(start.contrast, chosen, output, axis)
    if start.kind == "plus":
        return jnp.broadcast_to(chosen, output.shape).astype(output.dtype), target
    relevance = chosen * output
    if start.kind == "sign":
        size = jnp.abs(relevance.sum(-1, keepdims=True) if start.contrast else relevance)
        relevance = jnp.where(size > 0, relevance / jnp.where(size > 0, size, 1), 0)
    return relevance, target


def winner(output: Array, prediction: Array, axis: int) -> Array:
    """The index of the largest prediction; among equals of the largest output, then the lowest."""
    best = prediction == prediction.max(axis, keepdims=True)
    return jnp.argmax(jnp.where(best, output, -jnp.inf), axis=axis)


def _of_sides(start: Start, output: Array, target: Array | None, region: Array | None) -> tuple[Array, Array]:
    """The start of one unit `v` with two sides: class 1 is `v`, class 0 is `-v`."""
    if start.contrast is not None:
        raise ValueError("A contrast needs an output of two classes or more, and this is one unit with two labels.")
    target = (output[:, 0] > 0).astype(int) if target is None else target
    sign = along_axis(2 * target - 1, 0, output.ndim).astype(output.dtype)
    value = sign * output
    if output.ndim > 2:
        kept = value > 0 if region is None else jnp.expand_dims(region, -1).reshape(output.shape)
        value, sign = jnp.where(kept, value, 0), jnp.where(kept, sign, 0)
    if start.kind == "plus":
        return jnp.broadcast_to(sign, output.shape), target
    return (jnp.sign(value) if start.kind == "sign" else value), target


def _where(start: Start, output: Array, prediction: Array, target: Array, region: Array | None, axis: int) -> Array:
    """1 at the positions where relevance starts, as an array that broadcasts against the output."""
    if region is not None:
        return jnp.expand_dims(region, axis).astype(output.dtype)
    if not start.scores or (output.shape[axis] == 1 and not start.squashed):
        return jnp.ones((), output.dtype)
    if output.shape[axis] == 1:
        return (output > 0).astype(output.dtype)
    predicted = jnp.expand_dims(winner(output, prediction, axis), axis)
    return (predicted == along_axis(target, 0, output.ndim)).astype(output.dtype)


def _contrasted(contrast: str, chosen: Array, output: Array, axis: int) -> Array:
    """What each class counts in what is taken off."""
    if output.ndim != 2 or output.shape[-1] < 2:
        raise ValueError(f"A contrast needs an output of two classes or more, but it has shape {output.shape}.")
    if contrast == "others":
        return (1 - chosen) / (output.shape[-1] - 1)
    return _one_hot(jnp.argmax(jnp.where(chosen > 0, -jnp.inf, output), axis=-1), output, axis)


def _one_hot(index: Array, output: Array, axis: int) -> Array:
    """1 at an index per image along the class or channel axis, as an array that broadcasts against the output."""
    classes = along_axis(jnp.arange(output.shape[axis]), axis, output.ndim)
    return (classes == along_axis(index, 0, output.ndim)).astype(output.dtype)
