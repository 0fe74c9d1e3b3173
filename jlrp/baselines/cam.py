"""Class activation maps: the last feature maps, weighted by how much the target's logit depends on them."""

import math

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.baselines.base import Baseline, Method, Question, Relevances, decided
from jlrp.baselines.layout import axes_of, over_channels
from jlrp.propagation.given import known_names
from jlrp.propagation.interpreter import activations


@flax.struct.dataclass
class GradCam(Method):
    """The positive part of a layer's channels, weighted by their mean gradients, at the size of the image."""

    layer: str | None = flax.struct.field(pytree_node=False)

    def relevance(self, question: Question) -> Relevances:
        graph, (image,) = question.graph, question.images
        spatial, channel = axes_of(graph, image.ndim)
        small = self._map(question, image.ndim)
        large = jax.image.resize(small, (len(small), *(image.shape[axis] for axis in spatial)), "linear")
        return (over_channels(large, channel, image),)

    def _map(self, question: Question, rank: int) -> Array:
        """(N, h, w): `max(Σ_k α_k·A_k, 0)` at the layer's own size."""
        name = self.layer or _last_spatial(question.graph, question.values, rank)
        layer = question.values[name]
        if layer.ndim != rank or rank < 3:
            raise ValueError(
                f"Grad-CAM takes a layer whose output has the {rank} dimensions of the images, space among them, "
                f"but that of {name!r} has the shape {layer.shape}."
            )
        spatial, channel = axes_of(question.graph, rank)
        weights = jnp.mean(_gradient_at(question, name), spatial, keepdims=True)
        return jnp.maximum(jnp.sum(weights * layer, channel), 0)


def _last_spatial(graph: ir.Graph, values: dict[str, Array], rank: int) -> str:
    """The last layer, in the order of the graph, whose output has space left: `rank` dimensions, several pixels."""
    for node in reversed(graph.nodes):
        shape = values[node.name].shape
        if len(shape) == rank > 2 and math.prod(shape[axis] for axis in axes_of(graph, rank)[0]) > 1:
            return node.name
    raise ValueError(
        "Grad-CAM needs a layer with spatial axes, and the graph has none whose output has more than one pixel."
    )


def _gradient_at(question: Question, name: str) -> Array:
    """The derivative of the score with respect to one value of the graph."""
    behind = _behind(question.graph, name)
    read = tuple(question.values[value] for value in behind.inputs)

    def output(layer: Array) -> Array:
        return activations(behind, question.params, (layer, *read[1:]))[behind.outputs[0]]

    _, pullback = jax.vjp(output, read[0])
    return pullback(question.start)[0]


def _behind(graph: ir.Graph, name: str) -> ir.Graph:
    """The part of the graph that depends on a value, which is its first input; what else it reads are the others."""
    nodes: list[ir.Node] = []
    known = {name}
    for node in graph.nodes:
        if known & set(node.inputs):
            nodes.append(node)
            known.add(node.name)
    others = dict.fromkeys(value for node in nodes for value in node.inputs if value not in known)
    return ir.Graph(nodes, (name, *others), graph.outputs)


def grad_cam(graph: ir.Graph | ir.Model, *, layer: str | None = None, output: str | None = None) -> Baseline:
    """Grad-CAM: where the feature maps `A_k` of a layer that speak for the target are active.

    `α_k = mean over space of ∂f/∂A_k`; `R = max(Σ_k α_k·A_k, 0)`, enlarged to the image by bilinear interpolation.

    The map has one value per pixel, which every channel of the image holds, not a share of it: take one channel, or
    the mean, for the map. It is never negative and does not sum up to the logit.

    Returns a function `(params, images, target=None)` that gives a `jlrp.Explanation`; `relevance` is of the images'
    shape (N, H, W, C), or (N, C, H, W) for a channels-first model. For graphs with one input.

    graph: as loaded. output: which of several outputs to explain (the first by default), or any layer.
    layer: whose output is read, by the file's name. By default the last, in data flow, that has space left: as many
        dimensions as the images, and more than one pixel. That is the last activation of a ResNet; for a VGG it is the
        last pooling, while the paper takes the convolution before it.
    Source: Selvaraju et al., ICCV 2017, arXiv 1610.02391.
    Raises `ValueError` for an unknown output or layer, a graph with several inputs, or a layer without spatial axes.

    >>> import numpy as np, ir
    >>> from jlrp.baselines import grad_cam
    >>> nodes = [
    ...     ir.Node("pool", ir.MaxPool(), ("x",)),
    ...     ir.Node("sum", ir.GlobalAvgPool(), ("pool",)),
    ...     ir.Node("fc", ir.Dense(), ("sum",), "fc"),
    ... ]
    >>> explain = grad_cam(ir.Graph(nodes, ["x"], ["fc"]))
    >>> image = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> explain({"fc": {"kernel": np.ones((1, 1))}}, image).relevance[0, 0, :, 0].tolist()
    [1.25, 1.375, 1.625, 1.75]
    """
    explained = decided(graph, output).graph
    if len(explained.inputs) > 1:
        names = ", ".join(map(repr, explained.inputs))
        raise ValueError(f"Grad-CAM explains one image, but the graph has the inputs {names}.")
    name = None if layer is None else explained.values.get(layer)
    if layer is not None and explained.get(name or "") is None:
        raise ValueError(
            f"There is no layer {layer!r} for Grad-CAM to read: {known_names(n.name for n in explained.nodes)}."
        )
    return Baseline(graph, GradCam(name), output)
