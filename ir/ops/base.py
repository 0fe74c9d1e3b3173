"""What every op has in common: immutable attributes, a shape rule and a range rule."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ir.ops.interval import ANYTHING, Interval

Shape = tuple[int | None, ...]
"""A shape with the batch first; `None` where a length is not known before images are given."""

Weights = Mapping[str, Any]
"""One layer's weights by role: arrays, or anything else with `.shape`."""


MOST_DIMENSIONS = 64
"""Of an array, as in NumPy."""

MOST_VALUES = 2**31 - 1
"""Of an array, for one image; and the greatest stride, dilation, padding or length in an op."""

LAYOUTS = ("channels_last", "channels_first")
"""Where the channels of images are: (N, …, C) or (N, C, …)."""


class ShapeError(ValueError):
    """An op was given inputs or weights whose shapes do not fit it.

    >>> import ir
    >>> ir.Add().output_shape({}, (None, 8), (None, 9))
    Traceback (most recent call last):
    ir.ops.base.ShapeError: takes two or more inputs whose shapes broadcast to one, but was given (N, 8), (N, 9).
    """


@dataclass(frozen=True)
class Op:
    """Base of all ops: a frozen dataclass of hashable attributes, without weights and without shapes.

    A new op is a subclass with `output_shape` (and `bounds` where it can promise a range), plus its computation in
    `jlrp.ops`.

    >>> import ir
    >>> print(ir.Conv(strides=(2, 2), padding="same"))
    Conv(strides=(2, 2), padding='same')
    """

    @property
    def monotone(self) -> bool:
        """Whether each output value rises, or each falls, with every input value, whatever the others are."""
        return False

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        """The output's shape from the weights (anything with `.shape`) and the inputs' shapes.

        Raises `ShapeError` with one sentence where they do not fit.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define output_shape(params, *inputs).")

    def bounds(self, *inputs: Interval) -> Interval:
        """The interval (low, high) in which every output value certainly lies, given those of the inputs.

        Of any weights, and of exact arithmetic: rounding may overstep it. `(-inf, inf)` where nothing is certain.
        """
        return ANYTHING

    def __str__(self) -> str:
        """The op and those of its attributes that differ from the defaults."""
        shown = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name) != f.default]
        return f"{type(self).__name__}({', '.join(shown)})"


def possible(shape: Shape) -> bool:
    """Whether arrays can have this shape: at least one value, and not more than programs can count or memory hold.

    >>> possible((None, 8)), possible((None, 2**16, 2**16)), possible((None, 0)), possible((None,) * 65)
    (True, False, False, False)
    """
    lengths = [n for n in shape if n is not None]
    return len(shape) <= MOST_DIMENSIONS and all(n > 0 for n in lengths) and math.prod(lengths) <= MOST_VALUES


def require_numbers(what: str, numbers: Iterable[int], least: int) -> None:
    """Raise `ShapeError` unless all numbers lie between `least` and `MOST_VALUES`; what: what they are.

    >>> require_numbers("strides", (2, 0), 1)
    Traceback (most recent call last):
    ir.ops.base.ShapeError: has strides of (2, 0): each should be 1 to 2,147,483,647.
    """
    given = tuple(numbers)
    if not all(least <= number <= MOST_VALUES for number in given):
        raise ShapeError(f"has {what} of {given}: each should be {least} to {MOST_VALUES:,}.")


def require_layout(data_format: str) -> None:
    """Raise `ShapeError` unless a layout is one of `LAYOUTS`."""
    if data_format not in LAYOUTS:
        raise ShapeError(f"has images in the layout {data_format!r}, which is none of {', '.join(LAYOUTS)}.")


def channel_axis(data_format: str, rank: int) -> int:
    """The index of the channel axis in an array of `rank` dimensions, batch included."""
    return 1 if data_format == "channels_first" else rank - 1


def spatial_axes(data_format: str, rank: int) -> tuple[int, ...]:
    """The indices of the spatial axes in an array of `rank` dimensions, batch included."""
    return tuple(range(2, rank)) if data_format == "channels_first" else tuple(range(1, rank - 1))


def require_rank(shape: Shape, rank: int, what: str) -> None:
    """Raise `ShapeError` unless `shape` has `rank` dimensions, the batch included."""
    if len(shape) != rank:
        raise ShapeError(f"takes {what} of {rank} dimensions, the batch included, but was given shape {show(shape)}.")


def require_one(inputs: tuple[Shape, ...]) -> Shape:
    """The only input's shape; `ShapeError` where there is not exactly one."""
    if len(inputs) != 1:
        raise ShapeError(f"takes one input, but was given {len(inputs)}.")
    return inputs[0]


def require_axes(axes: tuple[int, ...], shape: Shape) -> tuple[int, ...]:
    """Axes, negative ones counted from the end, as indices in rising order.

    Raises `ShapeError` where one does not exist or is the batch's, axis 0: images do not mix.
    """
    if any(not -len(shape) < axis < len(shape) or axis == 0 for axis in axes):
        raise ShapeError(f"goes along the axes {axes}, but was given shape {show(shape)}, whose first is the batch.")
    return tuple(sorted({axis % len(shape) for axis in axes}))


def require_param(params: Weights, role: str, shape: Shape | None = None) -> tuple[int, ...]:
    """The shape of the weight called `role`, checked against `shape` (`None`: any length) where that is given."""
    if role not in params:
        raise ShapeError(f"needs the weight {role!r}, but has {sorted(params) or 'none'}.")
    found: tuple[int, ...] = tuple(params[role].shape)
    if shape is not None and not same_shape(found, shape):
        raise ShapeError(f"needs {role!r} of shape {show(shape)}, but it has shape {show(found)}.")
    return found


def same_shape(a: Shape, b: Shape) -> bool:
    """Whether two shapes agree, `None` standing for any length."""
    return len(a) == len(b) and all(x == y or x is None or y is None for x, y in zip(a, b, strict=True))


def show(shape: Shape) -> str:
    """A shape as people write it: `(N, 224, 224, 3)`, unknown lengths as `?`."""
    names = [
        "N" if axis == 0 and length is None else "?" if length is None else str(length)
        for axis, length in enumerate(shape)
    ]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
