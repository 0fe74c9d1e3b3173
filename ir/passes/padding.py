"""Make zero padding part of the convolution that reads it."""

from dataclasses import replace

from ir.graph import Graph, Node, pruned
from ir.ops import Conv, DepthwiseConv, Op, ZeroPad
from ir.passes.base import Rewritten, rebuilt


def fold_padding(graph: Graph) -> Rewritten:
    """Convolutions pad for themselves what a `ZeroPad` before them padded.

    Cases: `ZeroPad` → convolution with `valid` or explicit padding of the same data format: the pairs are added up
    (also through several `ZeroPad`s). A `ZeroPad` that something else reads too, or that is an output, stays for
    that reader. Convolutions with `same` padding keep their `ZeroPad`, as their own padding depends on the image size;
    so do transposed ones, for which padding is another thing.
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
    """The convolution with the padding of the node before it added to its own; `None` where that cannot be."""
    if not isinstance(op, Conv | DepthwiseConv) or op.padding == "same" or before is None:
        return None
    pad = before.op
    if not isinstance(pad, ZeroPad) or pad.data_format != op.data_format or len(pad.padding) != len(op.strides):
        return None
    own = ((0, 0),) * len(pad.padding) if isinstance(op.padding, str) else op.padding
    return replace(op, padding=tuple((a + c, b + d) for (a, b), (c, d) in zip(own, pad.padding, strict=True)))
