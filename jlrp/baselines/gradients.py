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
    """The gradient: how fast the target's logit rises with each input value, `R = ∂f/∂x` at the image.

    Returns a function `(params, images, target=None)` that gives a `jlrp.Explanation`; `relevance` is signed and of the
    images' shape (N, H, W, C), a tuple where there are several inputs.

    graph: as loaded. output: which of several outputs to explain (the first by default), or any layer.
    Source: Simonyan et al., arXiv 1312.6034, 2013, who show its absolute value, largest over the channels.
    Raises `ValueError` for an unknown output.

    >>> import numpy as np, ir
    >>> from jlrp.baselines import gradient
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
    >>> gradient(graph)(params, np.array([[1.0, 5.0]]), target=0).relevance.tolist()
    [[2.0, 1.0]]
    """
    return Baseline(graph, Gradient(), output)


def gradient_times_input(graph: ir.Graph | ir.Model, *, output: str | None = None) -> Baseline:
    """The gradient times the input, `R = x·∂f/∂x`: what each input value adds to the logit if the model were linear.

    On a network of ReLUs, max pooling and affine layers without biases it sums up to the logit and is LRP-0 (preset
    `zero`); with biases it lacks their share.

    Returns a function `(params, images, target=None)` that gives a `jlrp.Explanation`; `relevance` is of the images'
    shape (N, H, W, C), a tuple where there are several inputs.

    graph: as loaded. output: which of several outputs to explain (the first by default), or any layer.
    Source: Shrikumar et al., arXiv 1605.01713, 2016.
    Raises `ValueError` for an unknown output.

    >>> import numpy as np, ir
    >>> from jlrp.baselines import gradient_times_input
    >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    >>> params = {"fc": {"kernel": np.array([[2.0, 0.0], [1.0, 3.0]])}}
    >>> gradient_times_input(graph)(params, np.array([[1.0, 5.0]]), target=0).relevance.tolist()
    [[2.0, 5.0]]
    """
    return Baseline(graph, GradientTimesInput(), output)
