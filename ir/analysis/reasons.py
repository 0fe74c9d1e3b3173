"""Why a value is certainly not below zero, in words."""

from ir.graph import Graph
from ir.ops.interval import ANYTHING


def why_nonnegative(graph: Graph, name: str) -> str | None:
    """Why `graph.nonnegative` has a value; `None` where it does not have it.

    Either its op gives nothing below zero whatever it is given, or it gives nothing below zero of inputs that are not,
    each for a reason of its own. Values are named once. Raises `KeyError` for a name that the graph does not have.

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
    waiting, said = [graph.values[name]], {}
    while waiting:
        value = waiting.pop(0)
        if value in said:
            continue
        node = graph[value]
        alone, _ = node.op.bounds(*[ANYTHING] * len(node.inputs))
        needed = () if alone >= 0 else node.inputs
        said[value] = f"{value} ≥ 0: {node.op}{' of ' if needed else ''}{', '.join(dict.fromkeys(needed))}"
        waiting += [value for value in needed if value in graph.nonnegative]
    return "\n".join(said.values())
