"""Spans that sum, average or pool: one reduction, and the numbers and moves behind it."""

import math
from typing import Any

import numpy as np

import ir
from ir.ops.base import spatial_axes
from ir.ops.window import Pairs, window_padding
from jlrp.tracing.moves import without_batch
from jlrp.tracing.numeric import REDUCTIONS, WINDOWS
from jlrp.tracing.part import Part
from jlrp.tracing.regions import Span, number_of, thin
from jlrp.tracing.values import Const, Equation, Value
from jlrp.tracing.walk import as_numpy

FACTORS = frozenset({"mul", "div", "convert_element_type"})


def pooled(span: Span) -> list[Part] | None:
    """The ops of a span that is one reduction and a factor; `None` for any other."""
    first, *rest = span.equations
    if first.primitive not in WINDOWS.keys() | {"reduce_max", "reduce_min", "reduce_sum"}:
        return None
    keepdims = False
    if rest and first.primitive in REDUCTIONS and _keeps(first, rest[0]):
        keepdims, rest = True, rest[1:]
    if any(e.primitive not in FACTORS or len(e.values) > 1 for e in rest):
        return None
    factor = _factor(rest, span.end)
    if factor is None:
        return None
    if first.primitive in WINDOWS:
        return _windows(first, span.start, factor)
    if factor.size != 1:
        return None
    return _whole(first, span.start, float(factor.reshape(())), keepdims)


def _keeps(first: Equation, move: Equation) -> bool:
    """Whether a move only puts the axes that were summed over back, with length 1."""
    value = first.operands[0]
    assert isinstance(value, Value)
    kept = tuple(1 if a in first.params["axes"] else n for a, n in enumerate(value.shape))
    return move.primitive in ("broadcast_in_dim", "reshape") and move.output.shape == kept


def _factor(equations: list[Equation], like: Value) -> np.ndarray | None:
    """What equations multiply by, in the shape of one image; `None` where it is trained."""
    factor = np.ones(())
    for equation in equations:
        if equation.primitive == "convert_element_type":
            continue
        (const,) = equation.consts
        if const.trained or (equation.primitive == "div" and equation.operands[0] is const):
            return None
        number = _exact(without_batch(thin(const), like))
        factor = factor * number if equation.primitive == "mul" else factor / number
    return factor


def _exact(const: Const) -> np.ndarray:
    """A constant in float64; single numbers of float32 as a person would write them."""
    number = number_of(const)
    return as_numpy(const).astype(np.float64) if number is None else np.full(const.shape, number)


def _whole(equation: Equation, start: Value, factor: float, keepdims: bool) -> list[Part] | None:
    axes = tuple(sorted(start.placed(axis) for axis in equation.params["axes"]))
    if not axes:
        return None
    rank = start.rank
    place: dict[str, Any] = {"axes": axes}
    if axes == spatial_axes("channels_last", rank):
        place = {}
    elif axes == spatial_axes("channels_first", rank) and rank > 3:
        place = {"data_format": "channels_first"}
    if equation.primitive == "reduce_sum":
        count = math.prod(start.first[axis - 1] for axis in axes)
        return [Part(ir.GlobalAvgPool(keepdims, **place)), *_rescaled(factor * count)]
    largest = Part(ir.GlobalMaxPool(keepdims, **place))
    if equation.primitive == "reduce_max":
        return [largest, *_rescaled(factor)]
    return [Part(ir.Rescale(-1.0)), largest, *_rescaled(-factor)]


def _rescaled(factor: float) -> list[Part]:
    return [] if abs(factor - 1) < 1e-6 else [Part(ir.Rescale(factor))]


def _windows(equation: Equation, start: Value, factor: np.ndarray) -> list[Part] | None:
    params = equation.params
    plain = {1} == {*params["base_dilation"], *params["window_dilation"]}
    order = [start.axis, *(a for a in range(start.rank) if a != start.axis)]
    window, strides, padding = (
        tuple(params[name][axis] for axis in order)
        for name in ("window_dimensions", "window_strides", "padding")
    )
    if not plain or (window[0], strides[0], padding[0]) != (1, 1, (0, 0)):
        return None
    idle = [
        a
        for a in range(1, start.rank)
        if start.first[a - 1] == 1 and (window[a], padding[a]) == (1, (0, 0))
    ]
    used = [a for a in range(1, start.rank) if a not in idle[: max(start.rank - 3, 0)]]
    lengths = (0, *(start.first[a - 1] for a in used))
    window, strides, padding = (
        (value[0], *(value[a] for a in used)) for value in (window, strides, padding)
    )
    rank = len(lengths)
    for data_format in ("channels_last", "channels_first"):
        axes = spatial_axes(data_format, rank)
        rest = [a for a in range(1, rank) if a not in axes]
        if axes and all((window[a], strides[a], padding[a]) == (1, 1, (0, 0)) for a in rest):
            break
    else:
        return None
    size, steps = (tuple(v[a] for a in axes) for v in (window, strides))
    pairs = tuple((int(low), int(high)) for low, high in (padding[a] for a in axes))
    if any(n < 0 for pair in pairs for n in pair):
        return None
    if factor.ndim:
        factor = factor.reshape([n for a, n in enumerate(factor.shape, 1) if a in used])
    space = tuple(lengths[a] for a in axes)
    pool = _pool(equation.primitive, space, size, steps, pairs, data_format, factor)
    if pool is None or rank == start.rank:
        return pool
    return [Part(ir.Reshape(lengths[1:])), *pool, Part(ir.Reshape(equation.output.first))]


def named_padding(
    pairs: Pairs, lengths: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...]
) -> str | Pairs:
    """`"valid"` or `"same"` where the pairs are what that means, else the pairs."""
    if not any(map(any, pairs)):
        return "valid"
    return "same" if pairs == window_padding("same", lengths, window, strides) else pairs


def _pool(
    primitive: str,
    lengths: tuple[int, ...],
    size: tuple[int, ...],
    steps: tuple[int, ...],
    pairs: Pairs,
    data_format: str,
    factor: np.ndarray,
) -> list[Part] | None:
    padding = named_padding(pairs, lengths, size, steps)
    if primitive != "reduce_window_sum":
        largest = Part(ir.MaxPool(size, steps, padding, data_format))
        if factor.size != 1:
            return None
        number = float(factor.reshape(()))
        if primitive == "reduce_window_max":
            return [largest, *_rescaled(number)]
        return [Part(ir.Rescale(-1.0)), largest, *_rescaled(-number)]
    cells = math.prod(size)
    if factor.size == 1:
        pad = [Part(ir.ZeroPad(pairs, data_format))] if padding != "valid" else []
        mean = Part(ir.AvgPool(size, steps, "valid", data_format))
        return [*pad, mean, *_rescaled(float(factor.reshape(())) * cells)]
    counts = _counts(lengths, size, steps, pairs)
    counts = counts[..., None] if data_format == "channels_last" else counts[None]
    try:
        even = np.broadcast_to(factor, np.broadcast_shapes(factor.shape, counts.shape)) * counts
    except ValueError:
        return None
    if not np.max(np.abs(even - even.flat[0])) <= 1e-6 * abs(even.flat[0]):
        return None
    mean = Part(ir.AvgPool(size, steps, padding, data_format))
    return [mean, *_rescaled(float(even.flat[0]))]


def _counts(
    lengths: tuple[int, ...], size: tuple[int, ...], steps: tuple[int, ...], pairs: Pairs
) -> np.ndarray:
    """How many cells of the image, without padding, each window has."""
    counts = np.ones(())
    for n, k, s, (low, high) in zip(lengths, size, steps, pairs, strict=True):
        starts = np.arange(-low, n + high - k + 1, s)
        along = np.minimum(starts + k, n) - np.maximum(starts, 0)
        counts = np.multiply.outer(counts, along)
    return np.asarray(counts)
