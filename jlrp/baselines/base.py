"""What all baselines share: the model as a function of its images, and the one compiled program."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

import ir
from ir.analysis.axes import axis_names
from ir.passes import Decision
from jlrp.composites.composite import decision_of
from jlrp.ops.graphs import activations
from jlrp.propagation.arrays import require_finite
from jlrp.propagation.compiling import allow_rank_promotion
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.given import as_tuple, params_of, require_weights
from jlrp.propagation.interpreter import cast, check_shapes
from jlrp.propagation.ledger import totals
from jlrp.propagation.start import Start, start_relevance
from jlrp.propagation.targets import as_target, check_target

Relevances = tuple[Array, ...]
"""One relevance per input of the graph, each of that input's shape."""


@dataclass(frozen=True)
class Question:
    """The question to a method: why does this model give these images this score?

    Attributes:
        graph: The graph, up to the decision value.
        params: Its weights.
        images: One array per input of the graph, batch first.
        values: Every value of the graph for these images, by name.
        start: The weight of each output value in the score: 1 at the target, else 0.
    """

    graph: ir.Graph
    params: Any
    images: tuple[Array, ...]
    values: dict[str, Array]
    start: Array

    def model(self, *images: Array) -> Array:
        """The model's output for other images."""
        return activations(self.graph, self.params, images)[self.graph.outputs[0]]

    def score(self, output: Array) -> Array:
        """(N,): `Σ start·output`, the target's value in an output of the model."""
        return jnp.sum(self.start * output, axis=tuple(range(1, output.ndim)))

    def gradient(self, *images: Array) -> Relevances:
        """The derivative of the score with respect to each input, at these images."""
        _, pullback = jax.vjp(self.model, *images)
        return pullback(self.start)

    def mean_gradient(
        self, images_at: Callable[[Array], Iterable[Array]], points: Array
    ) -> Relevances:
        """The mean of the gradients at several points, computed one after the other.

        Args:
            images_at: A function from a point to one image per input.
            points: The points, along the first axis.
        """

        def step(total: Relevances, point: Array) -> tuple[Relevances, None]:
            return tuple(
                a + b for a, b in zip(total, self.gradient(*images_at(point)), strict=True)
            ), None

        total, _ = jax.lax.scan(step, tuple(map(jnp.zeros_like, self.images)), points)
        return tuple(a / len(points) for a in total)


def number(given: Any) -> Any:
    """A Python number as a float, so that `1` and `1.0` share a program. Arrays stay."""
    return float(given) if isinstance(given, int | float) else given


class Method(ABC):
    """How relevance comes from the model as a whole: a `flax.struct.dataclass`.

    Its numbers are data: a changed one compiles nothing anew. Counts, windows and names are
    structure.
    """

    @abstractmethod
    def relevance(self, question: Question) -> Relevances:
        """One relevance per input of the graph."""


class Baseline:
    """A graph and a method other than relevance propagation, ready to explain.

    `jlrp.gradient` and the like make it. Calls with equal shapes share one compiled program, even
    for two baselines that differ in numbers only.

    Attributes:
        graph: The graph, up to the decision value.
        method: The method.
        labels: The classes' names, if the model has them.

    Example:
        >>> import ir
        >>> from jlrp.baselines import gradient
        >>> nodes = [ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("p", ir.Softmax(), ("fc",))]
        >>> gradient(ir.Graph(nodes, ["x"], ["p"])).graph.outputs
        ('fc',)
    """

    def __init__(
        self, graph: ir.Graph | ir.Model, method: Method, output: str | None = None
    ) -> None:
        self._decision = decided(graph, output)
        self.graph = self._decision.graph
        self.method = method
        self.labels = graph.labels if isinstance(graph, ir.Model) else ()

    def __call__(self, params: ir.Params, images: Any, target: Any = None) -> Explanation:
        """Explain a batch of images.

        Args:
            params: As for `jlrp.Explainer`.
            images: As for `jlrp.Explainer`.
            target: As for `jlrp.Explainer`. An array of the output's shape (N, classes) weights the
                outputs: the score is `Σ target·output`.

        Returns:
            The explanation, as from `jlrp.Explainer`. Its `layers` are empty.

        Raises:
            ValueError: The target does not fit, or an image is NaN or infinite.
            ir.ShapeError: Images or weights do not fit the graph.
        """
        images = as_tuple(self.graph, images)
        require_finite(images)
        weights = params_of(params)
        require_weights(self.graph, weights)
        chosen = as_target(target, images, self.labels)
        start = Start(
            "plus", two_labels=len(self.labels) == 2, squashed=self._decision.tail is not None
        )
        key = (self.graph, self._decision.tail, start, type(self.method))
        with allow_rank_promotion():
            result = _attribute(key, self.method, weights, images, chosen)
        axis = self.graph.channel_axis(result.output.ndim, self.graph.outputs[0])
        check_target(chosen, start.classes(result.output.shape[axis]))
        return replace(result, labels=self.labels)


def decided(graph: ir.Graph | ir.Model, output: str | None) -> Decision:
    """The part of the graph up to the decision value of one output."""
    return decision_of(graph_of(graph), output)


def graph_of(graph: ir.Graph | ir.Model) -> ir.Graph:
    """The graph of a model, or the graph itself."""
    return graph.graph if isinstance(graph, ir.Model) else graph


@partial(jax.jit, static_argnums=0)
def _attribute(
    key: tuple[ir.Graph, ir.Graph | None, Start, type[Method]],
    # Its class is static too: jaxlib 0.10 takes dataclasses with equal fields for the same pytree.
    method: Method,
    params: ir.Params,
    images: tuple[Array, ...],
    target: Array | None,
) -> Explanation:
    graph, tail, how, _ = key
    params, images = cast(params, images)
    check_shapes(graph, params, images)
    values = activations(graph, params, images)
    output = prediction = values[graph.outputs[0]]
    if tail is not None:
        prediction = activations(tail, {}, tuple(values[name] for name in tail.inputs))[
            tail.outputs[0]
        ]
    start, target = start_relevance(graph, how, output, prediction, target)
    relevance = _in_dtype(method, output.dtype).relevance(
        Question(graph, params, images, values, start)
    )
    return Explanation(
        relevance=relevance if len(relevance) > 1 else relevance[0],
        output=output,
        target=target,
        layers={},
        prediction=prediction,
        start=totals(jnp.abs(start)),
        axes=tuple(
            axis_names(graph, x.ndim, name) for name, x in zip(graph.inputs, images, strict=True)
        ),
    )


def _in_dtype(method: Any, dtype: Any) -> Any:
    """The method with its real numbers in one dtype. Whole numbers and random keys stay."""
    return jax.tree.map(
        lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, method
    )
