"""Take off the softmax that ends the graph, and select one output."""

from ir.graph import Graph, pruned
from ir.ops import Softmax
from ir.passes.base import Rewritten


def strip_softmax(graph: Graph) -> Rewritten:
    """Take off the softmax that ends a graph.

    The case is a `Softmax` node that is the only output, and that nothing reads: its input becomes
    the output, and its name an alias of it. Anything else stays, such as a softmax inside the
    graph, a final sigmoid, or several outputs.

    Args:
        graph: Any graph.

    Returns:
        The rewritten graph; the weights stay as they are.

    Example:
        >>> import ir
        >>> nodes = [ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("p", ir.Softmax(), ("fc",))]
        >>> strip_softmax(ir.Graph(nodes, ["x"], ["p"])).graph.outputs
        ('fc',)
    """
    name = graph.outputs[0]
    ends = len(graph.outputs) == 1 and name in graph and name not in graph.readers
    if not ends or not isinstance(graph[name].op, Softmax):
        return Rewritten(graph)
    logits = graph[name].inputs[0]
    aliases = [(alias, logits if value == name else value) for alias, value in graph.aliases]
    nodes = pruned(graph.nodes, [logits])
    return Rewritten(Graph(nodes, graph.inputs, [logits], [*aliases, (name, logits)]))


def select_output(graph: Graph, output: str | None = None) -> Graph:
    """Cut a graph down to what one value depends on; all inputs stay.

    Args:
        graph: Any graph.
        output: The name of an output or of any other node; `None` for the first output.

    Returns:
        The graph with that value as its only output.

    Raises:
        ValueError: The graph has no layer of this name.

    Example:
        >>> import ir
        >>> nodes = [ir.Node("a", ir.Relu(), ("x",)), ir.Node("b", ir.Relu(), ("a",))]
        >>> len(select_output(ir.Graph(nodes, ["x"], ["b"]), "a").nodes)
        1
    """
    if output is not None and (output not in graph.values or graph.values[output] in graph.inputs):
        outputs = ", ".join(map(repr, graph.outputs))
        raise ValueError(f"There is no layer {output!r} to explain: the outputs are {outputs}.")
    name = graph.outputs[0] if output is None else graph.values[output]
    nodes = pruned(graph.nodes, [name])
    kept = {*graph.inputs, *(node.name for node in nodes)}
    aliases = [(alias, value) for alias, value in graph.aliases if value in kept]
    return Graph(nodes, graph.inputs, [name], aliases)
