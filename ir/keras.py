"""Models that Keras saved, from Keras 1.2 to Keras 3; `register` for layers of your own."""

from ir.formats.keras.layers.registry import LayerCall, Outputs, Part, Weight, register, supported

__all__ = ["LayerCall", "Outputs", "Part", "Weight", "register", "supported"]
