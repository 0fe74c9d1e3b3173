"""Find the value that a network decides by, before the squashing activation that ends it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ir.graph import Graph, Node, pruned
from ir.ops import Concatenate, Op, Rescale

Level = tuple[Node, ...]
"""Nodes of one op, side by side, that lead to the output alike; nearly always a single one."""


@dataclass(frozen=True)
class Decision:
    """A graph that ends at its decision value, and the tail that makes the model's output of it.

    Attributes:
        graph: The part of the model up to the decision value, which is its only output. The value
            has the axes of the model's output: what reshapes, permutes or slices the output stays.
            Names that were taken off are aliases of the value they were made of.
        tail: From values of `graph`, the tail's inputs, to the model's own output. It has no
            weights. `None` where nothing was taken off: the output is the decision value.
        note: Why the output is explained as it is though it is squashed; empty otherwise.
    """

    graph: Graph
    tail: Graph | None = None
    note: str = ""


def decide(graph: Graph, output: bool = True) -> Decision:
    """Take off the squashing activation that ends a graph.

    The walk starts at the output and goes back through ops that keep what the output says of each
    value (`ir.Op.keeps_order`):

    - rearrangements, which move or copy values, and nearest interpolation;
    - functions of single values that do not fall, and products with a constant;
    - sums, averages, maxima and minima of one and the same value;
    - softmax, log-softmax and sparsemax.

    Seen from the output, what is taken off ends with the last activation that can change signs
    (softmax, sigmoid, softplus, ...). If there is none, it ends with the last that saturates (ReLU,
    tanh). Rearrangements stay. A negative constant stays as its sign. Several values side by side
    (`Concatenate`) lose their activation where it is the same function of single values. Heads that
    are averaged, or concatenated after different activations, have no single decision value, and
    `note` says so.

    Args:
        graph: A graph with one output, as `select_output` makes it.
        output: Whether that is an output of the model. At an inner layer only what changes signs is
            taken off.

    Returns:
        The graph up to the decision value with the tail that was taken off.

    Example:
        >>> import ir
        >>> nodes = [
        ...     ir.Node("fc", ir.Dense(), ("x",), "fc"),
        ...     ir.Node("p", ir.Activation("sigmoid"), ("fc",)),
        ...     ir.Node("flat", ir.Flatten(), ("p",)),
        ... ]
        >>> found = decide(ir.Graph(nodes, ["x"], ["flat"]))
        >>> [node.name for node in found.graph.nodes], [node.name for node in found.tail.nodes]
        (['fc', 'flat'], ['p', 'flat'])
        >>> found.tail.inputs
        ('fc',)
    """
    levels, stop = _levels(graph)
    ends = [any(node.op.changes_sign for node in level) for level in levels]
    if output and not any(ends):
        ends = [level[0].op.squashes for level in levels]
    if not any(ends):
        passed = [node.name for level in levels for node in level]
        return Decision(graph, note=_joined(graph, [*passed, *stop]) if output else "")
    taken = levels[: len(ends) - ends[::-1].index(True)]
    same = _same_values(graph)
    return Decision(_before(graph, taken, same), _tail(graph, taken, same))


def _levels(graph: Graph) -> tuple[list[Level], tuple[str, ...]]:
    """The ops that the walk from the output goes through, and the values that it ends at."""
    same, levels = _same_values(graph), list[Level]()
    values, parallel = graph.outputs, False
    while True:
        nodes = tuple(node for node in map(graph.get, values) if node is not None)
        if len(nodes) < len(values) or len({node.op for node in nodes}) > 1:
            return levels, values
        op, inputs = (
            nodes[0].op,
            tuple(dict.fromkeys(name for node in nodes for name in node.inputs)),
        )
        if len(nodes[0].inputs) > 1 and len({same[name] for name in inputs}) > 1:
            if not isinstance(op, Concatenate):
                return levels, values
            parallel = True
        elif not op.keeps_order or (parallel and _goes_along_an_axis(op)):
            return levels, values
        levels.append(nodes)
        values = inputs


def _goes_along_an_axis(op: Op) -> bool:
    """Whether an op is a softmax or its like: each of its values depends on several."""
    return op.squashes and not op.elementwise


def _same_values(graph: Graph) -> dict[str, str]:
    """For every value the first one with the same op, the same weights and equal inputs."""
    found: dict[tuple[Op, tuple[str, ...], str | None], str] = {}
    same = {name: name for name in graph.inputs}
    for node in graph.nodes:
        key = (node.op, tuple(same[name] for name in node.inputs), node.params)
        same[node.name] = found.setdefault(key, node.name)
    return same


def _joined(graph: Graph, values: Iterable[str]) -> str:
    """Why there is no single decision value behind some values; empty where there is one."""
    for name in values:
        node = graph.get(name)
        if node is None:
            continue
        ends = [end for end in (_last_op(graph, each) for each in node.inputs) if end is not None]
        if len(node.inputs) > 1 and any(end.changes_sign for end in ends):
            return f"{name!r} ({type(node.op).__name__}) joins several heads"
        if node.params is not None and any(map(_goes_along_an_axis, ends)):
            return f"{name!r} ({type(node.op).__name__}) reads a softmax"
    return ""


def _last_op(graph: Graph, name: str) -> Op | None:
    """The op that a value comes from, behind what moves it; `None` for an input."""
    node = graph.get(name)
    while node is not None and node.op.copies and len(node.inputs) == 1:
        node = graph.get(node.inputs[0])
    return None if node is None else node.op


def _before(graph: Graph, levels: list[Level], same: Mapping[str, str]) -> Graph:
    """The graph without the activations, constants and sums of levels; rearrangements stay."""
    in_tail = {node.name for level in levels for node in level}
    stands_for: dict[str, str] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.name not in in_tail:
            nodes.append(node)
            continue
        inputs = tuple(stands_for.get(name, same[name]) for name in node.inputs)
        if isinstance(node.op, Rescale) and node.op.scale < 0:
            nodes.append(replace(node, op=Rescale(-1.0), inputs=inputs))
        elif node.op.moves:
            nodes.append(replace(node, inputs=inputs))
        else:
            stands_for[node.name] = inputs[0]
    (name,) = graph.outputs
    end = stands_for.get(name, name)
    nodes = pruned(nodes, [end])
    return Graph(nodes, graph.inputs, [end], _aliases(graph, nodes, stands_for))


def _aliases(
    graph: Graph, nodes: Iterable[Node], stands_for: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The old aliases, and the names that were taken off, of values that are still there."""
    kept = {*graph.inputs, *(node.name for node in nodes)}
    old = [(alias, stands_for.get(name, name)) for alias, name in graph.aliases]
    return [(alias, name) for alias, name in (*old, *stands_for.items()) if name in kept]


def _tail(graph: Graph, levels: list[Level], same: Mapping[str, str]) -> Graph:
    """What was taken off; of equal values it reads the first."""
    names = {node.name for level in levels for node in level}
    nodes = [
        replace(node, inputs=tuple(name if name in names else same[name] for name in node.inputs))
        for node in graph.nodes
        if node.name in names
    ]
    inputs = dict.fromkeys(name for node in nodes for name in node.inputs if name not in names)
    return Graph(nodes, tuple(inputs), graph.outputs)
