"""Where relevance is certainly zero: an analysis of the graph and its rules, before any numbers.

Most rules give an input a share in proportion to its value, so that a value of 0 receives nothing.
Then nothing reaches what a ReLU clipped to 0, nor the layer before it, whose output is not positive
there. Half of what the γ rule computes falls away.
"""

from collections.abc import Mapping

import ir
from jlrp.rules import Pass, Rule, Transpose, WinnerTakesAll


def rectified(graph: ir.Graph, rules: Mapping[str, Rule]) -> frozenset[str]:
    """Find the nodes at whose output no relevance arrives where the output is not positive.

    Only ReLUs read such a node, and relevance passes through them unchanged. What reads the ReLUs
    gives relevance in proportion to the value, or hands on what it gets itself to the cells that
    the value came from. An output of the graph is not such a node, because relevance starts there
    as the user likes.
    """
    nothing = vanishing(graph, rules)
    return frozenset(
        node.name
        for node in graph.nodes
        if node.name not in graph.outputs
        and all(
            graph[reader].op.rectifies and type(rules[reader]) is Pass and reader in nothing
            for reader in graph.readers[node.name]
        )
    )


def vanishing(graph: ir.Graph, rules: Mapping[str, Rule]) -> frozenset[str]:
    """Find the values that receive no relevance wherever they are 0."""
    found: set[str] = set()
    for name in (*reversed([node.name for node in graph.nodes]), *graph.inputs):
        readers = graph.readers.get(name, ())
        if name not in graph.outputs and all(
            _gives_nothing(graph[r], rules[r], found) for r in readers
        ):
            found.add(name)
    return frozenset(found)


def _gives_nothing(reader: ir.Node, rule: Rule, vanishing: set[str]) -> bool:
    """Whether a node gives an input no relevance where that is 0."""
    if rule.proportional(reader.op):
        return True
    handed_on = (
        (type(rule) is Pass and reader.op.rectifies)
        or (type(rule) is WinnerTakesAll and reader.op.selects)
        or (type(rule) is Transpose and reader.op.copies)
    )
    return handed_on and reader.name in vanishing
