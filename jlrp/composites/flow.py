"""What a graph's data flow says of its nodes; computed once for each graph."""

from functools import lru_cache

import ir
from ir.ops.softmax import AlongAxis


@lru_cache(maxsize=32)
def depths(graph: ir.Graph) -> dict[str, int]:
    """How many layers with a kernel lie before each node on the longest path."""
    depths = dict.fromkeys(graph.inputs, 0)
    after = dict(depths)  # the same count behind the node
    for node in graph.nodes:
        depths[node.name] = max(after[name] for name in node.inputs)
        after[node.name] = depths[node.name] + node.op.has_kernel
    return depths


@lru_cache(maxsize=32)
def on_images(graph: ir.Graph) -> frozenset[str]:
    """The values that certainly have axes between batch and channels."""
    found: set[str] = set()
    for node in graph.nodes:
        has = node.op.positions
        if has or (has is None and not found.isdisjoint(node.inputs)):
            found.add(node.name)
    return frozenset(found)


@lru_cache(maxsize=32)
def heads(graph: ir.Graph) -> frozenset[str]:
    """The layers with a kernel that reach an output without another or an activation between."""
    open_ends, found = set(graph.outputs), set()
    for node in reversed(graph.nodes):
        if node.name in open_ends:
            if node.op.has_kernel:
                found.add(node.name)
            elif not isinstance(node.op, ir.ActivationOp):
                open_ends.update(node.inputs)
    return frozenset(found)


@lru_cache(maxsize=32)
def projections(graph: ir.Graph) -> frozenset[str]:
    """The layers with a kernel around products of matrices (`Projection`)."""
    makers: dict[str, str | None] = {}  # the one layer that leads to a value
    after: set[str] = set()  # values that are a product, moved and scaled
    found: set[str] = set()
    for node in graph.nodes:
        op = node.op
        sources = {makers.get(name) for name in node.inputs}
        makers[node.name] = (
            node.name if op.has_kernel else sources.pop() if len(sources) == 1 else None
        )
        if multiplies_matrices(op):
            found.update(maker for name in node.inputs if (maker := makers.get(name)) is not None)
            makers[node.name] = None
            after.add(node.name)
        elif op.has_kernel and not after.isdisjoint(node.inputs):
            found.add(node.name)
        elif (op.moves or isinstance(op, ir.Scaling)) and after.issuperset(node.inputs):
            after.add(node.name)
    return frozenset(found)


def multiplies_matrices(op: ir.Op) -> bool:
    """Whether an op is a product of matrices of values."""
    return op.multiplies and not op.elementwise


@lru_cache(maxsize=32)
def attention(graph: ir.Graph) -> dict[str, int]:
    """The products of matrices that attention mixes values with.

    Returns:
        For each product, the position of the factor that is a softmax's output, moved.
    """
    weights: set[str] = set()
    found: dict[str, int] = {}
    for node in graph.nodes:
        if isinstance(node.op, AlongAxis) or (node.op.moves and weights.issuperset(node.inputs)):
            weights.add(node.name)
        elif multiplies_matrices(node.op):
            places = [i for i, name in enumerate(node.inputs) if name in weights]
            if len(places) == 1:
                found[node.name] = places[0]
    return found


@lru_cache(maxsize=32)
def activated_factors(graph: ir.Graph) -> dict[str, int]:
    """The products, value by value, of which one factor alone is an activation's output, moved.

    Returns:
        For each such product of two, the position of that factor. It gates the other.
    """
    activated: set[str] = set()
    found: dict[str, int] = {}
    for node in graph.nodes:
        if isinstance(node.op, ir.ActivationOp) or (
            node.op.moves and activated.issuperset(node.inputs)
        ):
            activated.add(node.name)
        elif node.op.multiplies and node.op.elementwise and len(node.inputs) == 2:
            places = [i for i, name in enumerate(node.inputs) if name in activated]
            if len(places) == 1:
                found[node.name] = places[0]
    return found


@lru_cache(maxsize=32)
def before_kernels(graph: ir.Graph) -> frozenset[str]:
    """The values that some layer with a kernel depends on."""
    found: set[str] = set()
    for node in reversed(graph.nodes):
        if node.name in found or node.op.has_kernel:
            found.update(node.inputs)
    return frozenset(found)
