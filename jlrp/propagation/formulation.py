"""How a plan is computed: the code for each op, and for a rule on it.

The plain formulation computes ops and rules exactly as `jlrp.ops` and `jlrp.rules` write them.
The formulation of `jlrp.fast` gives the same numbers, up to rounding, in less time.
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
    """The plain formulation, and the base of others.

    A formulation is part of a plan. It must be immutable and hashable.

    Example:
        >>> import jax.numpy as jnp, ir
        >>> Formulation().apply(ir.Relu(), {}, jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def apply(self, op: ir.Op, params: Mapping[str, Array], *inputs: Array) -> Array:
        """Compute the output of an op."""
        return apply(op, params, *inputs)

    def affine(self, op: ir.Op, params: Mapping[str, Array], *inputs: Array) -> Affine:
        """Express an op as `W·x + b`."""
        return affine(op, params, *inputs)

    def prepare(self, rule: Rule, op: ir.Op, params: Mapping[str, Array], facts: Facts) -> Any:
        """Prepare a layer's weights, once per `bind`; `relevance` finds them in `call.prepared`."""
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
        """Compute a node's output in the forward pass.

        Args:
            rule: The rule of the node.
            op: Its op.
            params: Its weights by role.
            inputs: One array per input, batch first.
            facts: What is certain of the node.
            prepared: The result of `prepare`.

        Returns:
            The output, and anything that the rule needs on the way back (`call.kept`).
        """
        return self.apply(op, params, *inputs), None

    def images_at_once(self, shapes: Iterable[ir.Shape], dtype: Any) -> int:
        """Choose how many images to work on at a time.

        Args:
            shapes: The shapes of all values, batch first.
            dtype: Their dtype.
        """
        return sys.maxsize

    def relevance(self, rule: Rule, call: LayerCall, relevance: Array) -> Relevances:
        """Compute the relevance of each input."""
        return rule.relevance(call, relevance)

    def quotients(self, rule: Rule, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        """Compute the quotients that the rule shares out, for the ledger."""
        return rule.quotients(call, relevance)


PLAIN = Formulation()
"""The formulation that computes ops and rules as they are written."""
