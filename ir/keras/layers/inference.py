"""Layers that do nothing at inference."""

from ir.keras.layers.registry import LayerCall, Part, layer


@layer(
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "InputLayer",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
)
def nothing(call: LayerCall) -> list[Part]:
    return []
