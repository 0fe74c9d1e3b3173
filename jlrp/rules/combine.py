"""Rules made of other rules."""

from collections.abc import Mapping
from typing import Any

import flax.struct
from jax import Array

import ir
from jlrp.rules.base import LayerCall, Quotient, Relevances, Rule


@flax.struct.dataclass
class WithoutBias(Rule):
    """Another rule, with the bias counted as 0 in its denominators; activations keep it.

    No relevance is absorbed by the bias then. For the ops that the other rule is for.

    >>> import jlrp
    >>> jlrp.WithoutBias(jlrp.Epsilon())
    WithoutBias(rule=Epsilon(epsilon=1e-06))
    """

    rule: Rule

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return self.rule.relevance(call.without_bias(), relevance)

    def fits(self, op: ir.Op) -> bool:
        return self.rule.fits(op)

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        return self.rule.quotients(call.without_bias(), relevance)

    def prepare(self, op: ir.Op, params: Mapping[str, Array], nonnegative: bool) -> Any:
        return self.rule.prepare(op, params, nonnegative)
