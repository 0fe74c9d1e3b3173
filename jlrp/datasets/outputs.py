"""Outputs of a model: their classes, what the model says of them, and the words for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

import ir
from ir.ops.base import show
from ir.ops.interval import UNIT, within
from ir.passes import Decision
from jlrp.composites.composite import decision_of
from jlrp.datasets.errors import DataError
from jlrp.datasets.labels import Labels
from jlrp.propagation.interpreter import forward


@dataclass(frozen=True)
class Output:
    """An output of a model; `jlrp.datasets.output_of` makes it.

    Attributes:
        name: Its name in the file.
        shape: Its shape for one image, without the batch.
        axis: Where the classes lie in `shape`.
        probabilities: Whether what the model says of each class lies between 0 and 1.
        decision: The graph up to its decision value, and the tail that says what the model says.
        labels: The names of its classes, if there are any.

    Example:
        >>> import ir, jlrp
        >>> output = jlrp.datasets.output_of(ir.load("jlrp/data/digits_resnet.h5"))
        >>> output.units, output.probabilities, output.verdict(3, 0.25, 1.5)
        (10, True, 'class 3, 25.0 %')
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
        """The axes besides the classes, such as (height, width) of a segmentation."""
        return self.shape[: self.axis] + self.shape[self.axis + 1 :]

    @property
    def two_sided(self) -> bool:
        """Whether one unit has two labels: the second is the unit, the first its negative."""
        return self.units == 1 and len(self.labels) == 2

    @property
    def classes(self) -> int:
        """How many classes there are to choose from."""
        return 2 if self.two_sided else self.units

    def name_of(self, index: int) -> str:
        """Name a class: its label, or `class 3`; one unit without labels is `the output`."""
        return self.labels[index] or ("the output" if self.units == 1 else f"class {index}")

    def title(self, index: int) -> str:
        """Describe a class: `tench (class 0)`, or the label alone if the output has one unit."""
        return self.name_of(index) if self.units == 1 else self.labels.title(index)

    def score(self, probability: float | None, value: float) -> str:
        """Describe how likely a class is: its probability, or its decision value."""
        return f"output {value:.4g}" if probability is None else f"{100 * probability:.1f} %"

    def verdict(self, index: int, probability: float | None, value: float) -> str:
        """Describe a class with its score: `tench (class 0), 93.1 %`."""
        if self.units == 1 and not self.labels and probability is None:
            return self.score(probability, value)
        return f"{self.title(index)}, {self.score(probability, value)}"

    def scores(self, explanation: Any) -> "Scores":
        """Read off an explanation what the model says of its images."""
        values, said = np.asarray(explanation.output), np.asarray(explanation.prediction)
        if self.two_sided and not self.positions:
            opposite = 1 - said if self.probabilities else -said
            values, said = np.concatenate([-values, values], 1), np.concatenate([opposite, said], 1)
        return Scores(values, said, self.probabilities)

    def predict(self, model: ir.Model, images: NDArray[Any]) -> "Scores":
        """Compute what the model says of images, one at a time."""
        graph, tail, rows = self.decision.graph, self.decision.tail, []
        params = jax.device_put(model.params)
        for index in range(len(images)):
            record = () if tail is None else tail.inputs
            found = forward(graph, params, images[index : index + 1], record=record)
            values, inner = found if record else (found, {})
            own = (
                values
                if tail is None
                else forward(tail, {}, tuple(inner[name] for name in tail.inputs))
            )
            rows.append(jax.device_get((values, own)))
        return self.scores(_Forward(*(np.concatenate(each) for each in zip(*rows, strict=True))))


@dataclass(frozen=True)
class Scores:
    """What a model says of a batch of images.

    Attributes:
        values: The decision value of each class, (N, classes).
        scores: What the model says of each class, (N, classes).
        probabilities: Whether the scores are probabilities.

    Example:
        >>> import numpy as np, jlrp
        >>> scores = jlrp.datasets.Scores(np.array([[0.0, 2.0]]), np.array([[0.1, 0.9]]), True)
        >>> scores.ranked().tolist(), scores.probability(0, 1)
        ([[1, 0]], 0.9)
    """

    values: NDArray[Any]
    scores: NDArray[Any]
    probabilities: bool

    def probability(self, row: int, index: int) -> float | None:
        """Return the probability of a class of one image, if the model gives one."""
        return float(self.scores[row, index]) if self.probabilities else None

    def ranked(self) -> NDArray[np.intp]:
        """Sort the classes of each image, (N, classes), the most likely first."""
        return np.lexsort((-self.values, -self.scores), axis=-1)


class _Forward(NamedTuple):
    output: NDArray[Any]
    prediction: NDArray[Any]


def output_of(
    model: ir.Model,
    name: str | None = None,
    labels: Labels | Sequence[str] = (),
    shapes: Sequence[ir.Shape] | None = None,
) -> Output:
    """Find out what an output of a model says.

    Args:
        model: The model.
        name: The name of an output, or of any layer; by default the first output.
        labels: The classes' names.
        shapes: The shapes of the inputs, batch first; by default those of the model.

    Returns:
        The output.

    Raises:
        DataError: There is no such output or layer, or it has no scores.

    Example:
        >>> import ir, jlrp
        >>> model = ir.load("jlrp/data/digits_resnet.h5")
        >>> photos = jlrp.datasets.load_images(model, "jlrp/data/digits/digit_3_a.png")
        >>> output = jlrp.datasets.output_of(model)
        >>> scores = output.scores(jlrp.explain(model, photos.images))
        >>> int(scores.ranked()[0, 0]), scores.probability(0, 3) > 0.9
        (3, True)
    """
    if name is not None and model.graph.values.get(name, "") not in model.graph:
        raise DataError(
            f'There is no output or layer "{name}" to explain: the outputs are '
            f"{', '.join(model.graph.outputs)}."
        )
    own = model.graph.outputs[0] if name is None else model.graph.values[name]
    shape = model.graph.shapes(model.params, model.input_shapes if shapes is None else shapes)[own]
    if len(shape) < 2 or any(n is None for n in shape[1:]):
        raise DataError(f'The output "{own}" has shape {show(shape)}, which is no score per class.')
    lengths = tuple(int(n or 0) for n in shape[1:])
    likely = within(model.graph.bounds[own], UNIT)
    named = labels if isinstance(labels, Labels) else Labels(tuple(labels))
    return Output(
        own,
        lengths,
        model.graph.channel_axis(len(shape), own) - 1,
        likely,
        decision_of(model.graph, own),
        named,
    )
