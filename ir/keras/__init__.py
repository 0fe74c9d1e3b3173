"""Models saved by Keras, from Keras 1.2 to Keras 3."""
