"""What every op has in common: immutable attributes, a shape rule and a range rule."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ir.ops.interval import ANYTHING, Interval

Shape = tuple[int | None, ...]
"""A shape with the batch first; `None` where a length is not known before images are given."""

Weights = Mapping[str, Any]
"""One layer's weights by role: arrays, or anything else with `.shape`."""


MOST_DIMENSIONS = 64
"""Of an array, as in NumPy."""


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
    """Whether arrays can have this shape.

    >>> possible((None, 8)), possible((None, 2**63)), possible((None,) * 65)
    (True, False, False)
    """
    return len(shape) <= MOST_DIMENSIONS and all(n is None or 0 <= n < 2**63 for n in shape)


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
    """Axes, negative ones counted from the end, as indices in rising order; `ShapeError` where one does not exist."""
    if any(not -len(shape) <= axis < len(shape) for axis in axes):
        raise ShapeError(f"goes along the axes {axes}, but was given shape {show(shape)}.")
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
