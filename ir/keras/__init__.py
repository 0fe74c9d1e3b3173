"""Models saved by Keras, from Keras 1.2 to Keras 3, and how to enter layers of one's own."""

from ir.keras.layers.registry import LayerCall, Part, Weight, register, supported

__all__ = ["LayerCall", "Part", "Weight", "register", "supported"]
