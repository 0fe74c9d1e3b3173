"""Spans that only move values: what they are as ops, found by pushing numbered cells through."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

import ir
from ir.ops.base import spatial_axes
from jlrp.tracing.numeric import MOVES
from jlrp.tracing.part import Part
from jlrp.tracing.regions import Span, thin
from jlrp.tracing.values import Const, Equation, Value, reshaped
from jlrp.tracing.walk import as_numpy

Cells = NDArray[np.int64]

WHOLE = (None, None, None)
"""The slice of a whole axis."""


def moved(span: Span) -> list[Part] | None:
    """The ops of a span that only moves values; `None` for any other.

    Cells are numbered from 1 in the value that goes in; the numbers that come out say where each
    cell of the result is from.
    """
    if not span.primitives <= MOVES:
        return None
    if span.primitives == {"pad"} and len(span.equations) == 1:
        return _padded(span)
    if any(not picks(equation) for equation in span.equations):
        return _inserted(span) if len(span.equations) == 1 else None
    shape = span.start.first
    cells = np.arange(1, math.prod(shape) + 1).reshape(1, *shape)
    numbers = {c.number: as_numpy(c) for c in span.consts}
    return rearranged(shape, span.run(cells, numbers)[0])


def picks(equation: Equation) -> bool:
    """Whether the constants of a move are indices, not values that it puts somewhere."""
    consts = equation.consts
    return all(not c.trained and np.dtype(c.dtype).kind in "iu" for c in consts)


def rearranged(shape: Sequence[int], cells: Cells) -> list[Part] | None:
    """The ops that bring numbered cells, from 1 on, of a shape into this order; `None` for none."""
    source = np.arange(1, math.prod(shape) + 1).reshape(tuple(shape))
    if cells.shape == source.shape and np.array_equal(cells, source):
        return []
    if cells.size == source.size and np.array_equal(cells.ravel(), source.ravel()):
        return [Part(ir.Reshape(cells.shape))]
    return _strided(source, cells) or _taken(source, cells)


def _strided(source: Cells, cells: Cells) -> list[Part] | None:
    """Cells that lie in steps: slices, permutations and copies, one after the other."""
    steps = [_step(cells, axis) for axis in range(cells.ndim)]
    first = cells[(0,) * cells.ndim] - 1
    made = first + 1
    for axis, step in enumerate(steps):
        made = made + step * np.arange(cells.shape[axis]).reshape(
            (-1,) + (1,) * (cells.ndim - axis - 1)
        )
    if not np.array_equal(np.broadcast_to(made, cells.shape), cells):
        return None
    copied = [axis for axis, step in enumerate(steps) if step == 0 and cells.shape[axis] > 1]
    kept = tuple(1 if axis in copied else n for axis, n in enumerate(cells.shape))
    moving = [axis for axis, step in enumerate(steps) if step != 0]
    order = sorted(moving, key=lambda axis: -abs(steps[axis]))
    along = [cells.shape[a] for a in order]
    in_order = kept if order == sorted(order) else ()
    parts, lengths = _cut(source, along, [steps[a] for a in order], first, in_order)
    if parts is None:
        return None
    if order != sorted(order):
        axes = tuple(order.index(axis) + 1 for axis in sorted(order))
        parts = [*parts, Part(ir.Permute(axes))]
        lengths = tuple(lengths[axis - 1] for axis in axes)
    if lengths != kept:
        parts = [*parts, Part(ir.Reshape(kept))]
    if copied:
        parts = [*parts, Part(ir.Broadcast(cells.shape))]
    return parts


def _step(cells: Cells, axis: int) -> int:
    """How far apart neighbouring cells along an axis lie in the source."""
    if cells.shape[axis] == 1:
        return 0
    at = [0] * cells.ndim
    at[axis] = 1
    return int(cells[tuple(at)] - cells[(0,) * cells.ndim])


def _cut(
    source: Cells, lengths: Sequence[int], steps: Sequence[int], first: int, kept: tuple[int, ...]
) -> tuple[list[Part] | None, tuple[int, ...]]:
    """The slice of a source whose axes have these lengths and steps, in falling order of steps.

    Axes of which one cell is left stay if the result, of the lengths `kept`, has them too.
    """
    if not lengths:
        lengths, steps = (1,), (1,)
    whole = math.prod(lengths) == source.size
    if whole and all(step > 0 for step in steps):
        parts = [] if tuple(lengths) == source.shape else [Part(ir.Reshape(tuple(lengths)))]
        return parts, tuple(lengths)
    # The axes of the source, or a split of them, along which the cells lie.
    fine = _split(source.shape, lengths, steps)
    if fine is None:
        return None, ()
    parts = [] if fine == source.shape else [Part(ir.Reshape(fine))]
    starts = np.unravel_index(first, fine)
    sizes = [math.prod(fine[axis + 1 :]) for axis in range(len(fine))]
    index: list[Any] = []
    at, made = 0, []
    for axis, (n, size) in enumerate(zip(fine, sizes, strict=True)):
        start = int(starts[axis])
        if (
            at < len(lengths)
            and steps[at] % size == 0
            and abs(steps[at]) // size * (lengths[at] - 1) < n
        ):
            step, count = steps[at] // size, lengths[at]
            stop: int | None = start + step * (count - 1) + (1 if step > 0 else -1)
            stop = None if stop is not None and stop < 0 else stop
            whole_axis = start == 0 and step == 1 and count == n
            index.append(WHOLE if whole_axis else (start, stop, step))
            made.append(count)
            at += 1
        else:
            index.append((start, start + 1, 1))
            made.append(1)
    if at != len(lengths):
        return None, ()
    if tuple(made) != kept:
        single = [isinstance(e[0], int) and e[1] == e[0] + 1 for e in index]
        index = [e[0] if alone else e for e, alone in zip(index, single, strict=True)]
        made = [n for n, alone in zip(made, single, strict=True) if not alone]
    if any(entry != WHOLE for entry in index):
        while index[-1] == WHOLE:
            index.pop()
        parts.append(Part(ir.Slice(tuple(index))))
    if tuple(made) != kept and tuple(made) != tuple(lengths):
        parts.append(Part(ir.Reshape(tuple(lengths))))
        made = list(lengths)
    return parts, tuple(made)


def _split(
    shape: tuple[int, ...], lengths: Sequence[int], steps: Sequence[int]
) -> tuple[int, ...] | None:
    """A shape with the axes split where the cells have several steps within one axis."""
    fine: list[int] = []
    for axis, n in enumerate(shape):
        size = math.prod(shape[axis + 1 :])
        inside = [
            (abs(step) // size, count)
            for step, count in zip(steps, lengths, strict=True)
            if abs(step) % size == 0 and abs(step) // size < n
        ]
        left = n
        for step, _ in inside[:-1]:
            if step == 0 or left % step:
                return None
            fine.append(left // step)
            left = step
        fine.append(left)
    return tuple(fine)


def _taken(source: Cells, cells: Cells) -> list[Part] | None:
    """Cells picked along one axis: `None` if the others do not stay as they are."""
    if cells.ndim != source.ndim or cells.size == 0 or cells.min() < 1:
        return None
    changed = [a for a in range(cells.ndim) if cells.shape[a] != source.shape[a]]
    for axis in changed or range(cells.ndim):
        line = tuple(slice(None) if a == axis else 0 for a in range(cells.ndim))
        size = math.prod(source.shape[axis + 1 :])
        indices = (cells[line] - 1) // size
        if indices.max() < source.shape[axis] and np.array_equal(
            np.take(source, indices, axis), cells
        ):
            return [Part(ir.Take(axis + 1, tuple(map(int, indices))))]
    return None


def _padded(span: Span) -> list[Part] | None:
    """The ops of one padding: zeros in space are `ZeroPad`, other constants are inserted."""
    (equation,) = span.equations
    value = equation.consts[-1]
    if value.trained:
        return None
    fill = float(as_numpy(value))
    config = [tuple(map(int, entry)) for entry in equation.params["padding_config"]]
    pairs = [config[axis] for axis in _first_axes(span.start)]
    if config[span.start.axis] != (0, 0, 0):
        return None
    parts: list[Part] = []
    shape = list(span.start.first)
    if any(gap for _, _, gap in pairs):
        if fill != 0:
            return None
        parts.append(Part(ir.Dilate(tuple(gap + 1 for _, _, gap in pairs))))
        shape = [(n - 1) * (gap + 1) + 1 for n, (_, _, gap) in zip(shape, pairs, strict=True)]
    if any(low < 0 or high < 0 for low, high, _ in pairs):
        cut = [
            (max(-low, 0) or None, n - max(-high, 0) if high < 0 else None, None)
            for n, (low, high, _) in zip(shape, pairs, strict=True)
        ]
        parts.append(Part(ir.Slice(tuple(cut))))
    grown = [(max(low, 0), max(high, 0)) for low, high, _ in pairs]
    return [*parts, *_grown(grown, fill, span.start.dtype)]


def _grown(pairs: list[tuple[int, int]], fill: float, dtype: object) -> list[Part]:
    rank = len(pairs) + 1
    wide = [axis for axis, pair in enumerate(pairs, start=1) if any(pair)]
    for data_format in ("channels_last", "channels_first"):
        axes = spatial_axes(data_format, rank)
        if wide and fill == 0 and rank > 2 and set(wide) <= set(axes):
            return [Part(ir.ZeroPad(tuple(pairs[axis - 1] for axis in axes), data_format))]
    return [
        Part(ir.Insert(axis), _constants(pairs[axis - 1], axis, rank, fill, dtype)) for axis in wide
    ]


def _constants(
    pair: tuple[int, int], axis: int, rank: int, fill: float, dtype: object
) -> dict[str, Const]:
    made = {}
    for role, length in zip(("before", "behind"), pair, strict=True):
        if length:
            shape = [1] * (rank - 1)
            shape[axis - 1] = length
            value = np.full(shape, fill, dtype)  # type: ignore[call-overload]
            made[role] = Const(tuple(shape), value.dtype, value=value)
    return made


def _inserted(span: Span) -> list[Part] | None:
    """One concatenation of a value with constants."""
    (equation,) = span.equations
    places = [i for i, each in enumerate(equation.operands) if isinstance(each, Value)]
    if equation.primitive != "concatenate" or len(places) != 1:
        return None
    axis = equation.params["dimension"]
    if axis == span.start.axis:
        return None
    roles = {
        "before": list(equation.operands[: places[0]]),
        "behind": list(equation.operands[places[0] + 1 :]),
    }
    weights = {}
    for role, operands in roles.items():
        if operands:
            weights[role] = joined(operands, axis, span.start)
    return [Part(ir.Insert(span.start.placed(axis)), weights)]


def joined(operands: Sequence[object], axis: int, like: Value) -> Const:
    """Constants along one axis, without the batch's axis."""
    consts = [each for each in operands if isinstance(each, Const)]
    joint = consts[0] if len(consts) == 1 else _concatenated(consts, axis)
    joint = thin_but(joint, axis)
    return without_batch(joint, like)


def thin_but(const: Const, axis: int) -> Const:
    """A constant before it was broadcast, if that left its length along one axis."""
    small = thin(const)
    return small if small.shape[axis] == const.shape[axis] else const


def _concatenated(consts: Sequence[Const], axis: int) -> Const:
    shape = list(consts[0].shape)
    shape[axis] = sum(c.shape[axis] for c in consts)
    return Const(tuple(shape), consts[0].dtype, tuple(consts), lambda *a: jnp.concatenate(a, axis))


def without_batch(const: Const, like: Value) -> Const:
    """A constant of the rank of a value, without the axis of the value's batch."""
    if const.rank == 0:
        return reshaped(const, (1,) * (like.rank - 1))
    return reshaped(const, [n for axis, n in enumerate(const.shape) if axis != like.axis])


def _first_axes(value: Value) -> list[int]:
    """The axes of a value but the batch, in their order."""
    return [axis for axis in range(value.rank) if axis != value.axis]
