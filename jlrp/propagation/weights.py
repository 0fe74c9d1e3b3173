"""Weights for the walks: folded, in one dtype, and prepared for each node's rule."""

from collections.abc import Mapping
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
from jlrp.propagation.compiling import program
from jlrp.propagation.interpreter import cast
from jlrp.propagation.plan import Plan, Rules
from jlrp.rules.base import Facts


@flax.struct.dataclass
class Prepared:
    """Weights for the walks: folded, in one dtype, and prepared for each node's rule.

    Attributes:
        params: The weights of the folded graph's layers.
        changed: `{node: results}`. For each rule that the node may have, `results` has what the
            rule's `prepare` returned.
    """

    params: dict[str, Mapping[str, Array]]
    changed: dict[str, list[Any]]


@program()
def prepare(plan: Plan, rules: Rules, params: ir.Params) -> Prepared:
    """Fold the weights, and prepare them for each node's rule."""
    folded = plan.rewritten.params(cast(params, ())[0])
    numbers = in_dtype(rules, dtype_of(folded))
    changed: dict[str, list[Any]] = {}
    for node, index in zip(plan.graph.nodes, plan.rule_of_node, strict=True):
        if node.params is not None and node.params in folded:
            weights, facts = folded[node.params], facts_of(plan, node)
            results = [
                plan.formulation.prepare(rule, node.op, weights, facts)
                for rule in numbers[index].choices
            ]
            if any(each is not None for each in results):
                changed[node.name] = results
    used = {node.params for node in plan.graph.nodes}
    return Prepared({name: layer for name, layer in folded.items() if name in used}, changed)


def facts_of(plan: Plan, node: ir.Node) -> Facts:
    """What is certain of a node."""
    return Facts(
        all(name in plan.graph.nonnegative for name in node.inputs), node.name in plan.rectified
    )


def dtype_of(params: ir.Params) -> np.dtype[Any]:
    """The dtype of the computation: that of the weights."""
    leaves = jax.tree.leaves(params)
    return leaves[0].dtype if leaves else jnp.result_type(float)


def in_dtype(rules: Rules, dtype: np.dtype[Any]) -> Rules:
    """The rules' numbers in the dtype of the computation."""
    return jax.tree.map(lambda number: jnp.asarray(number, dtype), rules)
