"""The graph: nodes in topological order, immutable and hashable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ir.analysis.layout import said_layout
from ir.ops import Op, Shape, ShapeError
from ir.ops.base import channel_axis
from ir.ops.interval import ANYTHING, UNIT, Interval, within

Params = Mapping[str, Mapping[str, Any]]
"""Weights: `{layer: {role: array}}`, a plain nested dict."""


class GraphError(ValueError):
    """The nodes do not make a graph, or the graph has no such name.

    Example:
        >>> import ir
        >>> ir.Graph([ir.Node("relu", ir.Relu(), ("x",))], inputs=["image"], outputs=["relu"])
        Traceback (most recent call last):
        ir.GraphError: Node 'relu' reads 'x', which no input and no earlier node provides.
    """

    __module__ = "ir"  # a traceback shows the name that users import


@dataclass(frozen=True)
class Node:
    """One op applied to named values.

    Attributes:
        name: The name that users see. It is unique in the graph.
        op: The op.
        inputs: The names of the values that the op reads.
        params: The key of its weights. All calls of a shared layer have the same key. `None` for
            an op without weights.

    Example:
        >>> import ir
        >>> ir.Node("fc", ir.Dense(), ("image",), params="fc").name
        'fc'
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    params: str | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in topological order, with the names of the graph's inputs and outputs.

    Equal graphs have equal hashes, and each graph computes its hash once. So a graph is a cheap
    static argument of `jax.jit`.

    Attributes:
        nodes: The nodes. Each comes after those that it reads.
        inputs: The names of the values that come from outside. They are not nodes.
        outputs: The names of the values that come out.
        aliases: More names for values, as pairs (alias, name). A dropout layer, which does nothing
            at inference, is an alias of its input. A nested model's name is an alias of its
            output.

    Raises:
        ir.GraphError: A name stands for two values, a node reads a name that nothing before it
            has, or nothing reads a node that is not an output.

    Example:
        >>> import ir
        >>> nodes = [ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("relu", ir.Relu(), ("fc",))]
        >>> graph = ir.Graph(nodes, inputs=["x"], outputs=["relu"])
        >>> graph["relu"].inputs, graph.readers["fc"]
        (('fc',), ('relu',))
    """

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = field(default=())

    def __init__(
        self,
        nodes: Sequence[Node],
        inputs: Sequence[str],
        outputs: Sequence[str],
        aliases: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    ) -> None:
        object.__setattr__(self, "nodes", tuple(nodes))
        object.__setattr__(self, "inputs", tuple(inputs))
        object.__setattr__(self, "outputs", tuple(outputs))
        pairs = aliases.items() if isinstance(aliases, Mapping) else aliases
        object.__setattr__(self, "aliases", tuple((a, b) for a, b in pairs))
        self._check()

    def _check(self) -> None:
        """Raise `GraphError` unless the nodes make a graph."""
        bound: set[str] = set()
        for name in self.inputs:
            _bind(bound, name)
        for node in self.nodes:
            for name in node.inputs:
                if name not in bound:
                    raise GraphError(
                        f"Node {node.name!r} reads {name!r}, which no input and no earlier node "
                        "provides."
                    )
            _bind(bound, node.name)
        for name in self.outputs:
            if name not in bound:
                raise GraphError(f"The graph's output {name!r} is neither an input nor a node.")
        if not self.outputs:
            raise GraphError("A graph needs at least one output.")
        read = self.readers.keys() | set(self.outputs)
        dangling = [node.name for node in self.nodes if node.name not in read]
        if dangling:
            raise GraphError(
                f"Nothing reads {', '.join(map(repr, dangling))}: remove such nodes or name them "
                "as outputs."
            )
        values = frozenset(bound)
        for alias, name in self.aliases:
            _bind(bound, alias)
            if name not in values:
                raise GraphError(
                    f"Alias {alias!r} stands for {name!r}, which is neither an input nor a node."
                )

    @cached_property
    def _key(self) -> tuple[Any, ...]:
        return (self.nodes, self.inputs, self.outputs, self.aliases)

    @cached_property
    def _hash(self) -> int:
        return hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Graph) and self._hash == other._hash and self._key == other._key

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def __getitem__(self, name: str) -> Node:
        """The node of this name."""
        return self._by_name[name]

    def get(self, name: str) -> Node | None:
        """The node of this name; `None` for an input, an alias or an unknown name."""
        return self._by_name.get(name)

    def __contains__(self, name: str) -> bool:
        """Whether a node has this name (inputs and aliases are not nodes)."""
        return name in self._by_name

    @cached_property
    def readers(self) -> dict[str, tuple[str, ...]]:
        """For each value that is read, the names of the nodes that read it, in order."""
        found: dict[str, list[str]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node.name)
        return {name: tuple(nodes) for name, nodes in found.items()}

    @cached_property
    def values(self) -> dict[str, str]:
        """For each name of an input, a node or an alias, the name of its value."""
        own = {name: name for name in (*self.inputs, *self._by_name)}
        return own | dict(self.aliases)

    @cached_property
    def data_format(self) -> str:
        """The layout of the graph's images, `"channels_last"` or `"channels_first"`.

        The first op behind an input that has a layout decides (`ir.analysis.layout`). Without one,
        it is `"channels_first"` if any op says so. The shape of an image can say more: see
        `ir.analysis.layout.layout_of`.
        """
        said = said_layout(self)
        if said is not None:
            return said
        formats = {getattr(node.op, "data_format", "channels_last") for node in self.nodes}
        return "channels_first" if "channels_first" in formats else "channels_last"

    def channel_axis(self, rank: int, name: str | None = None) -> int:
        """The index of the channel axis of a value.

        Args:
            rank: The number of dimensions, batch included.
            name: The value's name. Without it, the value has the layout of the graph's images. All
                values have that layout unless the graph permutes axes.
        """
        said = None if name is None else said_layout(self, name, rank)
        return channel_axis(said or self.data_format, rank) if rank > 2 else rank - 1

    @cached_property
    def bounds(self) -> dict[str, Interval]:
        """For each value, the interval (low, high) that holds it for all weights and images."""
        known: dict[str, Interval] = dict.fromkeys(self.inputs, ANYTHING)
        for node in self.nodes:
            known[node.name] = node.op.bounds(*(known[name] for name in node.inputs))
        return known

    @cached_property
    def nonnegative(self) -> frozenset[str]:
        """The values that are never below zero, for any weights and images."""
        return frozenset(name for name, (low, _) in self.bounds.items() if low >= 0)

    @cached_property
    def gates(self) -> dict[str, tuple[bool, ...]]:
        """For each product (`Multiply`), which of its inputs are gates.

        A gate says how much of another input passes: it always lies within 0…1, and the other does
        not. If all inputs lie within 0…1, none of them is a gate.
        """
        found = {}
        for node in self.nodes:
            if node.op.multiplies and node.op.elementwise:
                inside = tuple(within(self.bounds[name], UNIT) for name in node.inputs)
                found[node.name] = tuple(gate and not all(inside) for gate in inside)
        return found

    def shapes(self, params: Params, inputs: Sequence[Shape]) -> dict[str, Shape]:
        """The shape of every value, batch first, from the weights' and the inputs' shapes.

        Args:
            params: The weights, or anything with their shapes.
            inputs: One shape per input of the graph, batch first.

        Raises:
            ir.ShapeError: Inputs or weights do not fit. The error names the first such node.
        """
        if len(inputs) != len(self.inputs):
            raise ShapeError(
                f"The graph has the inputs {', '.join(self.inputs)}, but {len(inputs)} shapes were "
                "given."
            )
        shapes: dict[str, Shape] = dict(zip(self.inputs, (tuple(s) for s in inputs), strict=True))
        for node in self.nodes:
            if node.params is not None and node.params not in params:
                raise ShapeError(
                    f"Layer {node.name!r} needs the weights {node.params!r}, which the params do "
                    "not have."
                )
            weights = params[node.params] if node.params is not None else {}
            try:
                shapes[node.name] = node.op.output_shape(
                    weights, *(shapes[name] for name in node.inputs)
                )
            except ShapeError as error:
                raise ShapeError(
                    f"Layer {node.name!r} ({type(node.op).__name__}) {error}"
                ) from None
        return shapes


def pruned(nodes: Sequence[Node], outputs: Sequence[str]) -> list[Node]:
    """The nodes that an output depends on.

    Args:
        nodes: Nodes in topological order.
        outputs: The names of the outputs.

    Returns:
        These nodes, in the same order.

    Example:
        >>> import ir
        >>> nodes = [ir.Node("a", ir.Relu(), ("x",)), ir.Node("b", ir.Relu(), ("x",))]
        >>> [node.name for node in ir.pruned(nodes, outputs=["b"])]
        ['b']
    """
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def _bind(bound: set[str], name: str) -> None:
    """Add a name that no other value has."""
    if name in bound:
        raise GraphError(f"The name {name!r} stands for two values of the graph.")
    bound.add(name)
