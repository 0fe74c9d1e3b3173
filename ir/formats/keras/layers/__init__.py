"""How each Keras layer becomes ops: one family of layers per file, all entered in one registry."""

from ir.formats.keras.layers import (
    activation,
    inference,
    linear,
    merge,
    normalization,
    operators,
    pooling,
    rearrange,
    scaling,
)
from ir.formats.keras.layers.registry import LayerCall, Part, Weight, converted, supported, weights_of

__all__ = [
    "LayerCall",
    "Part",
    "Weight",
    "activation",
    "converted",
    "inference",
    "linear",
    "merge",
    "normalization",
    "operators",
    "pooling",
    "rearrange",
    "scaling",
    "supported",
    "weights_of",
]
