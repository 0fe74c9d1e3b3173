"""What a pass returns: a new graph, and how the old weights become the new ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ir.graph import Graph, Node, Params

Step = Callable[[Params], dict[str, Any]]
"""A pure function from weights to weights, hashable and equal by value.

It adds entries and changes none.
"""


@dataclass(frozen=True)
class Rewritten:
    """A graph equivalent to an earlier one.

    Attributes:
        graph: The new graph.
        steps: Functions that turn the earlier graph's weights into this one's. They work on NumPy
            arrays and under `jax.jit` alike.
        merged: Pairs (name that no longer exists, name of the value to ask for instead).

    Example:
        >>> import ir
        >>> graph = ir.Graph([ir.Node("relu", ir.Relu(), ("x",))], ["x"], ["relu"])
        >>> Rewritten(graph).then(ir.passes.fold_batchnorm).params({})
        {}
    """

    graph: Graph
    steps: tuple[Step, ...] = ()
    merged: tuple[tuple[str, str], ...] = field(default=())

    def params(self, params: Params) -> dict[str, Any]:
        """The weights of `graph`, from the weights of the graph that it was made from."""
        new: dict[str, Any] = dict(params)
        for step in self.steps:
            new = step(new)
        return new

    def then(self, rewrite: Callable[[Graph], "Rewritten"]) -> "Rewritten":
        """This rewrite followed by another."""
        after = rewrite(self.graph)
        lost = dict(after.merged)
        merged = {old: lost.get(new, new) for old, new in self.merged} | lost
        return Rewritten(after.graph, self.steps + after.steps, tuple(merged.items()))


def rebuilt(
    graph: Graph, nodes: list[Node], merged: Mapping[str, str], steps: tuple[Step, ...] = ()
) -> Rewritten:
    """A graph with other nodes; the aliases of values that were merged away go with them."""
    aliases = tuple((alias, name) for alias, name in graph.aliases if name not in merged)
    gone = dict(merged) | {alias: merged[name] for alias, name in graph.aliases if name in merged}
    new = Graph(nodes, graph.inputs, graph.outputs, aliases)
    return Rewritten(new, steps, tuple(gone.items()))
