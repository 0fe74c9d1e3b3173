"""Take off the softmax that ends the graph."""

from ir.graph import Graph, pruned
from ir.ops import Softmax
from ir.passes.base import Rewritten


def strip_softmax(graph: Graph) -> Rewritten:
    """The graph up to its last softmax, whose name becomes an alias of the value before it.

    Cases: the only output is a `Softmax` node that nothing reads → its input is the output. Anything else (a softmax
    inside the graph, a final sigmoid, several outputs) stays.
    """
    name = graph.outputs[0]
    if len(graph.outputs) > 1 or name not in graph or not isinstance(graph[name].op, Softmax) or name in graph.readers:
        return Rewritten(graph)
    logits = graph[name].inputs[0]
    aliases = [(alias, logits if value == name else value) for alias, value in graph.aliases]
    return Rewritten(Graph(pruned(graph.nodes, [logits]), graph.inputs, [logits], [*aliases, (name, logits)]))


def select_output(graph: Graph, output: str | None = None) -> Graph:
    """The part of the graph that one output or any other value depends on (the first output by default).

    All inputs stay. Raises `ValueError` for a name that is no layer.
    """
    if output is not None and (output not in graph.values or graph.values[output] in graph.inputs):
        raise ValueError(
            f"There is no layer {output!r} to explain: the outputs are {', '.join(map(repr, graph.outputs))}."
        )
    name = graph.outputs[0] if output is None else graph.values[output]
    nodes = pruned(graph.nodes, [name])
    kept = {*graph.inputs, *(node.name for node in nodes)}
    return Graph(nodes, graph.inputs, [name], [(alias, value) for alias, value in graph.aliases if value in kept])
