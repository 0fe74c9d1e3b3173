"""Class activation maps: the last feature maps, weighted by what they mean to the target."""

import math

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.baselines.base import Baseline, Method, Question, Relevances, decided
from jlrp.baselines.layout import axes_of, over_channels
from jlrp.ops.graphs import activations
from jlrp.propagation.given import known_names


@flax.struct.dataclass
class GradCam(Method):
    """The positive part of a layer's channels, weighted by their mean gradients.

    Attributes:
        layer: The layer's name; `None` for the last one with spatial axes.
    """

    layer: str | None = flax.struct.field(pytree_node=False)

    def relevance(self, question: Question) -> Relevances:
        graph, (image,) = question.graph, question.images
        spatial, channel = axes_of(graph, image.ndim)
        small = self._map(question, image.ndim)
        large = jax.image.resize(
            small, (len(small), *(image.shape[axis] for axis in spatial)), "linear"
        )
        return (over_channels(large, channel, image),)

    def _map(self, question: Question, rank: int) -> Array:
        """(N, h, w): `max(Σ_k α_k·A_k, 0)` at the layer's own size."""
        name = self.layer or _last_spatial(question.graph, question.values, rank)
        layer = question.values[name]
        if layer.ndim != rank or rank < 3:
            raise ValueError(
                f"Grad-CAM needs a layer whose output has spatial axes and the {rank} dimensions "
                "of the images, "
                f"but {name!r} has the shape {layer.shape}: name another layer."
            )
        spatial, channel = axes_of(question.graph, rank)
        weights = jnp.mean(_gradient_at(question, name), spatial, keepdims=True)
        return jnp.maximum(jnp.sum(weights * layer, channel), 0)


def _last_spatial(graph: ir.Graph, values: dict[str, Array], rank: int) -> str:
    """The last layer in the graph whose output has `rank` dimensions and several pixels."""
    for node in reversed(graph.nodes):
        shape = values[node.name].shape
        if (
            len(shape) == rank > 2
            and math.prod(shape[axis] for axis in axes_of(graph, rank)[0]) > 1
        ):
            return node.name
    raise ValueError(
        "Grad-CAM needs a layer whose output has more than one pixel, but this graph has none."
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
    """The part of the graph that depends on a value.

    The value is its first input. The other inputs are what it reads besides.
    """
    nodes: list[ir.Node] = []
    known = {name}
    for node in graph.nodes:
        if known & set(node.inputs):
            nodes.append(node)
            known.add(node.name)
    others = dict.fromkeys(value for node in nodes for value in node.inputs if value not in known)
    return ir.Graph(nodes, (name, *others), graph.outputs)


def grad_cam(
    graph: ir.Graph | ir.Model, *, layer: str | None = None, output: str | None = None
) -> Baseline:
    """Grad-CAM: where the feature maps that speak for the target are active.

    `R = max(Σ_k α_k·A_k, 0)` with `A_k` the feature maps of a layer and `α_k` the mean of
    `∂f/∂A_k` over space. Bilinear interpolation enlarges it to the image.

    The map has one value per pixel. Each channel of the image holds the whole value: take one
    channel, or the mean, for the map. It is never negative and does not sum up to the logit.

    Args:
        graph: The graph or model as loaded, with one input.
        layer: The layer whose output to read, by its name in the file. By default the last one in
            the data flow whose output has the images' number of dimensions and more than one
            pixel. In a ResNet that is the last activation. In a VGG it is the last pooling, where
            the paper takes the convolution before it.
        output: The output to explain, if there are several, or any layer. By default the first
            output.

    Returns:
        A function `(params, images, target=None)` that gives a `jlrp.Explanation`. Its `relevance`
        has the shape of the images, (N, H, W, C), or (N, C, H, W) for a channels-first model.

    Raises:
        ValueError: The graph has no such output or layer, or several inputs; or the layer has no
            spatial axes.

    Example:
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

    References:
        Selvaraju et al., ICCV 2017, arXiv 1610.02391.
    """
    explained = decided(graph, output).graph
    if len(explained.inputs) > 1:
        names = ", ".join(map(repr, explained.inputs))
        raise ValueError(f"Grad-CAM explains one image, but the graph has the inputs {names}.")
    name = None if layer is None else explained.values.get(layer)
    if layer is not None and explained.get(name or "") is None:
        raise ValueError(
            f"The graph has no layer {layer!r} for Grad-CAM: "
            f"{known_names(n.name for n in explained.nodes)}."
        )
    return Baseline(graph, GradCam(name), output)
