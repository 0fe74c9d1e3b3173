"""How each Keras layer becomes ops: one family of layers per file, all entered in one registry."""

from ir.keras.layers import activation, inference, linear, merge, pooling, rearrange
from ir.keras.layers.registry import LayerCall, Part, Weight, converted, supported, weights_of

__all__ = [
    "LayerCall",
    "Part",
    "Weight",
    "activation",
    "converted",
    "inference",
    "linear",
    "merge",
    "pooling",
    "rearrange",
    "supported",
    "weights_of",
]
