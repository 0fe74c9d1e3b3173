"""Which nodes a rule is for: by kind, fact, name, place in the data flow, and combinations.

An entry of a composite may also name op classes, a glob, or any function of (graph, node) directly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import ir
from ir.ops.facts import OpFacts
from jlrp.composites.flow import before_kernels, depths, heads, on_images, projections

Kinds = type[ir.Op] | tuple[type[ir.Op], ...]
"""One op class, or several."""

Predicate = Kinds | str | Callable[[ir.Graph, ir.Node], bool]
"""What an entry of a composite may begin with."""


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

    Example:
        >>> import ir, jlrp
        >>> graph = ir.Graph([ir.Node("res2a", ir.Conv(), ("x",), "res2a")], ["x"], ["res2a"])
        >>> (jlrp.Kind(ir.Convolution) & "res*")(graph, graph["res2a"])
        True
        >>> (~jlrp.Kind(ir.Dense))(graph, graph["res2a"])
        True
    """

    kinds: Kinds

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return isinstance(node.op, self.kinds)


@dataclass(frozen=True)
class Fact(_Combinable):
    """Nodes of whose op a fact is true.

    Attributes:
        name: A fact that `ir.Op` states, such as `"sums"`, `"selects"` or `"has_kernel"`.

    Raises:
        ValueError: There is no fact of this name.

    Example:
        >>> import ir, jlrp
        >>> graph = ir.Graph([ir.Node("a", ir.Add(), ("x", "y"))], ["x", "y"], ["a"])
        >>> jlrp.Fact("sums")(graph, graph["a"]), jlrp.Fact("selects")(graph, graph["a"])
        (True, False)
    """

    name: str

    def __post_init__(self) -> None:
        facts = [name for name, value in vars(OpFacts).items() if isinstance(value, property)]
        if self.name not in facts:
            raise ValueError(f"Ops have no fact {self.name!r:.80}; they have {', '.join(facts)}.")

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return bool(getattr(node.op, self.name))


@dataclass(frozen=True)
class Named(_Combinable):
    """Nodes whose name matches a glob: `*` stands for any letters, `?` for one.

    Example:
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
    """Dense layers that act on every position of an image or a series.

    They are 1×1 convolutions by another name.

    Example:
        >>> import ir, jlrp
        >>> nodes = [ir.Node("c", ir.Conv(), ("x",), "c"), ir.Node("d", ir.Dense(), ("c",), "d")]
        >>> nodes += [ir.Node("flat", ir.Flatten(), ("d",))]
        >>> nodes += [ir.Node("e", ir.Dense(), ("flat",), "e")]
        >>> graph = ir.Graph(nodes, ["x"], ["e"])
        >>> [node.name for node in graph.nodes if jlrp.Pointwise()(graph, node)]
        ['d']
    """

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return isinstance(node.op, ir.Dense) and node.name in on_images(graph)


@dataclass(frozen=True)
class Projection(_Combinable):
    """Layers with a kernel that make the factors of attention, or read what it makes.

    They are found by data flow: nothing but the layer leads to a factor of a product of matrices,
    or only moves and scales lie between a product and the layer.

    Example:
        >>> import ir, jlrp
        >>> nodes = [ir.Node(n, ir.Dense(), ("x",), n) for n in ("q", "k", "fc")]
        >>> nodes += [ir.Node("scores", ir.Einsum("nqd,nkd->nqk"), ("q", "k"))]
        >>> graph = ir.Graph(nodes, ["x"], ["scores", "fc"])
        >>> [jlrp.Projection()(graph, node) for node in nodes]
        [True, True, False, False]
    """

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return node.op.has_kernel and node.name in projections(graph)


@dataclass(frozen=True)
class First(_Combinable):
    """Nodes before which there is no layer with a kernel on any path from an input.

    Attributes:
        kinds: The classes of the nodes' ops; `None` for all layers with a kernel.

    Example:
        >>> import ir, jlrp
        >>> nodes = [ir.Node("a", ir.Conv(), ("x",), "a"), ir.Node("b", ir.Conv(), ("a",), "b")]
        >>> graph = ir.Graph(nodes, ["x"], ["b"])
        >>> [jlrp.First()(graph, node) for node in nodes]
        [True, False]
    """

    kinds: Kinds | None = None

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return _is_layer(node.op, self.kinds) and depths(graph)[node.name] == 0


@dataclass(frozen=True)
class Last(_Combinable):
    """Nodes after which there is no layer with a kernel on any path to an output.

    Attributes:
        kinds: As in `First`.

    Example:
        >>> import ir, jlrp
        >>> nodes = [ir.Node("a", ir.Conv(), ("x",), "a"), ir.Node("b", ir.Conv(), ("a",), "b")]
        >>> graph = ir.Graph(nodes, ["x"], ["b"])
        >>> [jlrp.Last()(graph, node) for node in nodes]
        [False, True]
    """

    kinds: Kinds | None = None

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return _is_layer(node.op, self.kinds) and node.name not in before_kernels(graph)


@dataclass(frozen=True)
class Head(_Combinable):
    """Nodes that make the decision value: no activation and no layer with a kernel follows.

    There relevance can start below zero, and what excites a class must not become negative then.

    Attributes:
        kinds: As in `First`.

    Example:
        >>> import ir, jlrp
        >>> nodes = [ir.Node("a", ir.Conv(), ("x",), "a"), ir.Node("b", ir.Conv(), ("a",), "b")]
        >>> mean = ir.Node("mean", ir.GlobalAvgPool(), ("b",))
        >>> graph = ir.Graph([*nodes, mean], ["x"], ["mean"])
        >>> [jlrp.Head()(graph, node) for node in nodes]
        [False, True]
    """

    kinds: Kinds | None = None

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return _is_layer(node.op, self.kinds) and node.name in heads(graph)


@dataclass(frozen=True)
class Depth(_Combinable):
    """Nodes with a certain number of layers with a kernel before them, on the longest path.

    Attributes:
        start: The smallest number.
        stop: The first number that is too large; `None` for no upper end.

    Example:
        >>> import ir, jlrp
        >>> nodes = [ir.Node("a", ir.Conv(), ("x",), "a"), ir.Node("r", ir.Relu(), ("a",))]
        >>> graph = ir.Graph(nodes, ["x"], ["r"])
        >>> [jlrp.Depth(1)(graph, node) for node in nodes]
        [False, True]
    """

    start: int = 0
    stop: int | None = None

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        depth = depths(graph)[node.name]
        return depth >= self.start and (self.stop is None or depth < self.stop)


@dataclass(frozen=True)
class All(_Combinable):
    """Nodes of which all of several predicates are true, as `&` makes it.

    Example:
        >>> import ir, jlrp
        >>> jlrp.Kind(ir.Conv) & "conv1"
        All(predicates=(Kind(kinds=<class 'ir.ops.linear.Conv'>), 'conv1'))
    """

    predicates: tuple[Predicate, ...]

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return all(matches(predicate, graph, node) for predicate in self.predicates)


@dataclass(frozen=True)
class Either(_Combinable):
    """Nodes of which at least one of several predicates is true, as `|` makes it.

    Example:
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
    """Nodes of which a predicate is not true, as `~` makes it.

    Example:
        >>> import ir, jlrp
        >>> ~jlrp.First()
        Not(predicate=First(kinds=None))
    """

    predicate: Predicate

    def __call__(self, graph: ir.Graph, node: ir.Node) -> bool:
        return not matches(self.predicate, graph, node)


def _is_layer(op: ir.Op, kinds: Kinds | None) -> bool:
    """Whether an op is of some classes, or has a kernel where no classes are given."""
    return op.has_kernel if kinds is None else isinstance(op, kinds)
