"""Compute all values of a graph."""

from collections.abc import Callable, Mapping

from jax import Array

import ir
from jlrp.ops.base import apply


def activations(
    graph: ir.Graph,
    params: ir.Params,
    images: tuple[Array, ...],
    compute: Callable[[ir.Node, tuple[Array, ...]], Array] | None = None,
) -> dict[str, Array]:
    """Compute every value of the graph, by name.

    Args:
        graph: The graph.
        params: Its weights.
        images: One array per input of the graph.
        compute: A function from a node and its inputs to its output; `jlrp.apply` by default.

    Raises:
        NotImplementedError: An op has no computation; the message names its layer.
    """

    def apply_node(node: ir.Node, inputs: tuple[Array, ...]) -> Array:
        return apply(node.op, node_params(node, params), *inputs)

    compute = compute or apply_node
    values: dict[str, Array] = dict(zip(graph.inputs, images, strict=True))
    for node in graph.nodes:
        try:
            values[node.name] = compute(node, tuple(values[name] for name in node.inputs))
        except NotImplementedError as error:
            raise NotImplementedError(f"Layer {node.name!r}: {error}") from None
    return values


def node_params(node: ir.Node, params: ir.Params) -> Mapping[str, Array]:
    """The weights of a node, empty where it has none."""
    return {} if node.params is None else params[node.params]
