"""Make zero padding part of the convolution that reads it."""

from dataclasses import replace

from ir.graph import Graph, Node, pruned
from ir.ops import Convolution, ZeroPad
from ir.passes.base import Rewritten, rebuilt


def fold_padding(graph: Graph) -> Rewritten:
    """Convolutions pad for themselves what a `ZeroPad` before them padded.

    Cases: `ZeroPad` → convolution with `valid` or explicit padding of the same data format: the pairs are added up
    (also through several `ZeroPad`s). A `ZeroPad` that something else reads too, or that is an output, stays for
    that reader. Convolutions with `same` padding keep their `ZeroPad`, as their own padding depends on the image size.
    """
    by_name = {node.name: node for node in graph.nodes}
    nodes: list[Node] = []
    folded: dict[str, str] = {}
    for node in graph.nodes:
        while isinstance(node.op, Convolution) and _foldable(node, by_name.get(node.inputs[0])):
            pad = by_name[node.inputs[0]]
            folded[pad.name] = node.name
            own = node.op.padding if node.op.padding != "valid" else ((0, 0),) * len(pad.op.padding)
            pairs = tuple((a + c, b + d) for (a, b), (c, d) in zip(own, pad.op.padding, strict=True))
            node = replace(node, op=replace(node.op, padding=pairs), inputs=pad.inputs)
        nodes.append(node)
    nodes = pruned(nodes, graph.outputs)
    kept = {node.name for node in nodes}
    return rebuilt(graph, nodes, {name: into for name, into in folded.items() if name not in kept})


def _foldable(node: Node, pad: Node | None) -> bool:
    return (
        pad is not None
        and isinstance(pad.op, ZeroPad)
        and pad.op.data_format == node.op.data_format
        and node.op.padding != "same"
        and len(pad.op.padding) == len(node.op.strides)
    )
