"""Where relevance is certainly zero: an analysis of the graph and its rules, before there are numbers.

Most rules give an input a share in proportion to its value, so that a value of 0 receives nothing. What a ReLU clipped
to 0 then receives nothing, and neither does the layer before it there, whose output is not positive: half of what the
γ rule computes falls away.
"""

from collections.abc import Mapping

import ir
from jlrp.rules import Pass, Rule, Transpose, WinnerTakesAll


def rectified(graph: ir.Graph, rules: Mapping[str, Rule]) -> frozenset[str]:
    """The nodes at whose output no relevance arrives where the output is not positive.

    They are read by ReLUs alone, relevance passes through these unchanged, and what reads the ReLUs gives relevance in
    proportion to the value, or hands on what it gets itself at the cells that the value went to. An output of the
    graph is none of them: there relevance starts, as the user likes.
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
    """The values that receive no relevance wherever they are 0."""
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
