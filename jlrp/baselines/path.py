"""Gradients integrated along the way from a baseline to the image."""

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
    """The mean gradient on the straight line from the baseline to the image, times their difference."""

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
    """Integrated gradients: the gradient averaged between a baseline `x₀` and the image, times their difference.

    `R = (x − x₀) · 1/n · Σ_k ∂f/∂x (x₀ + (k + ½)/n · (x − x₀))`, k = 0 … n − 1: the midpoint rule for the integral.

    Complete up to the rule's error: the relevances of an image sum up to `f(x) − f(x₀)`. Where f is smooth, the error
    falls with 1/n². At every kink on the way (a ReLU that switches) it falls with 1/n only, with this rule as with
    any: compare the sum with the difference where it matters.

    Returns a function `(params, images, target=None)` that gives a `jlrp.Explanation`; `relevance` is of the images'
    shape (N, H, W, C), a tuple where there are several inputs, which go the way at once.

    graph: as loaded. output: which of several outputs to explain (the first by default), or any layer.
    steps: how many gradients; one after the other, so that memory does not grow with them.
    baseline: a number, one per channel (C,), or anything that broadcasts to the images, such as (H, W, C); a tuple of
        such where there are several inputs. Data: other values compile nothing anew. It is in the units of the
        preprocessed image: black is 0 only where the preprocessing says so.
    Source: Sundararajan et al., ICML 2017, arXiv 1703.01365.
    Raises `ValueError` for an unknown output, fewer than one step, or a baseline that does not fit.

    >>> import numpy as np, ir
    >>> from jlrp.baselines import integrated_gradients
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
    >>> integrated_gradients(graph, baseline=1.0)(params, np.array([[1.0, 5.0]]), target=0).relevance.tolist()
    [[0.0, 4.0]]
    """
    if steps < 1:
        raise ValueError(f"Integrated gradients take one step or more, not {steps}.")
    return Baseline(graph, IntegratedGradients(one_per_input(graph_of(graph), baseline, "baseline"), steps), output)
