"""The base of all ops, the base of those that keep their input's shape, and checks of shapes."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ir.ops.facts import OpFacts

Shape = tuple[int | None, ...]
"""A shape with the batch first; `None` where a length is not known before images are given."""

Weights = Mapping[str, Any]
"""One layer's weights by role: arrays, or anything else with `.shape`."""

MAX_DIMENSIONS = 64
"""The number of axes that an array may have, as in NumPy."""

MAX_VALUES = 2**31 - 1
"""The number of values that an array may have for one image.

Strides, dilations, paddings and lengths in an op have the same limit.
"""

LAYOUTS = ("channels_last", "channels_first")
"""Where the channels of images are: (N, …, C) or (N, C, …)."""


class ShapeError(ValueError):
    """An op was given inputs or weights whose shapes do not fit it.

    Example:
        >>> import ir
        >>> ir.Add().output_shape({}, (None, 8), (None, 9))
        Traceback (most recent call last):
        ir.ShapeError: takes two or more inputs whose shapes broadcast to one, ...
    """

    __module__ = "ir"  # a traceback shows the name that users import


@dataclass(frozen=True)
class Op(OpFacts):
    """Base of all ops: a frozen dataclass of hashable attributes, without weights and shapes.

    A new op is a subclass with `output_shape`, and with `bounds` where it can promise a range. It
    states the facts that are true of it. `jlrp.ops` has its computation.

    Example:
        >>> import ir
        >>> print(ir.Conv(strides=(2, 2), padding="same"))
        Conv(strides=(2, 2), padding='same')
    """

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        """Compute the output's shape.

        Args:
            params: The weights by role; only their `.shape` is read.
            *inputs: The shapes of the inputs, the batch first.

        Returns:
            The shape of the output, the batch first.

        Raises:
            ShapeError: The inputs or the weights do not fit the op.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not define output_shape(params, *inputs)."
        )

    def __str__(self) -> str:
        """The op and those of its attributes that differ from the defaults."""
        given = ((f, getattr(self, f.name)) for f in fields(self))
        shown = [f"{f.name}={value!r}" for f, value in given if value != f.default]
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True)
class SameShape(Op):
    """Base of the ops with one input, whose output has its shape.

    A subclass whose weights or axes have to fit the input checks them in `_require`.

    Example:
        >>> import ir
        >>> ir.Relu().output_shape({}, (None, 4)), ir.Relu().keeps_shape
        ((None, 4), True)
    """

    keeps_shape = True

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        x = require_one(inputs)
        self._require(params, x)
        return x

    def _require(self, params: Weights, x: Shape) -> None:
        """Raise `ShapeError` unless an input of this shape fits."""


def possible(shape: Shape) -> bool:
    """Whether arrays can have a shape: each length at least 1, and not more values than allowed.

    Example:
        >>> possible((None, 8)), possible((None, 2**16, 2**16)), possible((None, 0))
        (True, False, False)
    """
    lengths = [n for n in shape if n is not None]
    fits = len(shape) <= MAX_DIMENSIONS and math.prod(lengths) <= MAX_VALUES
    return fits and all(n > 0 for n in lengths)


def require_numbers(what: str, numbers: Iterable[int], least: int) -> None:
    """Raise `ShapeError` unless all numbers lie between `least` and `MAX_VALUES`.

    Args:
        what: What the numbers are, for the message.
        numbers: The numbers.
        least: The smallest number allowed.

    Example:
        >>> require_numbers("strides", (2, 0), 1)
        Traceback (most recent call last):
        ir.ShapeError: has strides of (2, 0): each should be 1 to 2,147,483,647.
    """
    given = tuple(numbers)
    if not all(least <= number <= MAX_VALUES for number in given):
        raise ShapeError(f"has {what} of {given}: each should be {least} to {MAX_VALUES:,}.")


def require_layout(data_format: str) -> None:
    """Raise `ShapeError` unless a layout is one of `LAYOUTS`."""
    if data_format not in LAYOUTS:
        raise ShapeError(
            f"has images in the layout {data_format!r}, which is none of {', '.join(LAYOUTS)}."
        )


def channel_axis(data_format: str, rank: int) -> int:
    """The index of the channel axis in an array of `rank` dimensions, batch included."""
    return 1 if data_format == "channels_first" else rank - 1


def spatial_axes(data_format: str, rank: int) -> tuple[int, ...]:
    """The indices of the spatial axes in an array of `rank` dimensions, batch included."""
    return tuple(range(2, rank)) if data_format == "channels_first" else tuple(range(1, rank - 1))


def require_rank(shape: Shape, rank: int, what: str) -> None:
    """Raise `ShapeError` unless `shape` has `rank` dimensions, the batch included."""
    if len(shape) != rank:
        raise ShapeError(
            f"takes {what} of {rank} dimensions, the batch included, but was given shape "
            f"{show(shape)}."
        )


def require_images(inputs: tuple[Shape, ...], axes: int, data_format: str) -> Shape:
    """The only input's shape, checked to be of images with this many spatial axes."""
    x = require_one(inputs)
    require_rank(x, axes + 2, "images")
    require_layout(data_format)
    return x


def require_one(inputs: tuple[Shape, ...]) -> Shape:
    """The only input's shape; `ShapeError` where there is not exactly one."""
    if len(inputs) != 1:
        raise ShapeError(f"takes one input, but was given {len(inputs)}.")
    return inputs[0]


def require_axes(axes: tuple[int, ...], shape: Shape) -> tuple[int, ...]:
    """Check axes, and count all of them from the front.

    Args:
        axes: The axes, negative ones counted from the end.
        shape: The shape that they are axes of, the batch first.

    Returns:
        The axes as indices, in rising order.

    Raises:
        ShapeError: An axis does not exist, or is axis 0, the batch: images do not mix.
    """
    if any(not -len(shape) < axis < len(shape) or axis == 0 for axis in axes):
        raise ShapeError(
            f"goes along the axes {axes}, but was given shape {show(shape)}, whose first is the "
            "batch."
        )
    return tuple(sorted({axis % len(shape) for axis in axes}))


def require_param(params: Weights, role: str, shape: Shape | None = None) -> tuple[int, ...]:
    """Check a weight.

    Args:
        params: The layer's weights.
        role: The weight's name.
        shape: The shape that it should have, `None` standing for any length; `None` for any shape.

    Returns:
        The weight's shape.

    Raises:
        ShapeError: The layer lacks the weight, or it has another shape.
    """
    if role not in params:
        raise ShapeError(f"needs the weight {role!r}, but has {sorted(params) or 'none'}.")
    found: tuple[int, ...] = tuple(params[role].shape)
    if shape is not None and not same_shape(found, shape):
        raise ShapeError(f"needs {role!r} of shape {show(shape)}, but it has shape {show(found)}.")
    return found


def require_optional(params: Weights, roles: Iterable[str], shape: Shape) -> None:
    """Check the shape of those weights that the layer has."""
    for role in roles:
        if role in params:
            require_param(params, role, shape)


def require_broadcast(params: Weights, role: str, x: Shape) -> None:
    """Raise `ShapeError` unless a weight has an input's shape without the batch, or 1, per axis."""
    found = require_param(params, role)
    pairs = zip(found, x[1:], strict=False)
    if len(found) != len(x) - 1 or any(a not in (1, n) and n is not None for a, n in pairs):
        raise ShapeError(
            f"has {role!r} of shape {show(found)}, which does not fit inputs of shape {show(x)}."
        )


def same_shape(a: Shape, b: Shape) -> bool:
    """Whether two shapes agree, `None` standing for any length."""
    return len(a) == len(b) and all(
        x == y or x is None or y is None for x, y in zip(a, b, strict=True)
    )


def show(shape: Shape) -> str:
    """Write a shape as `(N, 224, 224, 3)`, with `?` for unknown lengths."""
    names = [
        "N" if axis == 0 and length is None else "?" if length is None else str(length)
        for axis, length in enumerate(shape)
    ]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
