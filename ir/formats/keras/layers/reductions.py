"""Functions that reduce axes or windows to one value, or normalise by a length."""

import math
from typing import Any

import numpy as np

from ir.formats.keras.layers.arguments import axes_of, axis_of, option, wholes
from ir.formats.keras.layers.fields import constant
from ir.formats.keras.layers.registry import LayerCall, Part, refusal
from ir.ops import (
    Activation,
    AvgPool,
    Concatenate,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool,
    Multiply,
    Rescale,
    Scale,
    Slice,
    UnitNorm,
)


def _axes(call: LayerCall) -> tuple[int, ...]:
    return axes_of(call, option(call, "axis", 1, option(call, "reduction_indices", None, None)))


def _keepdims(call: LayerCall) -> bool:
    return bool(option(call, "keepdims", 2, option(call, "keep_dims", None, False)))


def reduce_axes(call: LayerCall, op: type[GlobalAvgPool] | type[GlobalMaxPool]) -> list[Part]:
    """The mean or maximum over any axes but the batch."""
    rank, found, keepdims = len(call.shapes[0]), _axes(call), _keepdims(call)
    if rank > 2 and found == tuple(range(1, rank - 1)):
        return [Part(op(keepdims))]
    if rank > 3 and found == tuple(range(2, rank)):
        return [Part(op(keepdims, "channels_first"))]
    return [Part(op(keepdims, axes=found))]


def minimum(call: LayerCall) -> list[Part]:
    """The minimum, as the negative of the maximum of the negative values."""
    (largest,) = reduce_axes(call, GlobalMaxPool)
    return [Part(Rescale(-1.0), "negative"), Part(largest.op, "largest"), Part(Rescale(-1.0))]


def total(call: LayerCall) -> list[Part]:
    """The sum, as the mean times the number of values."""
    lengths = [call.shapes[0][axis] for axis in _axes(call)]
    known = [n for n in lengths if n is not None]
    if len(known) < len(lengths):
        raise refusal(call.spec, "sums over axes of unknown length, which is not supported")
    (mean,) = reduce_axes(call, GlobalAvgPool)
    return [Part(mean.op, "mean"), Part(Rescale(float(math.prod(known))))]


def pool(call: LayerCall, op: type[AvgPool] | type[MaxPool]) -> list[Part]:
    """Pooling over windows."""
    rank = len(call.shapes[0]) - 2
    data_format = _data_format(call)
    size = _per_axis(
        call, option(call, "pool_size", 1, option(call, "ksize", 1, None)), rank, data_format
    )
    strides = option(call, "strides", 2, None)
    padding = str(option(call, "padding", 3, "valid")).lower()
    if padding not in ("valid", "same") or rank < 1:
        raise refusal(call.spec, f"pools values of shape {call.shapes[0]} with padding={padding!r}")
    return [
        Part(
            op(
                size,
                size if strides is None else _per_axis(call, strides, rank, data_format),
                padding,
                data_format,
            )
        )
    ]


def _per_axis(call: LayerCall, value: Any, rank: int, data_format: str) -> tuple[int, ...]:
    """One length per spatial axis, or one for all. TensorFlow may write batch and channels too."""
    found = wholes(call, value, "the window's length or stride")
    found = found * rank if len(found) == 1 else found
    if len(found) == rank + 2:
        own, others = (
            (found[2:], found[:2])
            if data_format == "channels_first"
            else (found[1:-1], (found[0], found[-1]))
        )
        found = own if set(others) == {1} else ()
    if len(found) != rank or min(found) < 1:
        raise refusal(
            call.spec,
            f"pools with windows or strides {str(value)[:80]}, which are not {rank} lengths",
        )
    return found


def _data_format(call: LayerCall) -> str:
    value = str(option(call, "data_format", None, None) or "channels_last")
    return (
        "channels_first" if value == "channels_first" or value.startswith("NC") else "channels_last"
    )


def normalize(call: LayerCall) -> list[Part]:
    """Values divided by their length, or by `epsilon` if it is greater (Keras 3)."""
    epsilon = constant(option(call, "epsilon", 3, 1e-7))
    if option(call, "order", 2, 2) != 2 or not isinstance(epsilon, float) or epsilon <= 0:
        raise refusal(call.spec, "divides by another norm than the length, which can be loaded")
    return [Part(UnitNorm(_from_end(call, option(call, "axis", 1, -1)), epsilon))]


def l2_normalize(call: LayerCall) -> list[Part]:
    """Values divided by their length, or by `√epsilon` if it is greater (TensorFlow)."""
    epsilon = constant(option(call, "epsilon", 2, 1e-12))
    if not isinstance(epsilon, float) or epsilon <= 0:
        raise refusal(call.spec, "has an epsilon that is no number above zero")
    return [Part(UnitNorm(_from_end(call, option(call, "axis", 1, None)), math.sqrt(epsilon)))]


def _from_end(call: LayerCall, value: Any) -> tuple[int, ...]:
    return tuple(axis - len(call.shapes[0]) for axis in axes_of(call, value))


def glu(call: LayerCall) -> list[Part]:
    """`a·sigmoid(b)` of the two halves `a` and `b` along one axis."""
    axis = axis_of(call, option(call, "axis", 1, -1))
    length = call.shapes[0][axis]
    if length is None or length % 2:
        raise refusal(call.spec, f"divides {length or 'unknown many'} cells into two halves")
    before = ((None, None, None),) * (axis - 1)
    return [
        Part(Slice((*before, (None, length // 2, None))), "signal", reads=(0,)),
        Part(Slice((*before, (length // 2, None, None))), "before_gate", reads=(0,)),
        Part(Activation("sigmoid"), "gate", reads=("before_gate",)),
        Part(Multiply(), reads=("signal", "gate")),
    ]


GREY = (0.2989, 0.587, 0.114)
"""The weights of red, green and blue in the brightness, in TensorFlow and Keras."""


def to_grey(call: LayerCall) -> list[Part]:
    """The brightness: a weighted sum of red, green and blue."""
    axis = 1 if _data_format(call) == "channels_first" else len(call.shapes[0]) - 1
    if call.shapes[0][axis] != 3:
        raise refusal(
            call.spec, f"makes grey of values of shape {call.shapes[0]}, which have not 3 channels"
        )
    scale = np.asarray(GREY, np.float32)
    return [
        Part(Scale(axis - len(call.shapes[0])), "weighed", constants={"scale": scale}),
        Part(GlobalAvgPool(True, axes=(axis,)), "mean"),
        Part(Rescale(3.0)),
    ]


def to_colour(call: LayerCall) -> list[Part]:
    """Grey images as colour images: the channel three times."""
    if call.shapes[0][-1] != 1:
        raise refusal(
            call.spec,
            f"makes colours of values of shape {call.shapes[0]}, which have not 1 channel",
        )
    return [Part(Concatenate(-1), reads=(0, 0, 0))]
