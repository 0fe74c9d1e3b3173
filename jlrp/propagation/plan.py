"""All that is known of an explanation before there are numbers."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax

import ir
from ir.passes import Rewritten
from jlrp.composites.composite import Edge
from jlrp.propagation.formulation import PLAIN, Formulation
from jlrp.propagation.start import Start
from jlrp.rules import Rule

Rules = tuple[Rule, ...]
"""The distinct rules of a composite; a plan says which node has which."""


@dataclass(frozen=True)
class Plan:
    """The static argument of every program; explainers that differ in numbers alone share it.

    Attributes:
        rewritten: The graph that the rules see, and how the model's weights become its weights.
        kinds: What the distinct rules are, from `kinds`.
        rule_of_node: For each node of the graph, the position of its rule.
        followed: The edges that relevance follows, or `None` for all.
        start: What relevance starts as.
        tail: What makes the model's output of values of the graph; `None` where the graph's output is that.
        record: Pairs (name asked for, value it stands for).
        ledger: Whether to keep a ledger.
        formulation: How ops and rules are computed.
        rectified: The nodes at whose output no relevance arrives where it is not positive.
    """

    rewritten: Rewritten
    kinds: tuple[Any, ...]
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
        return self._hash  # asked for at every call


def kinds(rules: Rules) -> tuple[Any, ...]:
    """The classes of rules, of the rules inside them, and their static fields.

    jaxlib 0.10 takes the tree structures of two dataclasses with as many fields for equal, though they hash apart, so
    that now and then two rules would share a compiled program. As a part of the plan, this keeps them apart.
    """

    def of(structure: Any) -> tuple[Any, ...]:
        return structure.node_data(), *map(of, structure.children())

    return of(jax.tree.structure(rules))
