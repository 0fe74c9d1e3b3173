"""The gradient of the target's logit, and the gradient times the input."""

import flax.struct

import ir
from jlrp.baselines.base import Baseline, Method, Question, Relevances


@flax.struct.dataclass
class Gradient(Method):
    """`∂f/∂x`."""

    def relevance(self, question: Question) -> Relevances:
        return question.gradient(*question.images)


@flax.struct.dataclass
class GradientTimesInput(Method):
    """`x·∂f/∂x`."""

    def relevance(self, question: Question) -> Relevances:
        pairs = zip(question.images, question.gradient(*question.images), strict=True)
        return tuple(x * g for x, g in pairs)


def gradient(graph: ir.Graph | ir.Model, *, output: str | None = None) -> Baseline:
    """The gradient: how fast the target's logit rises with each input value.

    `R = ∂f/∂x` at the image. The paper shows its absolute value, the largest over the channels.

    Args:
        graph: The graph or model as loaded.
        output: The output to explain, if there are several, or any layer. By default the first
            output.

    Returns:
        A function `(params, images, target=None)` that gives a `jlrp.Explanation`. Its `relevance`
        is signed and has the shape of the images, (N, H, W, C). For several inputs it is a tuple.

    Raises:
        ValueError: The graph has no such output.

    Example:
        >>> import numpy as np, ir
        >>> from jlrp.baselines import gradient
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
        >>> gradient(graph)(params, np.array([[1.0, 5.0]]), target=0).relevance.tolist()
        [[2.0, 1.0]]

    References:
        Simonyan et al., arXiv 1312.6034, 2013.
    """
    return Baseline(graph, Gradient(), output)


def gradient_times_input(graph: ir.Graph | ir.Model, *, output: str | None = None) -> Baseline:
    """The gradient times the input: what each input value would add in a linear model.

    `R = x·∂f/∂x`. On a network of ReLUs, max pooling and affine layers without biases it sums up to
    the logit and equals LRP-0 (the preset `zero`). With biases, their share is missing.

    Args:
        graph: The graph or model as loaded.
        output: The output to explain, if there are several, or any layer. By default the first
            output.

    Returns:
        A function `(params, images, target=None)` that gives a `jlrp.Explanation`. Its `relevance`
        has the shape of the images, (N, H, W, C). For several inputs it is a tuple.

    Raises:
        ValueError: The graph has no such output.

    Example:
        >>> import numpy as np, ir
        >>> from jlrp.baselines import gradient_times_input
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
        >>> gradient_times_input(graph)(params, np.array([[1.0, 5.0]]), target=0).relevance.tolist()
        [[2.0, 5.0]]

    References:
        Shrikumar et al., arXiv 1605.01713, 2016.
    """
    return Baseline(graph, GradientTimesInput(), output)
