"""Which nodes a rule is for: by kind, name, place in the data flow, and combinations of these.

An entry of a composite may also name op classes, a glob, or any function of (graph, node) directly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import ir

Predicate = type[ir.Op] | tuple[type[ir.Op], ...] | str | Callable[[ir.Graph, ir.Node], bool]
"""What an entry of a composite may begin with."""

LINEAR: tuple[type[ir.Op], ...] = (ir.Convolution, ir.Dense)
"""The layers that carry weights, which first, last and depth are counted in."""


class _Combinable:
    """Predicates that may be joined by `&`, `|` and `~`."""

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        raise NotImplementedError

    def __and__(self, other: Predicate) -> "All":
        return All((self, other))

    def __or__(self, other: Predicate) -> "Either":
        return Either((self, other))

    def __invert__(self) -> "Not":
        return Not(self)


def matches(predicate: Any, graph: ir.Graph, node: ir.Node) -> bool:
    """Whether a predicate of any form is true of a node."""
    if isinstance(predicate, str):
        return fnmatchcase(node.name, predicate)
    if isinstance(predicate, type | tuple):
        return isinstance(node.op, predicate)
    return bool(predicate(graph, node))


@dataclass(frozen=True)
class Kind(_Combinable):
    """Nodes whose op is of one of these classes.

    >>> import ir, jlrp
    >>> graph = ir.Graph([ir.Node("res2a", ir.Conv(), ("x",), "res2a")], ["x"], ["res2a"])
    >>> (jlrp.Kind(ir.Convolution) & "res*")(graph, graph["res2a"]), (~jlrp.Kind(ir.Dense))(graph, graph["res2a"])
    (True, True)
    """

    kinds: type[ir.Op] | tuple[type[ir.Op], ...]

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return isinstance(node.op, self.kinds)


@dataclass(frozen=True)
class Named(_Combinable):
    """Nodes whose name matches a glob, `*` and `?` standing for any letters or one.

    >>> import ir, jlrp
    >>> graph = ir.Graph([ir.Node("res2a", ir.Relu(), ("x",))], ["x"], ["res2a"])
    >>> jlrp.Named("res?a")(graph, graph["res2a"]), jlrp.Named("res3*")(graph, graph["res2a"])
    (True, False)
    """

    glob: str

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return fnmatchcase(node.name, self.glob)


@dataclass(frozen=True)
class Pointwise(_Combinable):
    """Dense layers that act on every position of an image or a series: 1×1 convolutions by another name.

    >>> import ir, jlrp
    >>> nodes = [ir.Node("c", ir.Conv(), ("x",), "c"), ir.Node("d", ir.Dense(), ("c",), "d")]
    >>> nodes += [ir.Node("flat", ir.Flatten(), ("d",)), ir.Node("e", ir.Dense(), ("flat",), "e")]
    >>> graph = ir.Graph(nodes, ["x"], ["e"])
    >>> [node.name for node in graph.nodes if jlrp.Pointwise()(graph, node)]
    ['d']
    """

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return isinstance(node.op, ir.Dense) and node.name in _on_images(graph)


@dataclass(frozen=True)
class First(_Combinable):
    """Nodes of these kinds before which there is no convolution or dense layer on any path from an input.

    >>> import ir, jlrp
    >>> nodes = [ir.Node("a", ir.Conv(), ("x",), "a"), ir.Node("b", ir.Conv(), ("a",), "b")]
    >>> graph = ir.Graph(nodes, ["x"], ["b"])
    >>> [jlrp.First()(graph, node) for node in nodes]
    [True, False]
    """

    kinds: tuple[type[ir.Op], ...] = LINEAR

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return isinstance(node.op, self.kinds) and _depths(graph)[node.name] == 0


@dataclass(frozen=True)
class Last(_Combinable):
    """Nodes of these kinds after which there is no convolution or dense layer on any path to an output.

    >>> import ir, jlrp
    >>> nodes = [ir.Node("a", ir.Conv(), ("x",), "a"), ir.Node("b", ir.Conv(), ("a",), "b")]
    >>> graph = ir.Graph(nodes, ["x"], ["b"])
    >>> [jlrp.Last()(graph, node) for node in nodes]
    [False, True]
    """

    kinds: tuple[type[ir.Op], ...] = LINEAR

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return isinstance(node.op, self.kinds) and node.name not in _before_linear(graph)


@dataclass(frozen=True)
class Head(_Combinable):
    """The layers that make the decision value: no activation and no other layer lies between.

    There relevance can start below zero, and what excites a class must not become negative then.

    >>> import ir, jlrp
    >>> nodes = [ir.Node("a", ir.Conv(), ("x",), "a"), ir.Node("b", ir.Conv(), ("a",), "b")]
    >>> graph = ir.Graph([*nodes, ir.Node("mean", ir.GlobalAvgPool(), ("b",))], ["x"], ["mean"])
    >>> [jlrp.Head()(graph, node) for node in nodes]
    [False, True]
    """

    kinds: tuple[type[ir.Op], ...] = LINEAR

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return isinstance(node.op, self.kinds) and node.name in heads(graph)


@dataclass(frozen=True)
class Depth(_Combinable):
    """Nodes with at least `start` and fewer than `stop` convolutions and dense layers before them.

    Counted on the longest path from an input; `stop=None` has no upper end.

    >>> import ir, jlrp
    >>> nodes = [ir.Node("a", ir.Conv(), ("x",), "a"), ir.Node("r", ir.Relu(), ("a",))]
    >>> graph = ir.Graph(nodes, ["x"], ["r"])
    >>> [jlrp.Depth(1)(graph, node) for node in nodes]
    [False, True]
    """

    start: int = 0
    stop: int | None = None

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        depth = _depths(graph)[node.name]
        return depth >= self.start and (self.stop is None or depth < self.stop)


@dataclass(frozen=True)
class All(_Combinable):
    """Nodes of which all of several predicates are true; what `&` makes.

    >>> import ir, jlrp
    >>> jlrp.Kind(ir.Conv) & "conv1"
    All(predicates=(Kind(kinds=<class 'ir.ops.linear.Conv'>), 'conv1'))
    """

    predicates: tuple[Predicate, ...]

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return all(matches(predicate, graph, node) for predicate in self.predicates)


@dataclass(frozen=True)
class Either(_Combinable):
    """Nodes of which at least one of several predicates is true; what `|` makes.

    >>> import ir, jlrp
    >>> graph = ir.Graph([ir.Node("a", ir.Relu(), ("x",))], ["x"], ["a"])
    >>> (jlrp.Named("b") | ir.Relu)(graph, graph["a"])
    True
    """

    predicates: tuple[Predicate, ...]

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return any(matches(predicate, graph, node) for predicate in self.predicates)


@dataclass(frozen=True)
class Not(_Combinable):
    """Nodes of which a predicate is not true; what `~` makes.

    >>> import ir, jlrp
    >>> ~jlrp.First()
    Not(predicate=First(kinds=(<class 'ir.ops.linear.Convolution'>, <class 'ir.ops.linear.Dense'>)))
    """

    predicate: Predicate

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return not matches(self.predicate, graph, node)


@lru_cache(maxsize=32)
def _depths(graph: ir.Graph) -> dict[str, int]:
    """How many convolutions and dense layers lie before each node on the longest path."""
    depths = dict.fromkeys(graph.inputs, 0)
    after = dict(depths)  # the same count behind the node
    for node in graph.nodes:
        depths[node.name] = max(after[name] for name in node.inputs)
        after[node.name] = depths[node.name] + isinstance(node.op, LINEAR)
    return depths


@lru_cache(maxsize=32)
def _on_images(graph: ir.Graph) -> frozenset[str]:
    """The values that certainly have axes between batch and channels: of convolutions and pooling, until flattened."""
    found: set[str] = set()
    for node in graph.nodes:
        op = node.op
        if isinstance(op, ir.Flatten) or (isinstance(op, ir.GlobalPool) and not op.keepdims):
            continue
        if isinstance(op, ir.Reshape | ir.Slice | ir.Dot):
            if isinstance(op, ir.Reshape) and len(op.shape) > 1:
                found.add(node.name)
        elif isinstance(op, ir.Convolution | ir.Pool) or not found.isdisjoint(node.inputs):
            found.add(node.name)
    return frozenset(found)


@lru_cache(maxsize=32)
def heads(graph: ir.Graph) -> frozenset[str]:
    """The convolutions and dense layers that reach an output without an activation or another such layer between."""
    open_ends, found = set(graph.outputs), set()
    for node in reversed(graph.nodes):
        if node.name in open_ends:
            if isinstance(node.op, LINEAR):
                found.add(node.name)
            elif not isinstance(node.op, ir.ActivationOp):
                open_ends.update(node.inputs)
    return frozenset(found)


@lru_cache(maxsize=32)
def _before_linear(graph: ir.Graph) -> frozenset[str]:
    """The values that some convolution or dense layer depends on."""
    found: set[str] = set()
    for node in reversed(graph.nodes):
        if node.name in found or isinstance(node.op, LINEAR):
            found.update(node.inputs)
    return frozenset(found)
