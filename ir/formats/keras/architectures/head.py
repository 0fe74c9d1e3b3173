"""The classifier that an architecture is built with, and what builds one."""

from collections.abc import Callable
from dataclasses import dataclass

from ir.formats.keras.spec import ModelSpec


@dataclass(frozen=True)
class Head:
    """The classifier on top: a layer with one unit per class and softmax.

    Attributes:
        name: The layer's name; `None` for the architecture's own.
        classes: The number of classes.
    """

    name: str | None
    classes: int


Build = Callable[[Head | None, int], ModelSpec]
"""A function that builds an architecture, from its head or `None` and the number of channels."""
