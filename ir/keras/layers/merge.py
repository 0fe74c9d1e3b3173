"""Layers that combine several values."""

from ir.keras.layers.fields import axis, only_values
from ir.keras.layers.registry import LayerCall, Part, layer
from ir.ops import Add, Concatenate


@layer("Add")
def add(call: LayerCall) -> list[Part]:
    only_values(call)
    return [Part(Add())]


@layer("Concatenate")
def concatenate(call: LayerCall) -> list[Part]:
    return [Part(Concatenate(axis(call.spec, -1)))]
