"""Bounds of the graph's input, carried forward to where a rule needs them."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops import apply
from jlrp.propagation.interpreter import node_params
from jlrp.rules.first import one_image

_MONOTONE: tuple[type[ir.Op], ...] = (
    ir.Scaling,
    ir.BatchNorm,
    ir.Rearrangement,
    ir.Pool,
    ir.GlobalPool,
    ir.Clip,
    ir.HardSigmoid,
    ir.SoftShrink,
)

_NOT_MONOTONE = ("silu", "gelu", "gelu_tanh", "hard_silu", "mish")
"""Of the functions that `ir.Activation` knows."""


def is_monotone(op: ir.Op) -> bool:
    """Whether each output value rises, or each falls, with every input value, whatever the others are.

    >>> import ir
    >>> [is_monotone(op) for op in (ir.Rescale(-1.0), ir.Relu(), ir.Conv(), ir.Activation("silu"))]
    [True, True, False, False]
    """
    if isinstance(op, ir.Relu):
        return op.negative_slope >= 0 and op.threshold >= 0 and (op.max_value is None or op.max_value >= 0)
    if isinstance(op, ir.Elu | ir.Celu):
        return op.alpha > 0
    if isinstance(op, ir.Activation):
        return op.function not in _NOT_MONOTONE
    if isinstance(op, ir.Interpolation):
        return getattr(op, "interpolation", None) in ("nearest", "bilinear")
    if isinstance(op, ir.HardShrink):
        return op.threshold >= 0
    return isinstance(op, _MONOTONE)


def carried(
    graph: ir.Graph, params: ir.Params, values: Mapping[str, Array], node: ir.Node, low: Any, high: Any
) -> tuple[tuple[Array, Array] | None, ...]:
    """For each input of a node, the bounds that follow from those of the graph's inputs, as one image each.

    An op turns the bounds of its inputs into the least and the greatest of its two outputs for them. `None` stands for
    an input of the graph itself. Raises `ValueError` that names the first node between that is not monotone.
    """

    def at(name: str) -> tuple[Array, Array]:
        between = graph.get(name)
        if between is None:
            x = values[name]
            return tuple(one_image(bound, graph.channel_axis(x.ndim), x) for bound in (low, high))  # type: ignore
        if not is_monotone(between.op):
            raise ValueError(
                f"The bounds of the image cannot be carried to layer {node.name!r}: before it comes {name!r} "
                f"({type(between.op).__name__}), which is not monotone in each value. "
                "Give that layer ZBox(low, high) with the bounds of its own input."
            )
        weights = node_params(between, params)
        ends = [apply(between.op, weights, *bounds) for bounds in zip(*map(at, between.inputs), strict=True)]
        return jnp.minimum(*ends), jnp.maximum(*ends)

    return tuple(None if name in graph.inputs else at(name) for name in node.inputs)
