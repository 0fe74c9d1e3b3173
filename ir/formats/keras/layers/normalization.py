"""Layers that normalise each image by statistics of its own values."""

from ir.formats.keras.layers.fields import axes, axis, flag, from_end, number, unusual
from ir.formats.keras.layers.registry import LayerCall, Part, Weight, layer
from ir.formats.keras.spec import LayerSpec
from ir.ops import GroupNorm, LayerNorm, UnitNorm


def layer_norm_weights(spec: LayerSpec) -> list[Weight]:
    """`gamma` and `beta`, if the layer has them, in the shape of the normalised axes."""
    if flag(spec, "rms_scaling", False):  # divides by the variance, not its root
        raise unusual(spec, "rms_scaling", "only false (RMSNormalization)")
    return _scale_and_center(spec, len(axes(spec, -1)))


@layer("LayerNormalization", weights=layer_norm_weights)
def layer_normalization(call: LayerCall) -> list[Part]:
    spec = call.spec
    return [
        Part(LayerNorm(from_end(call, axes(spec, -1)), number(spec, "epsilon", 1e-3)), weights="")
    ]


def rms_weights(spec: LayerSpec) -> list[Weight]:
    """`scale`, in the shape of the normalised axes."""
    return [Weight("gamma", ("scale",), (None,) * len(axes(spec, -1)))]


@layer("RMSNormalization", weights=rms_weights)
def rms_normalization(call: LayerCall) -> list[Part]:
    return [
        Part(
            LayerNorm(
                from_end(call, axes(call.spec, -1)), number(call.spec, "epsilon", 1e-6), True
            ),
            weights="",
        )
    ]


def group_norm_weights(spec: LayerSpec) -> list[Weight]:
    """`gamma` and `beta` (channels,), if the layer has them."""
    return _scale_and_center(spec, 1)


@layer("GroupNormalization", weights=group_norm_weights)
def group_normalization(call: LayerCall) -> list[Part]:
    spec = call.spec
    groups = spec.config.get("groups", 32)
    if type(groups) is not int or not (groups > 0 or groups == -1):
        raise unusual(spec, "groups", "a whole number above zero, or -1,")
    return [
        Part(
            GroupNorm(groups, from_end(call, (axis(spec, -1),))[0], number(spec, "epsilon", 1e-3)),
            weights="",
        )
    ]


@layer("UnitNormalization")
def unit_normalization(call: LayerCall) -> list[Part]:
    return [Part(UnitNorm(from_end(call, axes(call.spec, -1))))]


def _scale_and_center(spec: LayerSpec, rank: int) -> list[Weight]:
    named = {"gamma": flag(spec, "scale", True), "beta": flag(spec, "center", True)}
    return [Weight(role, (role,), (None,) * rank) for role, there in named.items() if there]
