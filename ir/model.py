"""A graph with its weights, as the loaders return it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ir.graph import Graph
from ir.ops import Shape
from ir.preprocessing import Preprocessing, preprocessing_of


@dataclass(frozen=True, eq=False)
class Model:
    """A graph, its weights, and what the file says about both.

    Attributes:
        graph: The layers and edges.
        params: `{layer: {role: array}}`, NumPy arrays in the file's dtype. Float16 and bfloat16 are
            raised to float32.
        input_shapes: One per input of the graph, in the model's own layout, batch first. `None`
            stands for a length that the file leaves open.
        source: What the file says about itself: `format`, `name`, `keras_version`, ….
        preprocess: What turns images of 0…255 into what the model takes:
            `model.preprocess(images)`. If it is not given, the numbers and names of the first
            layers and `source["architecture"]` decide. `model.preprocess.reason` says how. If that
            leaves doubt, `model.preprocess.instead` names another way to try.
        labels: The classes' names in the order of the outputs, if they are known. Set them with
            `dataclasses.replace(model, labels=("cat", "dog"))`.

    Example:
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
            found = preprocessing_of(
                self.graph, self.input_shapes, self.source.get("architecture"), self.params
            )
            object.__setattr__(self, "preprocess", found)

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every value for `input_shapes`.

        Raises:
            ir.ShapeError: The weights do not fit.
        """
        return self.graph.shapes(self.params, self.input_shapes)

    @property
    def parameter_count(self) -> int:
        """The number of weights."""
        return sum(
            int(np.prod(array.shape)) for layer in self.params.values() for array in layer.values()
        )
