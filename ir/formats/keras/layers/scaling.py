"""Layers that scale and shift values by constants or by weights of their own."""

import numpy as np

from ir.formats.keras.layers.fields import axes, constant, flag, from_end, number, unusual
from ir.formats.keras.layers.registry import LayerCall, Part, Weight, layer, refusal
from ir.formats.keras.spec import LayerSpec
from ir.ops import Add, Rescale, Scale, Standardize


@layer("Rescaling")
def rescaling(call: LayerCall) -> list[Part]:
    spec = call.spec
    scale, offset = (
        constant(spec.config.get(key, default))
        for key, default in (("scale", 1.0), ("offset", 0.0))
    )
    if scale is None or offset is None:
        raise refusal(spec, "has a scale or an offset that is no number and no list of numbers")
    return [scale_and_shift(call, scale, offset)]


def scale_and_shift(
    call: LayerCall, scale: float | np.ndarray = 1.0, offset: float | np.ndarray = 0.0
) -> Part:
    """`scale·x + offset` for numbers or arrays of the configuration."""
    if isinstance(scale, float) and isinstance(offset, float):
        return Part(Rescale(scale, offset))
    vectors, axes = {}, set[int]()
    for role, value in (("scale", scale), ("offset", offset)):
        if isinstance(value, np.ndarray):
            axis, vectors[role] = _vector(call, value)
            axes.add(axis)
        elif value != (1.0 if role == "scale" else 0.0):
            vectors[role] = np.asarray([value], np.float32)
    length = max(len(v) for v in vectors.values())
    if len(axes) > 1 or not all(len(v) in (1, length) for v in vectors.values()):
        raise refusal(
            call.spec,
            "scales and shifts values by constants of different shapes, which is not supported",
        )
    constants = {role: np.broadcast_to(v, length) for role, v in vectors.items()}
    return Part(Scale(axes.pop()), constants=constants)


def _vector(call: LayerCall, array: np.ndarray) -> tuple[int, np.ndarray]:
    """The only axis, counted from the end, along which an array varies, and its values there."""
    varying = [axis - array.ndim for axis, length in enumerate(array.shape) if length > 1]
    if len(varying) != 1 or -varying[0] >= len(call.shapes[0]):
        raise refusal(
            call.spec,
            f"combines values with a constant of shape {array.shape}, but only constants that vary "
            "along one axis (not the batch) can be loaded",
        )
    return varying[0], array.reshape(-1)


def normalization_weights(spec: LayerSpec) -> list[Weight]:
    """`mean`, `variance` and their `count`, if they are not in the configuration."""
    if spec.config.get("mean") is not None:
        return []
    shape = (None,) * len(_mean_axes(spec))
    return [
        Weight("mean", ("mean",), shape, trainable=False),
        Weight("variance", ("variance",), shape, trainable=False),
        Weight("count", ("count",), None, trainable=False, used=False),
    ]


@layer("Normalization", weights=normalization_weights)
def normalization(call: LayerCall) -> list[Part]:
    spec = call.spec
    if flag(spec, "invert", False):
        raise unusual(spec, "invert", "only false")
    op = Standardize(from_end(call, _mean_axes(spec)))
    if spec.config.get("mean") is None:
        return [Part(op, weights="")]
    constants = {}
    for role in ("mean", "variance"):
        value = constant(spec.config.get(role))
        if value is None:
            raise unusual(spec, role, "a number or a list of numbers")
        lengths = [call.shapes[0][axis] or 1 for axis in op.axes]
        try:
            constants[role] = np.broadcast_to(np.asarray(value, np.float32), lengths)
        except ValueError:
            raise unusual(spec, role, f"a number or numbers of shape {tuple(lengths)}") from None
    return [Part(op, constants=constants)]


def _mean_axes(spec: LayerSpec) -> tuple[int, ...]:
    """The axes along which the mean varies."""
    return () if spec.config.get("axis", -1) is None else axes(spec, -1)


def layer_scale_weights(spec: LayerSpec) -> list[Weight]:
    """`gamma` (channels,)."""
    return [Weight("scale", ("gamma",), (None,))]


@layer("LayerScale", weights=layer_scale_weights)
def layer_scale(call: LayerCall) -> list[Part]:
    return [Part(Scale(), weights="")]


@layer("CustomScaleLayer")
def custom_scale(call: LayerCall) -> list[Part]:
    """Inception-ResNet's residual sum `x₀ + scale·x₁`."""
    if len(call.shapes) != 2:
        raise refusal(call.spec, f"takes two values, but was given {len(call.shapes)}")
    scale = Part(Rescale(number(call.spec, "scale", 1.0)), "scaled", reads=(1,))
    return [scale, Part(Add(), reads=(0, "scaled"))]
