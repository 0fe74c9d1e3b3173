"""From a Keras configuration and its arrays to a graph and its weights.

`ir.keras` is the public face.
"""
