"""How each Keras layer becomes ops: one family of layers per file, all entered in one registry."""

from ir.formats.keras.layers import (
    activation,
    foreign,
    inference,
    lambdas,
    linear,
    merge,
    normalization,
    operators,
    pooling,
    rearrange,
    resizing,
    scaling,
    tensorflow,
)
from ir.formats.keras.layers.registry import (
    LayerCall,
    Part,
    Weight,
    convert_layer,
    supported,
    weights_of,
)

__all__ = [
    "LayerCall",
    "Part",
    "Weight",
    "activation",
    "convert_layer",
    "foreign",
    "inference",
    "lambdas",
    "linear",
    "merge",
    "normalization",
    "operators",
    "pooling",
    "rearrange",
    "resizing",
    "scaling",
    "supported",
    "tensorflow",
    "weights_of",
]
