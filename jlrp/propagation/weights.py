"""Weights as the walks want them: folded, in one dtype, and what each node's rule makes of them."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp

import ir
from jlrp.propagation.compiling import program
from jlrp.propagation.interpreter import cast
from jlrp.propagation.plan import Plan, Rules
from jlrp.rules.base import Facts


@flax.struct.dataclass
class Prepared:
    """Weights as the backward pass wants them: folded, in one dtype, and what each node's rule made of them.

    params: those of the folded graph's layers.
    changed: `{node: what prepare returned, for each rule that the node may have}`.
    """

    params: dict[str, Any]
    changed: dict[str, Any]


@program()
def prepare(plan: Plan, rules: Rules, params: ir.Params) -> Prepared:
    """Weights folded, and changed as each node's rule wants them."""
    folded = plan.rewritten.params(cast(params, ())[0])
    numbers = in_dtype(rules, dtype_of(folded))
    changed: dict[str, Any] = {}
    for node, index in zip(plan.graph.nodes, plan.rule_of_node, strict=True):
        if node.params is not None and node.params in folded:
            made = [
                plan.formulation.prepare(rule, node.op, folded[node.params], facts_of(plan, node))
                for rule in numbers[index].choices
            ]
            changed |= {} if all(each is None for each in made) else {node.name: made}
    used = {node.params for node in plan.graph.nodes}
    return Prepared({name: layer for name, layer in folded.items() if name in used}, changed)


def facts_of(plan: Plan, node: ir.Node) -> Facts:
    """What is certain of a node."""
    return Facts(all(name in plan.graph.nonnegative for name in node.inputs), node.name in plan.rectified)


def dtype_of(params: Any) -> Any:
    """The dtype that weights compute in."""
    leaves = jax.tree.leaves(params)
    return leaves[0].dtype if leaves else jnp.result_type(float)


def in_dtype(rules: Rules, dtype: Any) -> Rules:
    """The rules' numbers in the dtype of the computation."""
    return jax.tree.map(lambda number: jnp.asarray(number, dtype), rules)
