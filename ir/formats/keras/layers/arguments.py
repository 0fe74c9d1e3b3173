"""The arguments of a function that a model calls on its values.

Tensors, constants and options, whoever recorded it.
"""

from typing import Any

from ir.formats.keras.layers.registry import LayerCall, Part, refusal
from ir.ops import Reshape, Shape

OPERANDS = ("x", "y", "x1", "x2", "a", "b", "value", "bias")
"""Keywords under which the operands of a function of two values may stand."""

MAX_COPIES = 1000
"""How many copies of a value one function may make, and into how many parts it may divide it."""


def takes_one_list(call: LayerCall) -> bool:
    """Whether the values come as one list, as merging layers take them.

    Before Keras 3 there are no operators.
    """
    arguments = call.call.arguments
    return call.keras_version < 3 or (len(arguments) == 1 and isinstance(arguments[0], tuple))


def operands(call: LayerCall) -> list[Any]:
    """The operands in order.

    The tensors and constants among the arguments, then those among the keywords.
    """
    keywords = call.call.keywords
    return [
        *call.call.arguments,
        *(keywords[key] for key in OPERANDS if keywords.get(key) is not None),
    ]


def option(call: LayerCall, key: str, position: int | None, default: Any) -> Any:
    """An option of a function.

    A keyword, a field of the configuration, or the argument at a position.
    """
    for place in (call.call.keywords, call.spec.config):
        if place.get(key) is not None:
            return place[key]
    arguments = call.call.arguments
    found = arguments[position] if position is not None and len(arguments) > position else None
    return default if found is None else found


def whole(call: LayerCall, value: Any, what: str) -> int:
    """A whole number."""
    if type(value) is not int:
        raise refusal(call.spec, f"has {what} {str(value)[:80]}, which is no whole number")
    return value


def wholes(call: LayerCall, value: Any, what: str) -> tuple[int, ...]:
    """One whole number or a list of them."""
    found = tuple(value) if isinstance(value, tuple | list) else (value,)
    return tuple(whole(call, each, what) for each in found)


def axis_of(call: LayerCall, value: Any, rank: int | None = None) -> int:
    """One axis, counted from the front; the batch is none that a function may touch."""
    found = axes_of(call, value, rank)
    if len(found) > 1:
        raise refusal(call.spec, f"goes over the axes {str(value)[:80]}, where one axis is needed")
    return found[0]


def axes_of(call: LayerCall, value: Any, rank: int | None = None) -> tuple[int, ...]:
    """Axes counted from the front, in rising order, of the first value that goes in.

    The batch is none of them.
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
    """The part that brings values into a shape, the batch first, of which one length may be open."""
    if sum(n is None for n in shape[1:]) > 1:
        raise refusal(
            call.spec,
            f"is given values of shape {call.shapes[0]}, of which more lengths must be known",
        )
    return Part(Reshape(tuple(-1 if n is None else n for n in shape[1:])), name, reads=reads)
