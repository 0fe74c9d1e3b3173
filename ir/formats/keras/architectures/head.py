"""The classifier that an architecture is built with, and what builds one."""

from collections.abc import Callable
from dataclasses import dataclass

from ir.formats.keras.spec import ModelSpec


@dataclass(frozen=True)
class Head:
    """The classifier on top, a layer with one unit per class and softmax.

    name: how the layer is called; `None` for the architecture's own name.
    """

    name: str | None
    classes: int


Build = Callable[[Head | None, int], ModelSpec]
"""A build of an architecture, from its head (`None`.

Without) and the images' number of channels.
"""
