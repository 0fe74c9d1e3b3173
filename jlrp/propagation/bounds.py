"""Bounds of the graph's inputs at a later layer, where a rule needs them."""

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

import ir
from jlrp.ops import apply
from jlrp.ops.graphs import node_params
from jlrp.rules.first import one_image


def propagate_bounds(
    graph: ir.Graph,
    params: ir.Params,
    values: Mapping[str, Array],
    node: ir.Node,
    low: ArrayLike,
    high: ArrayLike,
) -> tuple[tuple[Array, Array] | None, ...]:
    """Compute the bounds of a node's inputs from those of the graph's inputs.

    An op maps the two bounds of its input to two outputs. The bounds of its output are their
    minimum and maximum.

    Args:
        graph: The graph.
        params: Its weights.
        values: Every value of the graph by name.
        node: The node whose inputs need bounds.
        low: The lower bound of the graph's inputs: a number, per channel, or of an image's shape.
        high: The upper bound, likewise.

    Returns:
        For each input of the node its bounds, as one image each. `None` stands for an input of the
        graph itself.

    Raises:
        ValueError: A node in between is not monotone; the message names the first.
    """
    known: dict[str, tuple[Array, Array]] = {}

    def bounds_of(name: str) -> tuple[Array, Array]:
        if name not in known:
            known[name] = compute(name)
        return known[name]

    def compute(name: str) -> tuple[Array, Array]:
        between = graph.get(name)
        if between is None:
            x = values[name]
            axis = graph.channel_axis(x.ndim)
            return one_image(low, axis, x), one_image(high, axis, x)
        if not between.op.monotone:
            raise ValueError(
                f"The bounds of the image cannot be carried to layer {node.name!r}: "
                f"before it comes {name!r} ({type(between.op).__name__}), which is not monotone in "
                "each value. Give that layer ZBox(low, high) with the bounds of its own input."
            )
        weights = node_params(between, params)
        pairs = zip(*map(bounds_of, between.inputs), strict=True)
        ends = [apply(between.op, weights, *inputs) for inputs in pairs]
        return jnp.minimum(*ends), jnp.maximum(*ends)

    return tuple(None if name in graph.inputs else bounds_of(name) for name in node.inputs)
