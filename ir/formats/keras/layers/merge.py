"""Layers that combine several values."""

from ir.formats.keras.layers.arguments import takes_one_list
from ir.formats.keras.layers.arithmetic import BINARY, arithmetic
from ir.formats.keras.layers.fields import axis, flag, unusual
from ir.formats.keras.layers.registry import LayerCall, Part, layer, refusal
from ir.ops import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    Reshape,
    Subtract,
)

MERGES: dict[str, type[Merge]] = {
    op.__name__: op for op in (Add, Average, Maximum, Minimum, Multiply, Subtract)
}


@layer(*MERGES)
def merge(call: LayerCall) -> list[Part]:
    """The layer of this name, which takes a list, or Keras 3's operator, which takes two values."""
    kind = call.spec.class_name.lower()
    if not takes_one_list(call):
        if kind not in BINARY:
            raise refusal(
                call.spec, "is called as a function and not as a layer, which is not supported"
            )
        return arithmetic(call, kind)
    if len(call.shapes) == 1 and call.keras_version >= 3:
        return []
    return combine(call, MERGES[call.spec.class_name]())


def combine(call: LayerCall, op: Merge) -> list[Part]:
    """Combine values. Like Keras, it inserts axes of length 1 behind the batch if ranks differ."""
    rank = max(len(shape) for shape in call.shapes)
    reads: list[int | str] = []
    parts = []
    for index, shape in enumerate(call.shapes):
        if len(shape) == rank:
            reads.append(index)
            continue
        if None in shape[1:]:
            raise refusal(
                call.spec,
                f"combines values of {len(shape)} and {rank} axes, some of unknown length",
            )
        lengths = [n for n in shape[1:] if n is not None]
        reads.append(f"expanded_{index}")
        parts.append(
            Part(
                Reshape((*[1] * (rank - len(shape)), *lengths)), f"expanded_{index}", reads=(index,)
            )
        )
    return [*parts, Part(op, reads=tuple(reads))]


@layer("Concatenate")
def concatenate(call: LayerCall) -> list[Part]:
    return [] if len(call.shapes) == 1 else [Part(Concatenate(axis(call.spec, -1)))]


@layer("Dot")
def dot(call: LayerCall) -> list[Part]:
    if not takes_one_list(call):
        raise refusal(
            call.spec, "is called as a function and not as a layer, which is not supported"
        )
    value = call.spec.config.get("axes", -1)
    axes = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(axes) != 2 or not all(type(n) is int for n in axes):
        raise unusual(call.spec, "axes", "one axis or two")
    return [Part(Dot((axes[0], axes[1]), flag(call.spec, "normalize", False)))]
