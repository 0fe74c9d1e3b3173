"""Rules that treat positive and negative contributions apart: z⁺ and αβ."""

import flax.struct
from jax import Array

import ir
from jlrp.ops import is_affine
from jlrp.ops.base import Weights
from jlrp.rules.base import LayerCall, Relevances, Rule, added, divide, mapped, negative, positive, times


class Split:
    """The positive and the negative contributions of an affine op's inputs to its output.

    A contribution `x_i·w_ij` is positive where both factors have one sign. Inputs that the graph knows to be ≥ 0 have
    no `x⁻`, and the half of the work that concerns it is left out.
    """

    def __init__(self, call: LayerCall) -> None:
        self.layer, self.inputs = call.affine, call.inputs
        self.weights = (mapped(positive, self.layer.weights), mapped(negative, self.layer.weights))
        self.one_sign = all(call.nonnegative)
        self.parts = call.inputs, call.inputs
        if not self.one_sign:
            self.parts = tuple(map(positive, call.inputs)), tuple(map(negative, call.inputs))

    def positive_sum(self) -> Array:
        """`W⁺·x⁺ + W⁻·x⁻ + b⁺`."""
        return self._sum(*self.weights, positive)

    def negative_sum(self) -> Array:
        """`W⁻·x⁺ + W⁺·x⁻ + b⁻`."""
        return self._sum(*self.weights[::-1], negative)

    def to_positive(self, s: Array) -> Relevances:
        """`x⁺·W⁺ᵀs + x⁻·W⁻ᵀs`: to the inputs, in proportion to their positive contributions."""
        return self._back(*self.weights, s)

    def to_negative(self, s: Array) -> Relevances:
        """`x⁺·W⁻ᵀs + x⁻·W⁺ᵀs`: to the inputs, in proportion to their negative contributions."""
        return self._back(*self.weights[::-1], s)

    def _sum(self, on_positive: Weights, on_negative: Weights, sign) -> Array:
        bias = None if self.layer.bias is None else sign(self.layer.bias)
        below = None if self.one_sign else self.layer.linear(on_negative, *self.parts[1])
        return added(self.layer.linear(on_positive, *self.parts[0]), below, bias)

    def _back(self, on_positive: Weights, on_negative: Weights, s: Array) -> Relevances:
        above = times(self.parts[0], self.layer.transpose(on_positive, self.inputs, s))
        if self.one_sign:
            return above
        below = times(self.parts[1], self.layer.transpose(on_negative, self.inputs, s))
        return tuple(a + b for a, b in zip(above, below, strict=True))


@flax.struct.dataclass
class ZPlus(Rule):
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

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        split = Split(call)
        return split.to_positive(divide(relevance, split.positive_sum(), self.epsilon))

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)


@flax.struct.dataclass
class AlphaBeta(Rule):
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
    ValueError: AlphaBeta takes α and β of at least 0, but was given alpha=1.0, beta=-1.0.
    """

    alpha: float = 2.0
    beta: float = 1.0
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        if any(isinstance(v, int | float) and v < 0 for v in (self.alpha, self.beta)):
            raise ValueError(
                f"AlphaBeta takes α and β of at least 0, but was given alpha={self.alpha}, beta={self.beta}."
            )

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        split = Split(call)
        above = split.to_positive(divide(self.alpha * relevance, split.positive_sum(), self.epsilon))
        below = split.to_negative(divide(self.beta * relevance, split.negative_sum(), self.epsilon))
        return tuple(a - b for a, b in zip(above, below, strict=True))

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)
