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
    """Nodes that do not make a graph, or a name that the graph does not have.

    >>> import ir
    >>> ir.Graph([ir.Node("relu", ir.Relu(), ("x",))], inputs=["image"], outputs=["relu"])
    Traceback (most recent call last):
    ir.GraphError: Node 'relu' reads 'x', which no input and no earlier node provides.
    """

    __module__ = "ir"  # a traceback shows the name that users import


@dataclass(frozen=True)
class Node:
    """One op applied to named values.

    `name` is unique and what users see; `inputs` names the values it reads; `params` is the key of its weights, the
    same for every call of a shared layer, `None` for an op without weights.

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

    `inputs` are values given from outside, not nodes. `aliases` are further names for values, as pairs (alias, name):
    a dropout layer that does nothing at inference, a nested model's name for its output.

    Checked when made: every name is bound once and before it is read, and every node's output is read or is an
    output of the graph; anything else raises `GraphError`. Equal graphs hash alike and the hash is kept, so that a
    graph is a cheap static argument of `jax.jit`.

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
        bound: set[str] = set()
        for name in self.inputs:
            _bind(bound, name)
        for node in self.nodes:
            for name in node.inputs:
                if name not in bound:
                    raise GraphError(f"Node {node.name!r} reads {name!r}, which no input and no earlier node provides.")
            _bind(bound, node.name)
        for name in self.outputs:
            if name not in bound:
                raise GraphError(f"The graph's output {name!r} is no input and no node.")
        if not self.outputs:
            raise GraphError("A graph needs at least one output.")
        read = self.readers.keys() | set(self.outputs)
        dangling = [node.name for node in self.nodes if node.name not in read]
        if dangling:
            raise GraphError(
                f"Nothing reads {', '.join(map(repr, dangling))}: remove such nodes or name them as outputs."
            )
        values = frozenset(bound)
        for alias, name in self.aliases:
            _bind(bound, alias)
            if name not in values:
                raise GraphError(f"Alias {alias!r} stands for {name!r}, which is no input and no node.")

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
        """Every name that users may ask for (inputs, nodes, aliases) and the value it stands for."""
        own = {name: name for name in (*self.inputs, *self._by_name)}
        return own | dict(self.aliases)

    @cached_property
    def data_format(self) -> str:
        """The layout of the graph's images, as far as ops say it: `"channels_last"` or `"channels_first"`.

        It is what the first op says that reads an input and has a layout (`ir.analysis.layout`); where no such op does,
        `"channels_first"` if any op says so. The shape of an image may say more: see `layout_of`.
        """
        said = said_layout(self)
        if said is not None:
            return said
        formats = {getattr(node.op, "data_format", "channels_last") for node in self.nodes}
        return "channels_first" if "channels_first" in formats else "channels_last"

    def channel_axis(self, rank: int, name: str | None = None) -> int:
        """The index of the channel axis in a value of `rank` dimensions, batch included.

        `name` is the value's; without it, the value has the layout of the graph's images, as all values have unless
        axes are permuted within the graph.
        """
        said = None if name is None else said_layout(self, name, rank)
        return channel_axis(said or self.data_format, rank) if rank > 2 else rank - 1

    @cached_property
    def bounds(self) -> dict[str, Interval]:
        """The interval (low, high) in which each value certainly lies, whatever the weights and images are."""
        known: dict[str, Interval] = dict.fromkeys(self.inputs, ANYTHING)
        for node in self.nodes:
            known[node.name] = node.op.bounds(*(known[name] for name in node.inputs))
        return known

    @cached_property
    def nonnegative(self) -> frozenset[str]:
        """The values that cannot be below zero whatever the weights and images are."""
        return frozenset(name for name, (low, _) in self.bounds.items() if low >= 0)

    @cached_property
    def gates(self) -> dict[str, tuple[bool, ...]]:
        """For each product (`Multiply`), which of its inputs are gates.

        A gate certainly lies within 0 … 1 and some other input of the product does not: it says how much of the other
        passes. Where all inputs lie there, none of them is a gate.
        """
        found = {}
        for node in self.nodes:
            if node.op.multiplies and node.op.elementwise:
                inside = tuple(within(self.bounds[name], UNIT) for name in node.inputs)
                found[node.name] = tuple(gate and not all(inside) for gate in inside)
        return found

    def shapes(self, params: Params, inputs: Sequence[Shape]) -> dict[str, Shape]:
        """The shape of every value, batch first, from the weights' and the inputs' shapes.

        Raises `ShapeError` that names the first node whose inputs or weights do not fit.
        """
        if len(inputs) != len(self.inputs):
            raise ShapeError(f"The graph has the inputs {', '.join(self.inputs)}, but {len(inputs)} shapes were given.")
        shapes: dict[str, Shape] = dict(zip(self.inputs, (tuple(s) for s in inputs), strict=True))
        for node in self.nodes:
            if node.params is not None and node.params not in params:
                raise ShapeError(
                    f"Layer {node.name!r} needs the weights {node.params!r}, which the params do not have."
                )
            weights = params[node.params] if node.params is not None else {}
            try:
                shapes[node.name] = node.op.output_shape(weights, *(shapes[name] for name in node.inputs))
            except ShapeError as error:
                raise ShapeError(f"Layer {node.name!r} ({type(node.op).__name__}) {error}") from None
        return shapes


def pruned(nodes: Sequence[Node], outputs: Sequence[str]) -> list[Node]:
    """Those of `nodes` that some output depends on.

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
    if name in bound:
        raise GraphError(f"The name {name!r} stands for two values of the graph.")
    bound.add(name)
