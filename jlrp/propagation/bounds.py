"""Bounds of the graph's input, carried forward to where a rule needs them."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops import apply
from jlrp.propagation.interpreter import node_params
from jlrp.rules.first import one_image


def carried(
    graph: ir.Graph, params: ir.Params, values: Mapping[str, Array], node: ir.Node, low: Any, high: Any
) -> tuple[tuple[Array, Array] | None, ...]:
    """For each input of a node, the bounds that follow from those of the graph's inputs, as one image each.

    An op turns the bounds of its inputs into the least and the greatest of its two outputs for them. `None` stands for
    an input of the graph itself. Raises `ValueError` that names the first node between that is not monotone.
    """

    known: dict[str, tuple[Array, Array]] = {}

    def at(name: str) -> tuple[Array, Array]:
        if name not in known:
            known[name] = computed(name)
        return known[name]

    def computed(name: str) -> tuple[Array, Array]:
        between = graph.get(name)
        if between is None:
            x = values[name]
            return tuple(one_image(bound, graph.channel_axis(x.ndim), x) for bound in (low, high))  # type: ignore
        if not between.op.monotone:
            raise ValueError(
                f"The bounds of the image cannot be carried to layer {node.name!r}: before it comes {name!r} "
                f"({type(between.op).__name__}), which is not monotone in each value. "
                "Give that layer ZBox(low, high) with the bounds of its own input."
            )
        weights = node_params(between, params)
        ends = [apply(between.op, weights, *bounds) for bounds in zip(*map(at, between.inputs), strict=True)]
        return jnp.minimum(*ends), jnp.maximum(*ends)

    return tuple(None if name in graph.inputs else at(name) for name in node.inputs)
