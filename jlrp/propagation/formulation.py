"""How a plan is computed: which code stands for an op and for a rule on it.

The plain formulation computes what `jlrp.ops` and `jlrp.rules` say, word for word. `jlrp.fast` has another one, which
gives the same numbers up to rounding in less time.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jax import Array

import ir
from jlrp.ops import Affine, affine, apply
from jlrp.rules.base import Facts, LayerCall, Quotient, Relevances, Rule


@dataclass(frozen=True)
class Formulation:
    """The plain formulation, and the base of others: a value that is part of a plan, so immutable and hashable.

    >>> import jax.numpy as jnp, ir
    >>> Formulation().apply(ir.Relu(), {}, jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def apply(self, op: ir.Op, params: Mapping[str, Array], *inputs: Array) -> Array:
        """The op's output."""
        return apply(op, params, *inputs)

    def affine(self, op: ir.Op, params: Mapping[str, Array], *inputs: Array) -> Affine:
        """The op as `W·x + b`."""
        return affine(op, params, *inputs)

    def prepare(self, rule: Rule, op: ir.Op, params: Mapping[str, Array], facts: Facts) -> Any:
        """What is made of a layer's weights once per `bind`; `relevance` finds it in `call.prepared`."""
        return rule.prepare(op, params, facts.one_sign)

    def forwards(
        self,
        rule: Rule,
        op: ir.Op,
        params: Mapping[str, Array],
        inputs: tuple[Array, ...],
        facts: Facts,
        prepared: Any,
    ) -> tuple[Array, Any]:
        """A node's output in the forward pass, and what is kept of it for its rule (`call.kept`)."""
        return self.apply(op, params, *inputs), None

    def images_at_once(self, shapes: Iterable[ir.Shape], dtype: Any) -> int:
        """How many images to work on at a time, from the shapes of all values, batch first."""
        return sys.maxsize

    def relevance(self, rule: Rule, call: LayerCall, relevance: Array) -> Relevances:
        """The relevance of each input."""
        return rule.relevance(call, relevance)

    def quotients(self, rule: Rule, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        """What the rule shares out, for the ledger."""
        return rule.quotients(call, relevance)


PLAIN = Formulation()
"""Ops and rules as they are written."""
