"""The fast formulation: the same numbers as the plain one up to rounding, in less time and memory.

Everything in this package can be deleted; `formulation="plain"` is then all there is. What it
knows, file by file:

- `rules`: products that contain other products (any backend);
- `zeros`: where relevance is certainly zero, so that they need not be computed;
- `convolution`, `depthwise`, `pooling`, `phases`: forms of an op that XLA's CPU backend runs
  faster.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

import jax.numpy as jnp
from jax import Array

import ir
from jlrp.fast import rules
from jlrp.fast.convolution import reformulated
from jlrp.fast.pooling import largest, to_winners
from jlrp.fast.rules import Layer
from jlrp.ops import Affine, is_affine
from jlrp.propagation.formulation import Formulation
from jlrp.rules import LayerCall, Quotient, Rule, ShareRule, WinnerTakesAll, WithoutBias
from jlrp.rules.base import Facts, Relevances

CACHE = 8 * 2**20
"""The bytes that the largest value may take, of all images that a CPU works on at a time.

A layer's input, output and relevance then stay in the last-level cache. With fewer images the
weights would be read more often, which costs more than that saves.
"""


@dataclass(frozen=True)
class Fast(Formulation):
    """The formulation that chooses the fastest form of each op and rule.

    Facts decide: the op and its shapes, the rule, what the graph knows of signs, and the backend.

    Attributes:
        backend: JAX's name of it (`"cpu"`, `"gpu"`, `"tpu"`). Convolutions and pools have other
            forms on a CPU only.
    """

    backend: str

    def apply(self, op: ir.Op, params: Mapping[str, Array], *inputs: Array) -> Array:
        if isinstance(op, ir.MaxPool) and self.backend == "cpu":
            return largest(op, *inputs)
        if not is_affine(op) or isinstance(op, ir.BatchNorm):
            return super().apply(op, params, *inputs)
        return self.affine(op, params, *inputs).output(*inputs)

    def affine(self, op: ir.Op, params: Mapping[str, Array], *inputs: Array) -> Affine:
        plain = super().affine(op, params, *inputs)
        return reformulated(op, plain) if self.backend == "cpu" else plain

    def prepare(self, rule: Rule, op: ir.Op, params: Mapping[str, Array], facts: Facts) -> Any:
        inner, facts = _without_wrapper(rule, facts)
        if not _is_fast(inner, op):
            return super().prepare(rule, op, params, facts)
        layer = Layer(op, self.affine(op, {"kernel": params["kernel"]}), facts.one_sign)
        return rules.prepare(inner, layer, facts)

    def forwards(
        self,
        rule: Rule,
        op: ir.Op,
        params: Mapping[str, Array],
        inputs: tuple[Array, ...],
        facts: Facts,
        prepared: Any,
    ) -> tuple[Array, Any]:
        inner, inner_facts = _without_wrapper(rule, facts)
        if _is_fast(inner, op):
            layer = Layer(op, self.affine(op, params, *inputs), facts.one_sign)
            kept = rules.forwards(inner, layer, inputs[0], prepared, inner_facts)
            if kept is not None:
                return kept
        return super().forwards(rule, op, params, inputs, facts, prepared)

    def images_at_once(self, shapes: Iterable[ir.Shape], dtype: Any) -> int:
        if self.backend != "cpu":
            return super().images_at_once(shapes, dtype)
        most = max(math.prod(n for n in shape[1:] if n is not None) for shape in shapes)
        return max(1, CACHE // (most * jnp.dtype(dtype).itemsize))

    def relevance(self, rule: Rule, call: LayerCall, relevance: Array) -> Relevances:
        if isinstance(rule, WithoutBias) and _is_fast(rule.rule, call.op):
            return self.relevance(rule.rule, call.without_bias(), relevance)
        if _is_fast(rule, call.op):
            layer = Layer(call.op, call.affine, call.facts.one_sign)
            return (rules.relevance(rule, layer, call, relevance),)
        if (
            type(rule) is WinnerTakesAll
            and isinstance(call.op, ir.MaxPool)
            and self.backend == "cpu"
        ):
            return (to_winners(call.op, call.inputs[0], call.output, relevance),)
        return super().relevance(rule, call, relevance)

    def quotients(self, rule: Rule, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        inner, _ = _without_wrapper(rule, call.facts)
        call = replace(call, prepared=None) if _is_fast(inner, call.op) else call
        return super().quotients(rule, call, relevance)


def _without_wrapper(rule: Rule, facts: Facts) -> tuple[Rule, Facts]:
    """The rule inside `WithoutBias`, whose outputs are not those that a ReLU clipped."""
    if isinstance(rule, WithoutBias):
        return rule.rule, replace(facts, rectified=False)
    return rule, facts


def _is_fast(rule: Rule, op: ir.Op) -> TypeGuard[ShareRule]:
    """Whether a rule is nothing but its shares, on an op with one kernel."""
    if not isinstance(rule, ShareRule) or type(rule).relevance is not ShareRule.relevance:
        return False
    return isinstance(op, ir.Dense) or (isinstance(op, ir.Conv) and op.groups == 1)
