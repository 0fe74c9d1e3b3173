"""Nodes to come as a graph with its weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import ir
from jlrp.tracing.names import named
from jlrp.tracing.paths import Path
from jlrp.tracing.tidy import Nodes
from jlrp.tracing.values import Const


@dataclass(frozen=True, eq=False)
class Assembled:
    """A graph, the constants that are its weights, and the user's line of each node.

    Attributes:
        graph: The graph.
        weights: `{layer: {role: constant}}`. Calls of one layer share an entry.
        lines: The lines by node.
    """

    graph: ir.Graph
    weights: dict[str, dict[str, Const]]
    lines: dict[str, str]


def assembled(nodes: Nodes, paths: Sequence[Path], inputs: Sequence[str]) -> Assembled:
    """Name nodes and make them a graph.

    Args:
        nodes: The nodes.
        paths: The keys of each leaf of the params.
        inputs: The names of the inputs.
    """
    names = named(nodes.nodes, paths, inputs)
    known = {-1 - i: name for i, name in enumerate(inputs)} | names
    keys: dict[tuple[tuple[str, int], ...], str] = {}
    weights: dict[str, dict[str, Const]] = {}
    made, lines = [], {}
    for index, node in enumerate(nodes.nodes):
        if node is None:
            continue
        name, key = names[index], None
        if node.weights:
            used = tuple(sorted((role, const.number) for role, const in node.weights.items()))
            key = keys.setdefault(used, name)
            weights.setdefault(key, node.weights)
        made.append(ir.Node(name, node.op, tuple(known[r] for r in node.inputs), key))
        lines[name] = node.line
    return Assembled(ir.Graph(made, inputs, [known[r] for r in nodes.outputs]), weights, lines)
