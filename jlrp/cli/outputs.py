"""The output that a command explains: how many classes it has, what the model says of them, and in which words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

import ir
import jlrp
from ir.ops.base import show
from ir.ops.interval import UNIT, within
from ir.passes import Decision
from jlrp.cli.labels import Labels
from jlrp.cli.program import InputError
from jlrp.composites.composite import decision_of


@dataclass(frozen=True)
class Output:
    """An output of a model.

    Attributes:
        name: Its name in the file.
        shape: Its shape for one image, without the batch.
        axis: Where the classes lie in `shape`.
        probabilities: Whether what the model says of each class lies between 0 and 1.
        decision: The graph up to its decision value, and the tail that says what the model says.
        labels: The names of its classes, if there are any.
    """

    name: str
    shape: tuple[int, ...]
    axis: int
    probabilities: bool
    decision: Decision
    labels: Labels = field(default_factory=Labels)

    @property
    def units(self) -> int:
        """How many numbers there are for each position."""
        return self.shape[self.axis]

    @property
    def positions(self) -> tuple[int, ...]:
        """The axes besides the classes, such as (height, width) of a segmentation; empty for a score per class."""
        return self.shape[: self.axis] + self.shape[self.axis + 1 :]

    @property
    def two_sided(self) -> bool:
        """Whether one unit has two labels: the second is the unit, the first its negative."""
        return self.units == 1 and len(self.labels.names) == 2

    @property
    def classes(self) -> int:
        """How many classes there are to choose from."""
        return 2 if self.two_sided else self.units

    def name_of(self, index: int) -> str:
        """A class by its label, or as `class 3`; one unit without labels is `the output`."""
        return self.labels[index] or ("the output" if self.units == 1 else f"class {index}")

    def title(self, index: int) -> str:
        """A class for people: `tench (class 0)`; of one unit, whose classes nobody counts, the label alone."""
        return self.name_of(index) if self.units == 1 else self.labels.title(index)

    def score(self, probability: float | None, value: float) -> str:
        """How likely a class is, for people: its probability, or its decision value where there is none."""
        return f"output {value:.4g}" if probability is None else f"{100 * probability:.1f} %"

    def verdict(self, index: int, probability: float | None, value: float) -> str:
        """A class with its score, for people."""
        if self.units == 1 and not self.labels.names and probability is None:
            return self.score(probability, value)
        return f"{self.title(index)}, {self.score(probability, value)}"

    def said(self, found: Any) -> "Said":
        """What the model says of a batch: `found` has the decision value `output` and the model's own `prediction`."""
        values, scores = np.asarray(found.output), np.asarray(found.prediction)
        if self.two_sided and not self.positions:
            opposite = 1 - scores if self.probabilities else -scores
            values, scores = np.concatenate([-values, values], 1), np.concatenate([opposite, scores], 1)
        return Said(values, scores, self.probabilities)


@dataclass(frozen=True)
class Said:
    """What a model says of a batch of images.

    Attributes:
        values: The decision value of each class, (N, classes).
        scores: What the model says of each class, (N, classes).
        probabilities: Whether the scores are probabilities.
    """

    values: NDArray[Any]
    scores: NDArray[Any]
    probabilities: bool

    def probability(self, row: int, index: int) -> float | None:
        """The probability of a class of one image, if the model gives one."""
        return float(self.scores[row, index]) if self.probabilities else None

    def ranked(self) -> NDArray[np.intp]:
        """The classes of each image, (N, classes), the most likely first; among equals by their decision values."""
        return np.lexsort((-self.values, -self.scores), axis=-1)


@dataclass(frozen=True)
class _Forward:
    output: NDArray[Any]
    prediction: NDArray[Any]


def output_of(model: ir.Model, shapes: Sequence[ir.Shape], name: str | None) -> Output:
    """The output of this name, or the first; `InputError` where there is none. shapes: of the inputs, batch first."""
    if name is not None and model.graph.values.get(name, "") not in model.graph:
        raise InputError(
            f'There is no output or layer "{name}" to explain: the outputs are {", ".join(model.graph.outputs)}.'
        )
    own = model.graph.outputs[0] if name is None else model.graph.values[name]
    shape = model.graph.shapes(model.params, shapes)[own]
    if len(shape) < 2 or any(n is None for n in shape):
        raise InputError(f'The output "{own}" has shape {show(shape)}, which is no score per class.')
    lengths = tuple(int(n or 0) for n in shape[1:])
    likely = within(model.graph.bounds[own], UNIT)
    return Output(own, lengths, model.graph.channel_axis(len(shape), own) - 1, likely, decision_of(model.graph, own))


def says(model: ir.Model, output: Output, inputs: NDArray[Any]) -> Said:
    """What the model says of some images, one at a time."""
    graph, tail, rows = output.decision.graph, output.decision.tail, []
    params = jax.device_put(model.params)
    for index in range(len(inputs)):
        record = () if tail is None else tail.inputs
        found = jlrp.forward(graph, params, inputs[index : index + 1], record=record)
        values, inner = found if record else (found, {})
        own = values if tail is None else jlrp.forward(tail, {}, tuple(inner[name] for name in tail.inputs))
        rows.append(jax.device_get((values, own)))
    return output.said(_Forward(*(np.concatenate(each) for each in zip(*rows, strict=True))))
