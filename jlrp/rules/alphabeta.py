"""Rules that treat positive and negative contributions apart: z⁺ and αβ."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.struct
from jax import Array

import ir
from jlrp.ops import is_affine
from jlrp.ops.base import Weights
from jlrp.rules.base import (
    LayerCall,
    Quotient,
    Relevances,
    Rule,
    added,
    mapped,
    negative,
    positive,
    require_numbers,
    summed,
    times,
)


class Split:
    """The positive and the negative contributions of an affine op's inputs to its output.

    A contribution `x_i·w_ij` is positive where both factors have one sign. Inputs that the graph knows to be ≥ 0 have
    no `x⁻`, and the half of the work that concerns it is left out.
    """

    def __init__(self, call: LayerCall) -> None:
        self.layer, self.inputs = call.affine, call.inputs
        self.weights = call.prepared or split_weights(call.affine.weights)
        self.parts: tuple[Relevances, ...] = (call.inputs,)
        if not call.one_sign:
            self.parts = tuple(map(positive, call.inputs)), tuple(map(negative, call.inputs))

    def positive(self, relevance: Array, epsilon: Any) -> Quotient:
        """Relevance over `W⁺·x⁺ + W⁻·x⁻ + b⁺`."""
        return self._quotient(relevance, self.weights, positive, epsilon)

    def negative(self, relevance: Array, epsilon: Any) -> Quotient:
        """Relevance over `W⁻·x⁺ + W⁺·x⁻ + b⁻`."""
        return self._quotient(relevance, self.weights[::-1], negative, epsilon)

    def to_positive(self, quotient: Quotient) -> Relevances:
        """`x⁺·W⁺ᵀs + x⁻·W⁻ᵀs`: to the inputs, in proportion to their positive contributions."""
        return self._back(self.weights, quotient.s)

    def to_negative(self, quotient: Quotient) -> Relevances:
        """`x⁺·W⁻ᵀs + x⁻·W⁺ᵀs`: to the inputs, in proportion to their negative contributions."""
        return self._back(self.weights[::-1], quotient.s)

    def _quotient(
        self, relevance: Array, weights: tuple[Weights, Weights], sign: Callable[[Array], Array], epsilon: Any
    ) -> Quotient:
        bias = None if self.layer.bias is None else sign(self.layer.bias)
        parts = zip(weights, self.parts, strict=False)
        z = added(*(self.layer.linear(w, *values) for w, values in parts), bias)
        return Quotient(relevance, z, bias, epsilon)

    def _back(self, weights: tuple[Weights, Weights], s: Array) -> Relevances:
        parts = zip(weights, self.parts, strict=False)
        return summed(*(times(values, self.layer.transpose(w, self.inputs, s)) for w, values in parts))


def split_weights(weights: Weights) -> tuple[Weights, Weights]:
    """`(W⁺, W⁻)`."""
    return mapped(positive, weights), mapped(negative, weights)


class SplitRule(Rule):
    """Base of the rules that need `Split`: for every affine op, with `W⁺` and `W⁻` prepared once."""

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)

    def prepare(self, op: ir.Op, params: Mapping[str, Array], nonnegative: bool) -> Any:
        return split_weights(params["kernel"]) if "kernel" in params else None


@flax.struct.dataclass
class ZPlus(SplitRule):
    """z⁺: positive contributions only, for inputs of any sign.

    `s = R / stab(W⁺·x⁺ + W⁻·x⁻ + b⁺)`; `R_in = x⁺·W⁺ᵀs + x⁻·W⁻ᵀs`.

    For every affine op. Conserves relevance up to what the positive bias and ε absorb, except at units without any
    positive contribution, which have nobody to pass theirs to.
    Source: Montavon et al., Pattern Recognition 65, 2017, there for `x ≥ 0`. Differs from captum, whose bias is not
    clamped and which drops `x⁻·W⁻`.

    >>> import jlrp
    >>> jlrp.ZPlus()
    ZPlus(epsilon=1e-06)
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return Split(call).to_positive(*self.quotients(call, relevance))

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        return (Split(call).positive(relevance, self.epsilon),)

    def prepare(self, op: ir.Op, params: Mapping[str, Array], nonnegative: bool) -> Any:
        both = super().prepare(op, params, nonnegative)
        return (both[0], None) if both and nonnegative else both  # W⁻ meets x⁻ alone, and there is none


@flax.struct.dataclass
class AlphaBeta(SplitRule):
    """αβ: `α` times the positive share minus `β` times the negative share; α, β ≥ 0.

    `α·(x⁺·W⁺ᵀs + x⁻·W⁻ᵀs) − β·(x⁺·W⁻ᵀt + x⁻·W⁺ᵀt)` with `s = R / stab(W⁺·x⁺ + W⁻·x⁻ + b⁺)` and
    `t = R / stab(W⁻·x⁺ + W⁺·x⁻ + b⁻)`.

    For every affine op. α − β = 1 is needed to conserve relevance. Source: Bach et al., PLOS ONE 10(7), 2015, eq. 60.
    Differs from iNNvestigate, which has the whole bias in both denominators.

    >>> import jlrp
    >>> jlrp.AlphaBeta(alpha=1.0, beta=0.0)
    AlphaBeta(alpha=1.0, beta=0.0, epsilon=1e-06)
    >>> jlrp.AlphaBeta(alpha=1.0, beta=-1.0)
    Traceback (most recent call last):
    ValueError: AlphaBeta takes a finite beta of at least 0, but was given beta=-1.0.
    """

    alpha: float = 2.0
    beta: float = 1.0
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "alpha", "beta", "epsilon")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        split, (above, below) = Split(call), self.quotients(call, relevance)
        return summed(split.to_positive(above), split.to_negative(below))

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        split = Split(call)
        above = split.positive(self.alpha * relevance, self.epsilon)
        return above, split.negative(-self.beta * relevance, self.epsilon)
