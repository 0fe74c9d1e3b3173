"""The fast formulation: the same numbers as the plain one up to rounding, in less time and memory.

Everything in this package can be deleted; `formulation="plain"` is then all there is. What it knows, file by file:

- `rules`: products that contain other products (any backend);
- `zeros`: where relevance is certainly zero, so that they need not be computed;
- `convolution`, `depthwise`, `pooling`, `phases`: forms of an op that XLA's CPU backend runs faster.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
from jax import Array

import ir
from jlrp.fast.convolution import reformulated
from jlrp.fast.pooling import largest, to_winners
from jlrp.fast.rules import METHODS, Layer
from jlrp.ops import Affine, is_affine
from jlrp.propagation.formulation import Formulation
from jlrp.rules import LayerCall, Quotient, Rule, Winner, WithoutBias
from jlrp.rules.base import Facts, Relevances

CACHE = 8 * 2**20
"""Bytes of the largest value for as many images as are worked on at a time on a CPU: a layer's input, output and
relevance then stay in the last-level cache. Fewer images would read the weights more often than that saves."""


@dataclass(frozen=True)
class Fast(Formulation):
    """Chosen by facts: the op and its shapes, the rule, what the graph says of signs, and the backend.

    backend: as JAX calls it (`"cpu"`, `"gpu"`, `"tpu"`). Only on a CPU do convolutions and pools have other forms.
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
        if isinstance(rule, WithoutBias):  # whose outputs are other ones than those that a ReLU clipped
            rule, facts = rule.rule, replace(facts, rectified=False)
        if not _has_method(rule, op):
            return super().prepare(rule, op, params, facts)
        return METHODS[type(rule)].prepare(rule, self._layer(op, params, facts), facts)

    def forwards(
        self,
        rule: Rule,
        op: ir.Op,
        params: Mapping[str, Array],
        inputs: tuple[Array, ...],
        facts: Facts,
        prepared: Any,
    ) -> tuple[Array, Any]:
        rule = _own(rule)
        if _has_method(rule, op):
            layer = Layer(op, self.affine(op, params, *inputs), facts.one_sign)
            kept = METHODS[type(rule)].forwards(layer, inputs[0], prepared)
            if kept is not None:
                return kept
        return super().forwards(rule, op, params, inputs, facts, prepared)

    def images_at_once(self, shapes: Iterable[ir.Shape], dtype: Any) -> int:
        if self.backend != "cpu":
            return super().images_at_once(shapes, dtype)
        most = max(math.prod(n for n in shape[1:] if n is not None) for shape in shapes)
        return max(1, CACHE // (most * jnp.dtype(dtype).itemsize))

    def relevance(self, rule: Rule, call: LayerCall, relevance: Array) -> Relevances:
        if isinstance(rule, WithoutBias) and _has_method(rule.rule, call.op):
            return self.relevance(rule.rule, call.without_bias(), relevance)
        if _has_method(rule, call.op):
            layer = Layer(call.op, call.affine, call.facts.one_sign)
            method = METHODS[type(rule)]
            kernels = call.prepared or method.prepare(rule, layer, call.facts)
            return (method.relevance(rule, layer, call, kernels, relevance),)
        if type(rule) is Winner and isinstance(call.op, ir.MaxPool) and self.backend == "cpu":
            return (to_winners(call.op, call.inputs[0], call.output, relevance),)
        return super().relevance(rule, call, relevance)

    def quotients(self, rule: Rule, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        call = replace(call, prepared=None) if _has_method(_own(rule), call.op) else call
        return super().quotients(rule, call, relevance)

    def _layer(self, op: ir.Op, params: Mapping[str, Array], facts: Facts) -> Layer:
        unbiased = {"kernel": params["kernel"]}
        return Layer(op, self.affine(op, unbiased), facts.one_sign)


def _own(rule: Rule) -> Rule:
    """The rule that `WithoutBias` holds, or the rule itself."""
    return rule.rule if isinstance(rule, WithoutBias) else rule


def _has_method(rule: Rule, op: ir.Op) -> bool:
    """Whether there is a fast formulation of a rule on an op."""
    return type(rule) in METHODS and (isinstance(op, ir.Dense) or (isinstance(op, ir.Conv) and op.groups == 1))
