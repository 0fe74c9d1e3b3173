"""The content of a report: images with their scores and maps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jlrp.propagation.ledger import Ledger


@dataclass(frozen=True)
class Score:
    """A class and its score.

    Attributes:
        index: The class's number.
        label: Its label; empty if it has none.
        value: Its probability, or its output.
    """

    index: int
    label: str
    value: float

    @property
    def title(self) -> str:
        """The label, or `class 3`."""
        return self.label or f"class {self.index}"


@dataclass(frozen=True)
class Map:
    """Relevance of one image for one class under one preset.

    Attributes:
        preset: The preset's name.
        class_index: The class's number.
        title: The class as text to show.
        values: (height, width), the relevance of each pixel. It is finite.
        full: The relevance in full colour.
        start: What relevance started as.
        ledger: The ledger of a batch of this image alone, or `None`.
        note: A sentence beside the map, for a map that shows nothing (`Explanation.notes`).
    """

    preset: str
    class_index: int
    title: str
    values: NDArray[np.floating[Any]]
    full: float
    start: float
    ledger: Ledger | None = None
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """An image as the model saw it, with its best classes and its maps.

    Attributes:
        name: The image's name.
        pixels: (height, width, 1 or 3), uint8, 0…255.
        scores: The best classes, the best first.
        maps: The maps, each of the image's height and width.

    Raises:
        ValueError: The pixels have another shape or dtype, there is no class, or a map has another
            size.
    """

    name: str
    pixels: NDArray[np.uint8]
    scores: tuple[Score, ...]
    maps: tuple[Map, ...]

    def __post_init__(self) -> None:
        size = self.pixels.shape[:2]
        if (
            self.pixels.ndim != 3
            or self.pixels.shape[2] not in (1, 3)
            or self.pixels.dtype != np.uint8
        ):
            given = f"{self.pixels.dtype} {self.pixels.shape}"
            raise ValueError(
                f"{self.name}: a picture must be uint8 (height, width, 1 or 3), not {given}."
            )
        if not self.scores:
            raise ValueError(f"{self.name}: a picture needs at least one class with its score.")
        for each in self.maps:
            if each.values.shape != size:
                shapes = f"has the shape {each.values.shape}, but the picture has {size}"
                raise ValueError(
                    f"{self.name}: the map under {each.preset} {shapes}: sum over the channels "
                    "first."
                )
