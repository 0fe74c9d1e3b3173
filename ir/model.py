"""A graph with its weights, as the loaders return it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ir.graph import Graph
from ir.ops import Shape
from ir.preprocessing import Preprocessing, preprocessing_of


@dataclass(frozen=True, eq=False)
class Model:
    """A graph, its weights and what the file says about both.

    graph: the layers and edges.
    params: `{layer: {role: array}}`, NumPy arrays in the file's dtype (float16 and bfloat16 raised to float32).
    input_shapes: one per input of the graph, in the model's own layout, batch first; `None` for lengths that the file
        leaves open.
    source: what the file says of itself, for people: `format`, `name`, `keras_version`, ….
    preprocess: what is done to images of 0…255 before the model is given them: `model.preprocess(images)`. Where it is
        not given, it follows from the numbers of the first layers, from their names and from
        `source["architecture"]`; `model.preprocess.reason` says how, and where that leaves doubt,
        `model.preprocess.instead` names what to try instead.
    labels: the classes' names, in the order of the outputs, where they are known: `dataclasses.replace(model,
        labels=("cat", "dog"))`.

    >>> import numpy as np, ir
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    >>> model = ir.Model(graph, {"fc": {"kernel": np.ones((3, 2))}}, ((None, 3),))
    >>> model.shapes["fc"], model.parameter_count
    ((None, 2), 6)
    """

    graph: Graph
    params: dict[str, dict[str, Any]]
    input_shapes: tuple[Shape, ...]
    source: dict[str, str] = field(default_factory=dict)
    preprocess: Preprocessing = None  # type: ignore[assignment]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(map(str, self.labels)))
        if self.preprocess is None:
            found = preprocessing_of(self.graph, self.input_shapes, self.source.get("architecture"), self.params)
            object.__setattr__(self, "preprocess", found)

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every value for `input_shapes`; raises `ir.ShapeError` where the weights do not fit."""
        return self.graph.shapes(self.params, self.input_shapes)

    @property
    def parameter_count(self) -> int:
        """How many numbers the weights are."""
        return sum(int(np.prod(array.shape)) for layer in self.params.values() for array in layer.values())
