"""What a pass returns: a new graph, and how the old weights become the new ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ir.graph import Graph, Node, Params

Step = Callable[[Params], dict[str, Any]]
"""A pure function from weights to weights, hashable and equal by value; it adds entries and changes none."""


@dataclass(frozen=True)
class Rewritten:
    """A graph equivalent to an earlier one.

    steps: turn the earlier graph's weights into this one's; they work on NumPy arrays and under `jax.jit` alike.
    merged: pairs (name that no longer exists, name of the value to ask for instead).
    """

    graph: Graph
    steps: tuple[Step, ...] = ()
    merged: tuple[tuple[str, str], ...] = field(default=())

    def params(self, params: Params) -> dict[str, Any]:
        """The weights of `graph` from the weights of the graph it was made from."""
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


def rebuilt(graph: Graph, nodes: list[Node], merged: Mapping[str, str], steps: tuple[Step, ...] = ()) -> Rewritten:
    """`graph` with other nodes; aliases of values that were merged away go with them."""
    aliases = tuple((alias, name) for alias, name in graph.aliases if name not in merged)
    gone = dict(merged) | {alias: merged[name] for alias, name in graph.aliases if name in merged}
    return Rewritten(Graph(nodes, graph.inputs, graph.outputs, aliases), steps, tuple(gone.items()))
