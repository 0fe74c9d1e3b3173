"""What is known of an explanation before there are numbers."""

import dataclasses
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax

import ir
from ir.passes import Rewritten
from jlrp.composites.composite import Edge
from jlrp.propagation.formulation import PLAIN, Formulation
from jlrp.propagation.given import known_names
from jlrp.propagation.start import Start
from jlrp.rules import Rule

Rules = tuple[Rule, ...]
"""The distinct rules of a composite; a plan says which node has which."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The static argument of every program. Explainers that differ only in numbers share it.

    Attributes:
        rewritten: The graph that the rules see, and how its weights follow from the model's.
        kinds: The structure of the distinct rules, from the function `kinds`.
        rule_of_node: For each node of the graph, the position of its rule.
        followed: The edges that relevance follows, or `None` for all.
        start: What relevance starts as.
        tail: The graph from the decision value to the model's output; `None` where they are one.
        record: Pairs (requested name, value that it stands for).
        ledger: Whether to keep a ledger.
        formulation: How ops and rules are computed.
        rectified: The nodes whose output gets no relevance where it is not positive.
    """

    rewritten: Rewritten
    kinds: tuple[Hashable, ...]
    rule_of_node: tuple[int, ...]
    followed: frozenset[Edge] | None
    start: Start
    tail: ir.Graph | None
    record: tuple[tuple[str, str], ...]
    ledger: bool
    formulation: Formulation = PLAIN
    rectified: frozenset[str] = frozenset()

    @property
    def graph(self) -> ir.Graph:
        """The graph that the rules see."""
        return self.rewritten.graph

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, field.name) for field in dataclasses.fields(self)))

    def __hash__(self) -> int:
        return self._hash  # every call asks for it


def kinds(rules: Rules) -> tuple[Hashable, ...]:
    """List the classes of rules, of the rules inside them, and their static fields.

    jaxlib 0.10 takes the tree structures of two dataclasses for equal when they have as many
    fields, although their hashes differ. Two rules would then sometimes share a compiled program.
    As a part of the plan this list keeps them apart.
    """

    def walk(structure: Any) -> tuple[Hashable, ...]:
        return structure.node_data(), *map(walk, structure.children())

    return walk(jax.tree.structure(rules))


def values_of(
    rewritten: Rewritten, names: Iterable[str], action: str
) -> tuple[tuple[str, str], ...]:
    """Pair the names of layers with the values that they stand for.

    Args:
        rewritten: The graph that the rules see.
        names: Names of layers, of the graph as loaded.
        action: A verb for the message: what the user wants to do with the layers.

    Raises:
        ValueError: The graph has no such layer, or folding merged it into another one.
    """
    names = tuple(names)
    values, merged = rewritten.graph.values, dict(rewritten.merged)
    for name in names:
        if name in merged:
            raise ValueError(
                f"Layer {name!r} is merged into {merged[name]!r} before the rules are applied: "
                f"{action} that."
            )
        if name not in values:
            raise ValueError(f"There is no layer {name!r} to {action}: {known_names(values)}.")
    return tuple((name, values[name]) for name in names)
