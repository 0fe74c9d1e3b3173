"""The arguments of a function that a model calls: tensors, constants and options."""

from typing import Any

from ir.formats.keras.layers.registry import LayerCall, Part, refusal
from ir.ops import Reshape, Shape

OPERANDS = ("x", "y", "x1", "x2", "a", "b", "value", "bias")
"""Keywords for the operands of a function of two values."""

MAX_COPIES = 1000
"""Copies that one function may make of a value, and parts into which it may divide it."""


def takes_one_list(call: LayerCall) -> bool:
    """Whether the values come as one list, as for merging layers. Operators came with Keras 3."""
    arguments = call.call.arguments
    return call.keras_version < 3 or (len(arguments) == 1 and isinstance(arguments[0], tuple))


def operands(call: LayerCall) -> list[Any]:
    """The operands in order: the arguments, then those among the keywords."""
    keywords = call.call.keywords
    return [
        *call.call.arguments,
        *(keywords[key] for key in OPERANDS if keywords.get(key) is not None),
    ]


def option(call: LayerCall, key: str, position: int | None, default: Any) -> Any:
    """An option of a function: a keyword, a field of the configuration, or an argument.

    Args:
        call: The call.
        key: The name of the keyword or field.
        position: The position of the argument, if it can be one.
        default: The value if there is none.
    """
    for place in (call.call.keywords, call.spec.config):
        if place.get(key) is not None:
            return place[key]
    arguments = call.call.arguments
    found = arguments[position] if position is not None and len(arguments) > position else None
    return default if found is None else found


def whole(call: LayerCall, value: Any, what: str) -> int:
    """Check that a value is a whole number."""
    if type(value) is not int:
        raise refusal(call.spec, f"has {what} {str(value)[:80]}, which is no whole number")
    return value


def wholes(call: LayerCall, value: Any, what: str) -> tuple[int, ...]:
    """Check that a value is a whole number or a list of them, and return a tuple."""
    found = tuple(value) if isinstance(value, tuple | list) else (value,)
    return tuple(whole(call, each, what) for each in found)


def axis_of(call: LayerCall, value: Any, rank: int | None = None) -> int:
    """One axis, counted from the front. It must not be the batch."""
    found = axes_of(call, value, rank)
    if len(found) > 1:
        raise refusal(call.spec, f"goes over the axes {str(value)[:80]}, where one axis is needed")
    return found[0]


def axes_of(call: LayerCall, value: Any, rank: int | None = None) -> tuple[int, ...]:
    """Axes counted from the front, in rising order. The batch must not be one.

    Args:
        call: The call.
        value: The axes as they stand in the file.
        rank: The number of axes, batch included. By default that of the first input.
    """
    rank = len(call.shapes[0]) if rank is None else rank
    found = value if isinstance(value, tuple | list) else (value,)
    if not all(type(a) is int and -rank <= a < rank for a in found) or not found:
        raise refusal(
            call.spec,
            f"goes over the axes {str(value)[:80]} of a value of {rank} axes, the batch included",
        )
    axes = tuple(sorted({a % rank for a in found}))
    if len(axes) < len(found):
        raise refusal(
            call.spec, f"goes over the axes {str(value)[:80]}, of which some are the same"
        )
    if 0 in axes:
        raise refusal(call.spec, "goes over the images of the batch, which is not supported")
    return axes


def in_shape(
    call: LayerCall, shape: Shape, name: str = "", reads: tuple[int | str, ...] | None = None
) -> Part:
    """A part that reshapes values. The shape has the batch first, and may have one open length."""
    if sum(n is None for n in shape[1:]) > 1:
        raise refusal(
            call.spec,
            f"is given values of shape {call.shapes[0]}, of which more lengths must be known",
        )
    return Part(Reshape(tuple(-1 if n is None else n for n in shape[1:])), name, reads=reads)
