"""The report of a run while it grows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

import ir
import jlrp
from jlrp import plot
from jlrp.cli.program import in_options
from jlrp.cli.questions import Target, choose_classes
from jlrp.datasets import Output
from jlrp.datasets.files import write_whole
from jlrp.report import Map, Picture, Report, Score

MAX_CLASSES = 5
"""How many classes are shown of each image."""


@dataclass(frozen=True)
class Gallery:
    """What a report compares for every image: presets (explainers that keep a ledger) and classes.

    `own` is the preset of the run itself; its explanation is not computed twice.
    """

    path: Path
    report: Report
    explainers: Mapping[str, jlrp.Explainer]
    targets: tuple[Target, ...]
    own: str
    output: Output
    channel_axis: int
    percentile: float
    _bound: dict[str, jlrp.Bound] = field(default_factory=dict)

    def bind(self, params: ir.Params, own: jlrp.Bound) -> None:
        """Take the weights; the run's own preset has them already."""
        for name, explain in self.explainers.items():
            self._bound[name] = own if name == self.own else explain.bind(params)

    def maps(self, images: NDArray[np.float32], found: jlrp.Explanation) -> list[tuple[Map, ...]]:
        """Make the maps of each image of a batch; `found` is what the run computed for it."""
        explained = [
            (name, each, each.notes())
            for name in self.explainers
            for each in self._explained(name, images, found)
        ]
        return [self._of_image(explained, row) for row in range(len(images))]

    def add(
        self,
        name: str,
        pixels: NDArray[np.uint8],
        values: NDArray[np.floating[Any]],
        maps: tuple[Map, ...],
    ) -> None:
        """Add an image with the values (probabilities, or outputs) of its classes."""
        best = np.argsort(-values, kind="stable")[:MAX_CLASSES]
        scores = tuple(
            Score(int(index), self.output.name_of(int(index)), float(values[index]))
            for index in best
        )
        self.report.add(Picture(name, pixels, scores, maps))

    def write(self) -> int:
        """Write the report's file; return how many bytes it has."""
        content = self.report.html().encode()
        write_whole(self.path, content)
        return len(content)

    def _explained(
        self, name: str, images: NDArray[np.float32], found: jlrp.Explanation
    ) -> list[jlrp.Explanation]:
        """Explain each image's classes; classes that all images have share a forward pass.

        An image with fewer classes than another repeats its first one.
        """
        bound, each = self._bound[name], choose_classes(self.targets, self.output.scores(found))
        most = max(map(len, each))
        rows = np.array(
            [
                [classes[k] if k < len(classes) else classes[0] for classes in each]
                for k in range(most)
            ]
        )
        known = {
            k: found
            for k, row in enumerate(rows)
            if name == self.own and np.array_equal(row, found.target)
        }
        fixed = [k for k, row in enumerate(rows) if k not in known and (row == row[0]).all()]
        if len(fixed) > 1:
            several = jax.device_get(bound.per_class(images, rows[fixed, 0].tolist()))
            known |= {k: _class(several, position) for position, k in enumerate(fixed)}
        return [
            known[k] if k in known else jax.device_get(bound(images, target=row))
            for k, row in enumerate(rows)
        ]

    def _of_image(
        self, explained: Sequence[tuple[str, jlrp.Explanation, tuple[str, ...]]], row: int
    ) -> tuple[Map, ...]:
        """Make one image's maps, one for each preset and class."""
        maps = {
            (name, int(each.target[row])): self._map(name, each, row, notes[row])
            for name, each, notes in explained
        }
        return tuple(maps.values())

    def _map(self, name: str, each: jlrp.Explanation, row: int, note: str) -> Map:
        index, ledger = int(each.target[row]), each.ledger
        if ledger is not None:
            ledger = jax.tree.map(itemgetter((..., slice(row, row + 1))), ledger)
        values = plot.channel_sum(each.relevance[row], self.channel_axis)
        start = float(np.asarray(each.start)[row]) if ledger is None else float(ledger.start[0])
        full = plot.limit(values, self.percentile)
        return Map(
            name, index, self.output.name_of(index), values, full, start, ledger, in_options(note)
        )


def _class(several: jlrp.Explanation, position: int) -> jlrp.Explanation:
    """Take one class out of an explanation of several."""
    ledger = None if several.ledger is None else jax.tree.map(itemgetter(position), several.ledger)
    return replace(
        several,
        relevance=several.relevance[position],
        target=several.target[position],
        start=np.asarray(several.start)[position],
        ledger=ledger,
        axes=tuple(axes[1:] for axes in several.axes),
    )
