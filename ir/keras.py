"""Models saved by Keras, from Keras 1.2 to Keras 3, and how to register layers that the library does not know."""

from ir.formats.keras.layers.registry import LayerCall, Outputs, Part, Weight, register, supported

__all__ = ["LayerCall", "Outputs", "Part", "Weight", "register", "supported"]
