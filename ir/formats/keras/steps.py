"""Ops that do at all steps of a series what a layer does at one step.

A `TimeDistributed` layer reads (N, steps, …) and applies another layer to each (N, …). Its ops are
those of that layer, with windows of length 1 along the steps. They give the same numbers and, under
every rule, the same relevance. The batch keeps one entry per image.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import singledispatch
from typing import Any

from ir.ops import (
    ActivationOp,
    BatchNorm,
    Concatenate,
    Convolution,
    Crop,
    Dense,
    Flatten,
    GlobalPool,
    LayerNorm,
    LogSoftmax,
    Merge,
    Op,
    Permute,
    Pool,
    PRelu,
    Rescale,
    Reshape,
    Resize,
    Scale,
    Slice,
    Softmax,
    Sparsemax,
    Standardize,
    UnitNorm,
    Upsample,
    ZeroPad,
)
from ir.ops.window import Padding

Arrays = Mapping[str, Any]


@singledispatch
def at_every_step(op: Op, steps: int | None, rank: int) -> Op | None:
    """The op that does at every step what `op` does once.

    Args:
        op: The op of one step.
        steps: The number of steps; `None` if it is open.
        rank: The number of axes of one step's input, the batch included.

    Returns:
        The op for values with the steps behind the batch; `None` if there is no such op.

    Example:
        >>> import ir
        >>> print(at_every_step(ir.Conv((2, 2), "same"), 5, 4))
        Conv(strides=(1, 2, 2), padding='same', dilation=(1, 1, 1))
        >>> at_every_step(ir.GlobalAvgPool(), 5, 4).axes, at_every_step(ir.Repeat(3), 5, 2)
        ((2, 3), None)
    """
    return None


@at_every_step.register
def _(op: ActivationOp, steps: int | None, rank: int) -> Op | None:
    return op


@at_every_step.register(Dense)
@at_every_step.register(Rescale)
@at_every_step.register(Merge)
def _(op: Op, steps: int | None, rank: int) -> Op | None:
    return op


@at_every_step.register(Softmax)
@at_every_step.register(LogSoftmax)
@at_every_step.register(Sparsemax)
@at_every_step.register(Scale)
@at_every_step.register(BatchNorm)
@at_every_step.register(Concatenate)
def _(op: Any, steps: int | None, rank: int) -> Op | None:
    return replace(op, axis=_behind(op.axis))


@at_every_step.register(LayerNorm)
@at_every_step.register(UnitNorm)
@at_every_step.register(Standardize)
def _(op: Any, steps: int | None, rank: int) -> Op | None:
    return replace(op, axes=tuple(map(_behind, op.axes)))


@at_every_step.register
def _(op: Convolution, steps: int | None, rank: int) -> Op | None:
    if op.data_format != "channels_last":
        return None
    return replace(
        op, strides=(1, *op.strides), padding=_with_step(op.padding), dilation=(1, *op.dilation)
    )


@at_every_step.register
def _(op: Pool, steps: int | None, rank: int) -> Op | None:
    if op.data_format != "channels_last":
        return None
    return replace(
        op, pool_size=(1, *op.pool_size), strides=(1, *op.strides), padding=_with_step(op.padding)
    )


@at_every_step.register
def _(op: GlobalPool, steps: int | None, rank: int) -> Op | None:
    return replace(op, axes=tuple(axis + 1 for axis in op.reduced(rank)))


@at_every_step.register
def _(op: Flatten, steps: int | None, rank: int) -> Op | None:
    return replace(op, start=op.start + 1)


@at_every_step.register
def _(op: Reshape, steps: int | None, rank: int) -> Op | None:
    if steps is None and -1 in op.shape:
        return None
    return Reshape((-1 if steps is None else steps, *op.shape))


@at_every_step.register
def _(op: Permute, steps: int | None, rank: int) -> Op | None:
    return Permute((1, *(axis + 1 for axis in op.axes)))


@at_every_step.register
def _(op: Slice, steps: int | None, rank: int) -> Op | None:
    return Slice(((None, None, None), *op.index))


@at_every_step.register
def _(op: ZeroPad, steps: int | None, rank: int) -> Op | None:
    return replace(op, padding=((0, 0), *op.padding)) if op.data_format == "channels_last" else None


@at_every_step.register
def _(op: Crop, steps: int | None, rank: int) -> Op | None:
    return (
        replace(op, cropping=((0, 0), *op.cropping)) if op.data_format == "channels_last" else None
    )


@at_every_step.register
def _(op: Upsample, steps: int | None, rank: int) -> Op | None:
    return replace(op, factors=(1, *op.factors)) if op.data_format == "channels_last" else None


@at_every_step.register
def _(op: Resize, steps: int | None, rank: int) -> Op | None:
    if steps is None or op.data_format != "channels_last":
        return None
    return replace(op, size=(steps, *op.size))


def weights_at_every_step(op: Op) -> Callable[[Arrays], Arrays] | None:
    """The function that reshapes the weights for all steps; `None` if they already fit."""
    role = "kernel" if isinstance(op, Convolution) else "alpha" if isinstance(op, PRelu) else None
    if role is None:
        return None
    return lambda arrays: {**arrays, role: arrays[role][None]}


def _behind(axis: int) -> int:
    """The axis, counted from either end, after one more axis behind the batch."""
    return axis + 1 if axis > 0 else axis


def _with_step(padding: Padding) -> Padding:
    return padding if isinstance(padding, str) else ((0, 0), *padding)
