"""Conditions: the channels that keep their relevance, and the paths that are closed."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import flax.struct
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

import ir
from jlrp.composites.composite import Edge
from jlrp.propagation.arrays import as_any_array

Condition = Mapping[str, int | Sequence[int]]
"""A condition: `{layer: channels}`."""


@flax.struct.dataclass
class Conditions:
    """Several conditions at once; every array has an entry for each condition.

    Attributes:
        channels: `{value: indices}`, each array (conditions, most), padded with -1.
        everything: `{value: flags}`, each array (conditions,), true where a condition does not
            name the value and all its channels stay.
        closed: `{edge: flags}`, each array (conditions,), true where no relevance goes along the
            edge. Edges that are always open are left out.
        number: The numbers of the conditions, (conditions,). A condition without layers still has
            this array to map over.
    """

    channels: dict[str, Array]
    everything: dict[str, Array]
    closed: dict[Edge, Array]
    number: Array


def conditions_of(
    graph: ir.Graph,
    conditions: Sequence[Condition],
    values: Mapping[str, str],
    exclude_parallel: bool,
) -> Conditions:
    """Conditions as arrays.

    Args:
        graph: The graph that relevance goes through.
        conditions: Each is `{layer: channels}`.
        values: For every layer that a condition names, the value that it stands for.
        exclude_parallel: Whether to drop relevance that reaches an input past the layers of a
            condition.

    Raises:
        ValueError: Channels are no indices.
    """
    channels, everything = {}, {}
    for name, value in values.items():
        rows = [_indices(name, condition.get(name, ())) for condition in conditions]
        filled = np.full((len(rows), max(1, *(len(row) for row in rows))), -1)
        for index, row in enumerate(rows):
            filled[index, : len(row)] = row
        channels[value] = jnp.asarray(filled)
        everything[value] = jnp.asarray([name not in condition for condition in conditions])
    closed: dict[Edge, Array] = {}
    if exclude_parallel:
        each = [
            closed_edges(graph, frozenset(values[name] for name in condition))
            for condition in conditions
        ]
        closed = {
            edge: jnp.asarray([edge in edges for edges in each])
            for edge in sorted(frozenset().union(*each))
        }
    return Conditions(channels, everything, closed, jnp.arange(len(conditions)))


def _indices(name: str, channels: Any) -> NDArray[Any]:
    """A layer's channels as an array; `ValueError` where they are no indices."""
    row = np.atleast_1d(as_any_array(channels, "Channels"))
    whole = row.size == 0 or np.issubdtype(row.dtype, np.integer)
    if not whole or row.ndim > 1 or (row < 0).any() or isinstance(row, np.ma.MaskedArray):
        raise ValueError(
            f"The channels of layer {name!r} are indices from 0 up, alone or in a sequence, "
            f"not {str(channels)[:80]!r}."
        )
    return row.astype(int)


@lru_cache(maxsize=256)
def closed_edges(graph: ir.Graph, through: frozenset[str]) -> frozenset[Edge]:
    """Find the edges on no path from the output to an input through some values.

    A path passes all values that lie behind each other. Where neither of two values precedes the
    other, a path through either counts. Without any values all paths are open.

    Args:
        graph: The graph.
        through: The names of the values.

    Returns:
        Each edge as the name of a node and the position of its input.

    Example:
        >>> import ir
        >>> nodes = [ir.Node("a", ir.Relu(), ("x",)), ir.Node("sum", ir.Add(), ("a", "x"))]
        >>> closed_edges(ir.Graph(nodes, ["x"], ["sum"]), frozenset({"a"}))
        frozenset({('sum', 1)})
    """
    if not through:
        return frozenset()
    above = {name: _upstream(graph, name) for name in through}
    below = {name: _downstream(graph, name) for name in through}
    open_edges: set[Edge] = set()
    for start in (None, *through):  # None: the output, which comes before all values
        before = (
            below
            if start is None
            else {c: below[c] & ({start} | above[start]) for c in above if c in above[start]}
        )
        nearest = [c for c in before if not any(c in above[d] for d in before if d != c)]
        if start is not None and not before:
            open_edges |= _edges(graph, {start} | above[start], above[start])
        for end in nearest:
            inside = before[end]
            open_edges |= _edges(graph, inside, inside | {end})
    every = {(node.name, position) for node in graph.nodes for position in range(len(node.inputs))}
    return frozenset(every - open_edges)


def _edges(graph: ir.Graph, readers: Iterable[str], values: set[str]) -> set[Edge]:
    """The edges from some readers to some values."""
    nodes = (graph.get(name) for name in readers)
    return {
        (node.name, position)
        for node in nodes
        if node is not None
        for position, value in enumerate(node.inputs)
        if value in values
    }


def _upstream(graph: ir.Graph, name: str) -> set[str]:
    """The values that a value depends on."""
    found, waiting = set[str](), [name]
    while waiting:
        node = graph.get(waiting.pop())
        for value in () if node is None else node.inputs:
            if value not in found:
                found.add(value)
                waiting.append(value)
    return found


def _downstream(graph: ir.Graph, name: str) -> set[str]:
    """The values that depend on a value."""
    found, waiting = set[str](), [name]
    while waiting:
        for reader in graph.readers.get(waiting.pop(), ()):
            if reader not in found:
                found.add(reader)
                waiting.append(reader)
    return found
