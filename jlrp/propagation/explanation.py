"""What `explain` returns."""

from typing import TYPE_CHECKING, Any

import flax.struct
import jax
from jax import Array

from jlrp.propagation.checks import notes_of
from jlrp.propagation.interfaces import as_dict, as_xarray
from jlrp.propagation.ledger import Ledger

if TYPE_CHECKING:
    from jlrp.propagation.interfaces import Dataset


@flax.struct.dataclass
class Explanation:
    """What `explain` returns; a pytree of arrays with what they mean.

    Attributes:
        relevance: What each input value contributed, of the images' shape; a tuple where the graph has several inputs.
        output: The decision value (N, classes): what was explained, before the softmax, sigmoid or other squashing
            activation that ends the network.
        target: (N,), the class explained; (classes, N) from `per_class`.
        layers: `{name: relevance at that layer's output}` for the names in `record`.
        ledger: Where relevance went (`jlrp.Ledger`), if it was asked for.
        prediction: What the model says, of the output's shape: `jlrp.forward` for the same images.
        start: (N,), the size of the relevance that the walk started with, Σ|R| at the decision value.
        axes: For each input the names of the axes of its relevance, such as `("image", "row", "column", "channel")`;
            `"class"` comes first from `per_class`, `"condition"` from `conditional`.
        labels: The classes' names, if there are any.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> result = jlrp.explainer(graph, record=("fc",))({"fc": {"kernel": np.ones((2, 1))}}, np.ones((3, 2)))
        >>> result.relevance.shape, result.layers["fc"].shape, result.axes
        ((3, 2), (3, 1), (('image', 'feature'),))
    """

    relevance: Any
    output: Array
    target: Array
    layers: dict[str, Array]
    ledger: Ledger | None = None
    prediction: Any = None
    start: Any = None
    axes: tuple[tuple[str, ...], ...] = flax.struct.field(pytree_node=False, default=())
    layer_axes: tuple[tuple[str, tuple[str, ...]], ...] = flax.struct.field(pytree_node=False, default=())
    labels: tuple[str, ...] = flax.struct.field(pytree_node=False, default=())

    @property
    def leading(self) -> tuple[str, ...]:
        """The names of the axes before the images: `("class",)` from `per_class`, else none."""
        return self.axes[0][: self.axes[0].index("image")] if self.axes else ()

    def notes(self) -> tuple[str, ...]:
        """For each image a sentence where its map shows nothing, else an empty string.

        A map shows nothing where the relevance is all zero, the same everywhere, not finite, or below a millionth of
        what the walk started with. With classes or conditions first, one for each of their images, row by row.

        Example:
            >>> import numpy as np, ir, jlrp
            >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
            >>> explain = jlrp.explainer(graph)
            >>> explain({"fc": {"kernel": np.ones((2, 1))}}, np.array([[1.0, 2.0], [0.0, 0.0]])).notes()
            ('', 'the decision value of the class explained is 0, so that there is no relevance to share out')
        """
        return notes_of(self)

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries of NumPy arrays, with the axes' names and the labels."""
        return as_dict(self)

    def to_xarray(self, leading: str | None = None, channels_first: bool | None = None) -> "Dataset":
        """An `xarray.Dataset` with named axes: image, row, column, channel (layers with their names), and the ledger.

        Args:
            leading: Another name for the axis before the images, which is `"class"` from `per_class` and
                `"condition"` from `conditional`.
            channels_first: Not needed: the axes are known from the graph. Kept for older calls.

        Raises:
            ModuleNotFoundError: xarray is not installed.
            ValueError: There are several inputs.
        """
        return as_xarray(self, leading)

    def __repr__(self) -> str:
        parts = self.relevance if isinstance(self.relevance, tuple) else (self.relevance,)
        shapes = " and ".join(f"{getattr(x, 'dtype', '')} {getattr(x, 'shape', x)}" for x in parts)
        output = f"output {getattr(self.output, 'shape', self.output)}"
        layers = f", layers {', '.join(self.layers)}" if self.layers else ""
        return f"Explanation(relevance {shapes}, {output}{layers}{', ledger' if self.ledger is not None else ''})"

    def _repr_html_(self) -> str | None:
        """The heatmaps, for a notebook; `None` without the extra `jlrp[cli]` or in the middle of a transformation."""
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(self)):
            return None
        try:
            from jlrp.plot import explanation_html
        except ModuleNotFoundError:
            return None
        return explanation_html(self)
