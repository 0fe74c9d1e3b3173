"""Why a value is certainly not below zero, in words."""

from ir.graph import Graph
from ir.ops.interval import ANYTHING


def why_nonnegative(graph: Graph, name: str) -> str | None:
    """Explain why a value cannot be below zero.

    Either its op gives nothing below zero for any inputs, or it gives nothing below zero for inputs
    that are not, each for a reason of its own.

    Args:
        graph: The graph.
        name: The name of an input, a node or an alias.

    Returns:
        One line for each value that the reason names; `None` if the value is not in
        `graph.nonnegative`.

    Raises:
        KeyError: The graph has no value of this name.

    Example:
        >>> import ir
        >>> ops = {"relu": ir.Relu(), "pool": ir.MaxPool(), "conv": ir.Conv()}
        >>> names = ["x", *ops]
        >>> nodes = [ir.Node(name, op, (before,)) for before, (name, op) in zip(names, ops.items())]
        >>> graph = ir.Graph(nodes, ["x"], ["conv"])
        >>> print(ir.why_nonnegative(graph, "pool"))
        pool ≥ 0: MaxPool() of relu
        relu ≥ 0: Relu()
        >>> ir.why_nonnegative(graph, "conv") is None
        True
    """
    if graph.values[name] not in graph.nonnegative:
        return None
    waiting, said = [graph.values[name]], dict[str, str]()
    while waiting:
        value = waiting.pop(0)
        if value in said:
            continue
        node = graph[value]
        alone, _ = node.op.bounds(*[ANYTHING] * len(node.inputs))
        needed = () if alone >= 0 else node.inputs
        inputs = f" of {', '.join(dict.fromkeys(needed))}" if needed else ""
        said[value] = f"{value} ≥ 0: {node.op}{inputs}"
        waiting += [value for value in needed if value in graph.nonnegative]
    return "\n".join(said.values())
