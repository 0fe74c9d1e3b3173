"""Conditions: which channels' relevance is kept at some layers, and which ways past these layers are closed."""

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
"""`{layer: channels}`."""


@flax.struct.dataclass
class Conditions:
    """Several conditions at once; every array has an entry for each of them.

    Attributes:
        channels: `{value: (conditions, most) indices}`, filled up with -1.
        everything: `{value: (conditions,)}`, true where a condition says nothing of a value.
        closed: `{edge: (conditions,)}`, true where no relevance goes along an edge; open edges are left out.
        number: (conditions,), their numbers.
    """

    channels: dict[str, Array]
    everything: dict[str, Array]
    closed: dict[Edge, Array]
    number: Array


def conditions_of(
    graph: ir.Graph, conditions: Sequence[Condition], values: Mapping[str, str], exclude_parallel: bool
) -> Conditions:
    """Conditions as arrays.

    Args:
        graph: The graph that relevance is carried through.
        conditions: Each `{layer: channels}`.
        values: For every layer that is named, the value that it stands for.
        exclude_parallel: Whether relevance that reaches an input past the layers of a condition is dropped.

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
        each = [closed_edges(graph, frozenset(values[name] for name in condition)) for condition in conditions]
        closed = {edge: jnp.asarray([edge in edges for edges in each]) for edge in sorted(frozenset().union(*each))}
    return Conditions(channels, everything, closed, jnp.arange(len(conditions)))


def _indices(name: str, channels: Any) -> NDArray[Any]:
    """A layer's channels as an array; `ValueError` where they are no indices."""
    row = np.atleast_1d(as_any_array(channels, "Channels"))
    whole = row.size == 0 or np.issubdtype(row.dtype, np.integer)
    if not whole or row.ndim > 1 or (row < 0).any() or isinstance(row, np.ma.MaskedArray):
        raise ValueError(
            f"The channels of layer {name!r} are indices from 0 up, alone or in a sequence, not {str(channels)[:80]!r}."
        )
    return row.astype(int)


@lru_cache(maxsize=256)
def closed_edges(graph: ir.Graph, through: frozenset[str]) -> frozenset[Edge]:
    """The edges that lie on no way from the output to an input through some values, in the order of the graph.

    Of two values that lie behind each other, a way passes both. Of two of which neither precedes the other it passes
    one: what passes either is kept. Without any values all ways are open.

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
    for start in (None, *through):
        before = (
            below if start is None else {c: below[c] & ({start} | above[start]) for c in above if c in above[start]}
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
