"""What a report shows of each image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jlrp.propagation.ledger import Ledger


@dataclass(frozen=True)
class Score:
    """A class with its number, its label (empty where it has none) and its probability, or its output."""

    index: int
    label: str
    value: float

    @property
    def title(self) -> str:
        """For people: the label, or `class 3`."""
        return self.label or f"class {self.index}"


@dataclass(frozen=True)
class Map:
    """Relevance of one image for one class under one preset.

    Attributes:
        preset: The preset's name.
        class_index: The class.
        title: The class for people.
        values: (height, width), the relevance of each pixel; finite.
        full: The relevance in full colour.
        start: What relevance started as.
        ledger: Of a batch of this image alone, if there is one.
        note: A sentence where the map shows nothing, as from `Explanation.notes`; it stands beside the map.
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
    """An image as the model saw it, (height, width, 1 or 3) of 0…255, its best classes in order, and its maps."""

    name: str
    pixels: NDArray[np.uint8]
    scores: tuple[Score, ...]
    maps: tuple[Map, ...]

    def __post_init__(self) -> None:
        size = self.pixels.shape[:2]
        if self.pixels.ndim != 3 or self.pixels.shape[2] not in (1, 3) or self.pixels.dtype != np.uint8:
            given = f"{self.pixels.dtype} {self.pixels.shape}"
            raise ValueError(f"{self.name}: a picture is uint8 (height, width, 1 or 3), not {given}.")
        if not self.scores:
            raise ValueError(f"{self.name}: a picture needs at least one class with its score.")
        for each in self.maps:
            if each.values.shape != size:
                shapes = f"{each.values.shape}, and the picture is {size}"
                raise ValueError(f"{self.name}: the map under {each.preset} is {shapes}: sum over the channels first.")
