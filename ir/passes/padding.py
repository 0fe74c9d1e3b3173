"""Make zero padding part of the convolution that reads it."""

from dataclasses import replace

from ir.graph import Graph, Node, pruned
from ir.ops import Convolution, Op, ZeroPad
from ir.passes.base import Rewritten, rebuilt


def fold_padding(graph: Graph) -> Rewritten:
    """Make the zeros of a `ZeroPad` the padding of the convolution behind it.

    The case is `ZeroPad` → convolution with `valid` or explicit padding and the same data format.
    The pairs add up, also through several `ZeroPad`s. A `ZeroPad` that something else reads too, or
    that is an output, stays for that reader. Convolutions with `same` padding keep their `ZeroPad`,
    as their own padding depends on the image size. So do transposed ones, whose padding means
    something else.

    Args:
        graph: Any graph.

    Returns:
        The rewritten graph; the weights stay as they are.

    Example:
        >>> import ir
        >>> nodes = [ir.Node("pad", ir.ZeroPad(), ("x",)), ir.Node("c", ir.Conv(), ("pad",), "c")]
        >>> print(fold_padding(ir.Graph(nodes, ["x"], ["c"])).graph["c"].op)
        Conv(padding=((1, 1), (1, 1)))
    """
    by_name = {node.name: node for node in graph.nodes}
    nodes: list[Node] = []
    folded: dict[str, str] = {}
    for node in graph.nodes:
        while (op := _padded_by(node.op, by_name.get(node.inputs[0]))) is not None:
            pad = by_name[node.inputs[0]]
            folded[pad.name] = node.name
            node = replace(node, op=op, inputs=pad.inputs)
        nodes.append(node)
    nodes = pruned(nodes, graph.outputs)
    kept = {node.name for node in nodes}
    return rebuilt(graph, nodes, {name: into for name, into in folded.items() if name not in kept})


def _padded_by(op: Op, before: Node | None) -> Op | None:
    """A convolution with the padding of the node before it added; `None` where that cannot be."""
    if not isinstance(op, Convolution) or op.transposed or op.padding == "same" or before is None:
        return None
    pad = before.op
    if not isinstance(pad, ZeroPad) or pad.data_format != op.data_format:
        return None
    if len(pad.padding) != len(op.strides):
        return None
    own = ((0, 0),) * len(pad.padding) if isinstance(op.padding, str) else op.padding
    return replace(
        op, padding=tuple((a + c, b + d) for (a, b), (c, d) in zip(own, pad.padding, strict=True))
    )
