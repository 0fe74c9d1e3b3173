"""The result of an explainer."""

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
    """The result of an explainer: a pytree of arrays, with their meaning.

    Attributes:
        relevance: What each input value contributed, of the images' shape; a tuple where the graph
            has several inputs.
        output: The decision value (N, classes), which is explained. It comes before the softmax,
            sigmoid or other squashing activation that ends the network.
        target: The classes that are explained, (N,); (classes, N) from `per_class`.
        layers: `{name: relevance at that layer's output}` for the names in `record`.
        ledger: Where relevance went (`jlrp.Ledger`); `None` without `ledger=True`.
        prediction: The model's own output, as `jlrp.forward` gives it for the same images.
        start: The size of the relevance at the start of the walk back, (N,): Σ|R| at the decision
            value.
        axes: For each input the names of the axes of its relevance, for example
            `("image", "row", "column", "channel")`. `"class"` comes first from `per_class`,
            `"condition"` from `conditional`.
        layer_axes: Pairs of a name in `layers` and the names of the axes of its relevance.
        labels: The names of the classes, or an empty tuple.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> params = {"fc": {"kernel": np.ones((2, 1))}}
        >>> result = jlrp.explainer(graph, record=("fc",))(params, np.ones((3, 2)))
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
    layer_axes: tuple[tuple[str, tuple[str, ...]], ...] = flax.struct.field(
        pytree_node=False, default=()
    )
    labels: tuple[str, ...] = flax.struct.field(pytree_node=False, default=())

    @property
    def leading(self) -> tuple[str, ...]:
        """The names of the axes before the images, for example `("class",)` from `per_class`."""
        return self.axes[0][: self.axes[0].index("image")] if self.axes else ()

    def notes(self) -> tuple[str, ...]:
        """Say for each image why its map shows nothing, if that is so.

        A map shows nothing where its relevance is all zero, the same everywhere, not finite, or
        below a millionth of the relevance at the start.

        Returns:
            For each image a sentence, or an empty string for a map that shows something. With
            classes or conditions first, one for each of their images, row by row.

        Example:
            >>> import numpy as np, ir, jlrp
            >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
            >>> explain = jlrp.explainer(graph)
            >>> params = {"fc": {"kernel": np.ones((2, 1))}}
            >>> explain(params, np.array([[1.0, 2.0], [0.0, 0.0]])).notes()
            ('', 'the decision value of the class explained is 0, so that ...')
        """
        return notes_of(self)

    def to_dict(self) -> dict[str, Any]:
        """Convert to nested dictionaries of NumPy arrays, with the names of axes and classes."""
        return as_dict(self)

    def to_xarray(
        self, leading: str | None = None, channels_first: bool | None = None
    ) -> "Dataset":
        """Convert to an `xarray.Dataset` with named axes.

        The axes of relevance are image, row, column and channel. Those of layers have the layer's
        name in theirs. The ledger is included.

        Args:
            leading: Another name for the axis before the images. It is `"class"` from `per_class`
                and `"condition"` from `conditional`.
            channels_first: Ignored, because the graph tells the axes. Older calls may give it.

        Raises:
            ModuleNotFoundError: xarray is not installed.
            ValueError: The graph has several inputs, or the explanation comes out of `jax.vmap`.
        """
        return as_xarray(self, leading)

    def __repr__(self) -> str:
        parts = self.relevance if isinstance(self.relevance, tuple) else (self.relevance,)
        shapes = " and ".join(f"{getattr(x, 'dtype', '')} {getattr(x, 'shape', x)}" for x in parts)
        output = f"output {getattr(self.output, 'shape', self.output)}"
        layers = f", layers {', '.join(self.layers)}" if self.layers else ""
        ledger = ", ledger" if self.ledger is not None else ""
        return f"Explanation(relevance {shapes}, {output}{layers}{ledger})"

    def _repr_html_(self) -> str | None:
        """The heatmaps for a notebook.

        `None` without the extra `jlrp[cli]`, and inside a transformation of JAX.
        """
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(self)):
            return None
        try:
            from jlrp.plot import explanation_html
        except ModuleNotFoundError:
            return None
        return explanation_html(self)
