"""Gradients, integrated on the way from a baseline to the image."""

from collections.abc import Iterator
from typing import Any

import flax.struct
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.baselines.base import Baseline, Method, Question, Relevances, graph_of
from jlrp.baselines.layout import like_image, one_per_input


@flax.struct.dataclass
class IntegratedGradients(Method):
    """The mean gradient on the line from the baseline to the image, times their difference."""

    baseline: tuple[Any, ...]
    steps: int = flax.struct.field(pytree_node=False)

    def relevance(self, question: Question) -> Relevances:
        images, names = question.images, question.graph.inputs
        origins = tuple(
            like_image(question.graph, name, numbers, x, "baseline")
            for name, numbers, x in zip(names, self.baseline, images, strict=True)
        )
        ways = tuple(x - origin for x, origin in zip(images, origins, strict=True))

        def on_the_way(part: Array) -> Iterator[Array]:
            return (origin + part * way for origin, way in zip(origins, ways, strict=True))

        middles = (jnp.arange(self.steps, dtype=images[0].dtype) + 0.5) / self.steps
        means = question.mean_gradient(on_the_way, middles)
        return tuple(way * mean for way, mean in zip(ways, means, strict=True))


def integrated_gradients(
    graph: ir.Graph | ir.Model, *, steps: int = 32, baseline: Any = 0.0, output: str | None = None
) -> Baseline:
    """Integrated gradients: the mean gradient between a baseline and the image, times the distance.

    `R = (x − x₀) · 1/n · Σ_k ∂f/∂x (x₀ + (k + ½)/n · (x − x₀))` for k = 0 … n − 1, with `x₀` the
    baseline: the midpoint rule for the integral.

    The relevances of an image sum up to `f(x) − f(x₀)`, up to the error of the midpoint rule. For a
    smooth f the error falls with 1/n². Every kink on the way (a ReLU that switches) slows it down
    to 1/n, as it does for any rule. If it matters, compare the sum with the difference.

    Args:
        graph: The graph or model as loaded.
        steps: The number of gradients. They are computed one after the other, so memory does not
            grow with them.
        baseline: A number, one per channel (C,), or anything that broadcasts to the images, for
            example (H, W, C). For several inputs it can be a tuple of these. It is data: other
            values compile nothing anew. Its unit is that of the preprocessed image, where black
            need not be 0.
        output: The output to explain, if there are several, or any layer. By default the first
            output.

    Returns:
        A function `(params, images, target=None)` that gives a `jlrp.Explanation`. Its `relevance`
        has the shape of the images, (N, H, W, C). For several inputs it is a tuple, and all inputs
        move at the same time.

    Raises:
        ValueError: The graph has no such output, there is no step, or the baseline does not fit.

    Example:
        >>> import numpy as np, ir
        >>> from jlrp.baselines import integrated_gradients
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
        >>> explain = integrated_gradients(graph, baseline=1.0)
        >>> explain(params, np.array([[1.0, 5.0]]), target=0).relevance.tolist()
        [[0.0, 4.0]]

    References:
        Sundararajan et al., ICML 2017, arXiv 1703.01365.
    """
    if steps < 1:
        raise ValueError(f"Integrated gradients take steps of at least 1, not {steps}.")
    return Baseline(
        graph,
        IntegratedGradients(one_per_input(graph_of(graph), baseline, "baseline"), steps),
        output,
    )
