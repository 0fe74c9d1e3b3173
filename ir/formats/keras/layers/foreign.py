"""Layers of other packages: those of Keras by another name, and some of tensorflow-addons."""

from ir.formats.keras.layers.activation import named_activation
from ir.formats.keras.layers.fields import axis, constant, flag, from_end, number
from ir.formats.keras.layers.inference import nothing
from ir.formats.keras.layers.normalization import group_norm_weights, group_normalization
from ir.formats.keras.layers.registry import (
    ADDONS,
    FOREIGN,
    LayerCall,
    Part,
    Weight,
    layer,
    refusal,
    unknown_layer,
)
from ir.formats.keras.spec import LayerSpec
from ir.ops import Add, GroupNorm, Rescale, Sparsemax

FOREIGN |= {
    "Addons>AdaptiveAveragePooling1D",
    "Addons>AdaptiveAveragePooling2D",
    "Addons>AdaptiveAveragePooling3D",
    "Addons>GELU",
    "Addons>GroupNormalization",
    "Addons>InstanceNormalization",
    "Addons>Sparsemax",
    "Addons>SpectralNormalization",
    "Addons>StochasticDepth",
    "DropConnect",
    "DropPath",
    "FixedDropout",
    "GELU",
    "HSwish",
    "HardSwish",
    "Mish",
    "SiLU",
    "Swish",
    "swish",
}
layer("FixedDropout", "DropConnect", "DropPath")(nothing)

SWISHES = {
    "Swish": "silu",
    "swish": "silu",
    "SiLU": "silu",
    "HSwish": "hard_silu",
    "HardSwish": "hard_silu",
    "Mish": "mish",
}
"""Layers that are one activation."""


@layer(*SWISHES)
def swish(call: LayerCall) -> list[Part]:
    """A swish of the usual form, with β = 1 in `x·sigmoid(βx)`."""
    if call.spec.config.get("beta", 1) != 1:
        raise unknown_layer(call.spec)
    return named_activation(call, SWISHES[call.spec.class_name])


@layer("GELU", f"{ADDONS}GELU")
def gelu(call: LayerCall) -> list[Part]:
    """The form of GELU that the configuration names."""
    if "approximate" not in call.spec.config:
        raise unknown_layer(call.spec)
    return named_activation(call, "gelu_tanh" if flag(call.spec, "approximate", False) else "gelu")


layer(f"{ADDONS}GroupNormalization", weights=group_norm_weights)(group_normalization)


def instance_norm_weights(spec: LayerSpec) -> list[Weight]:
    """`gamma` and `beta` (channels,), if the layer has them."""
    return group_norm_weights(spec)


@layer(f"{ADDONS}InstanceNormalization", weights=instance_norm_weights)
def instance_normalization(call: LayerCall) -> list[Part]:
    spec = call.spec
    return [
        Part(
            GroupNorm(-1, from_end(call, (axis(spec, -1),))[0], number(spec, "epsilon", 1e-3)),
            weights="",
        )
    ]


@layer(f"{ADDONS}Sparsemax")
def sparsemax(call: LayerCall) -> list[Part]:
    return [Part(Sparsemax(axis(call.spec, -1)))]


@layer(f"{ADDONS}StochasticDepth")
def stochastic_depth(call: LayerCall) -> list[Part]:
    """`x + p·r` of the shortcut `x` and the residual `r`, with the survival probability `p`."""
    kept = constant(call.spec.config.get("survival_probability", 0.5))
    if len(call.shapes) != 2 or not isinstance(kept, float):
        raise refusal(
            call.spec, "takes a shortcut and a residual, and has one number as survival_probability"
        )
    return [Part(Rescale(kept), "kept", reads=(1,)), Part(Add(), reads=(0, "kept"))]
