"""Rules as data: how an affine op's relevance is shared out among its contributions.

Most rules of the field are one identity. With `c` a function of a single contribution,

    R_i = Σ_j c(x_i·w_ij) · R_j / stab( Σ_i c(x_i·w_ij) + c(b_j) ),

summed over one or two choices of `c`. `Signed` has the functions that weigh contributions by
their sign; `Mapped` has sums of changed weights and changed inputs. A `ShareRule` lists its
shares. This module evaluates them as they are written; `jlrp.fast.rules` evaluates the same
lists in less time.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
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
    negative,
    positive,
    summed,
    times,
    unmask,
)

Number = Any
"""A Python number, or a traced scalar. Python's 0 and 1 are known before compilation, which then
leaves out the work for them."""

Part = Number | Callable[[Array], Array]
"""The part of the relevance that a share takes: a factor, or a function of the output `z`."""


def where_positive(z: Array) -> Array:
    """The part of a share that takes the relevance of positive outputs: `[z > 0]`."""
    return z > 0


def where_negative(z: Array) -> Array:
    """The part of a share that takes the relevance of negative outputs: `[z < 0]`."""
    return z < 0


class Term(NamedTuple):
    """Contributions `w'·x'` of changed weights and changed inputs.

    Attributes:
        weights: The change of a single weight, `w → w'`, on arrays.
        values: The inputs `x'`, from the layer's call: one array per input, of the batch or of
            one image.

    Example:
        >>> import jax.numpy as jnp, jlrp
        >>> squares = jlrp.Term(jnp.square, lambda call: call.inputs)
        >>> squares.weights(jnp.array(3.0)).item()
        9.0
    """

    weights: Callable[[Array], Array]
    values: Callable[[LayerCall], tuple[Array, ...]]


def whole(w: Array) -> Array:
    """Weights as they are."""
    return w


def inputs(call: LayerCall) -> tuple[Array, ...]:
    """Inputs as they are."""
    return call.inputs


def _positive_inputs(call: LayerCall) -> tuple[Array, ...]:
    return tuple(map(positive, call.inputs))


def _negative_inputs(call: LayerCall) -> tuple[Array, ...]:
    return tuple(negative(unmask(x)) for x in call.inputs)


@dataclass(frozen=True)
class Signed:
    """A share by the sign of contributions: `c(v) = agreeing·v⁺ + opposing·v⁻`.

    The bias is a contribution like any other. `Σ c = agreeing·z⁺ + opposing·z⁻`, with `z⁺` and `z⁻`
    the sums of the positive and the negative contributions.

    Attributes:
        agreeing: The weight of positive contributions.
        opposing: The weight of negative contributions.
        epsilon: The stabiliser's ε, at least 0: a number, or a function of the denominator.
        part: The part of the relevance that is shared out: a factor, or a function of the layer's
            output that returns factors or a mask.

    Example:
        >>> import jlrp
        >>> z_plus = jlrp.Signed(agreeing=1, opposing=0, epsilon=1e-6)
        >>> z_plus.mix(3.0, -2.0)
        3.0
    """

    agreeing: Number
    opposing: Number
    epsilon: Any = 0.0
    part: Part = 1

    @property
    def static(self) -> tuple[float | None, float | None]:
        """`agreeing` and `opposing` where Python knows them, else `None`."""
        known = (isinstance(value, int | float) for value in (self.agreeing, self.opposing))
        pair = zip((self.agreeing, self.opposing), known, strict=True)
        return tuple(value if known else None for value, known in pair)  # type: ignore[return-value]

    @property
    def proportional(self) -> bool:
        """Whether an input of 0 gets nothing."""
        return True

    def mix(self, plus: Any, minus: Any) -> Any:
        """`agreeing·plus + opposing·minus`, without the products by Python's 0 and 1."""
        pairs = zip((self.agreeing, self.opposing), (plus, minus), self.static, strict=True)
        parts = [value if known == 1 else a * value for a, value, known in pairs if known != 0]
        return added(*parts) if parts else 0 * plus

    def contribution(self, v: Array) -> Array:
        """`c(v)`."""
        return v if self.static == (1, 1) else self.mix(positive(v), negative(v))

    def terms(self, one_sign: bool) -> tuple[Term, ...]:
        """`c(x·w) = x⁺·c(w) + x⁻·c'(w)`, with the two weights of `c` exchanged in `c'`.

        Args:
            one_sign: Whether no input can be below zero, so that there is no `x⁻`.
        """
        if one_sign or self.static == (1, 1):
            return (Term(self.contribution, inputs),)
        exchanged = Signed(self.opposing, self.agreeing)
        return (
            Term(self.contribution, _positive_inputs),
            Term(exchanged.contribution, _negative_inputs),
        )

    def bias(self, b: Array) -> Array:
        """`c(b)`."""
        return self.contribution(b)


@dataclass(frozen=True)
class Mapped:
    """A share by changed weights and inputs: contributions `Σ_t w'_t·x'_t`.

    Attributes:
        parts: The terms of the sum.
        epsilon: As in `Signed`.
        of_bias: The bias's contribution to the denominator, a function of `b`; `None` drops it.
        part: As in `Signed`.

    Example:
        >>> import jax.numpy as jnp, jlrp
        >>> w_square = jlrp.Mapped((jlrp.Term(jnp.square, lambda call: call.inputs),), 1e-6)
        >>> w_square.terms(one_sign=True) == w_square.parts
        True
    """

    parts: tuple[Term, ...]
    epsilon: Any = 0.0
    of_bias: Callable[[Array], Array] | None = None
    part: Part = 1

    @property
    def proportional(self) -> bool:
        """Whether an input of 0 gets nothing."""
        return all(term.values is inputs for term in self.parts)

    def terms(self, one_sign: bool) -> tuple[Term, ...]:
        """The terms of the sum, whatever the signs are."""
        return self.parts

    def bias(self, b: Array) -> Array | None:
        """The bias's contribution."""
        return None if self.of_bias is None else self.of_bias(b)


Share = Signed | Mapped
"""How one part of a layer's relevance is shared out."""


def taken(part: Part, z: Array, relevance: Array) -> Array:
    """The part of the relevance that a share takes."""
    factor = part(z) if callable(part) else part
    if isinstance(factor, Array) and factor.dtype == bool:
        return jnp.where(factor, relevance, 0)
    return relevance if isinstance(factor, int) and factor == 1 else factor * relevance


class ShareRule(Rule):
    """Base of the rules that are shares: define `shares`, and all else follows.

    `relevance`, the ledger's quotients, the weights that are prepared once, and the fast
    formulation on convolutions and dense layers all come from the list. For every affine op.

    Example:
        >>> import flax.struct, jlrp
        >>> @flax.struct.dataclass
        ... class HalfOpposing(jlrp.ShareRule):
        ...     "Positive contributions count in full, negative ones by half."
        ...     epsilon: float = 1e-6
        ...     def shares(self, op):
        ...         return (jlrp.Signed(agreeing=1, opposing=0.5, epsilon=self.epsilon),)
    """

    @abstractmethod
    def shares(self, op: ir.Op) -> Sequence[Share]:
        """The shares of a layer's relevance, which may depend on the op."""

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)

    def proportional(self, op: ir.Op) -> bool:
        """Whether all shares are, and no subclass computes something else."""
        shared = type(self).relevance is ShareRule.relevance
        return shared and all(share.proportional for share in self.shares(op))

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        weights, quotients = self._weights(call), self.quotients(call, relevance)
        backs = []
        for share, of_terms, quotient in zip(
            self.shares(call.op), weights, quotients, strict=False
        ):
            for term, w in zip(share.terms(call.one_sign), of_terms, strict=True):
                values, back = term.values(call), call.affine.transpose(w, call.inputs, quotient.s)
                backs.append(times(values, back))
        return summed(*backs)

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        pairs = zip(self.shares(call.op), self._weights(call), strict=True)
        return tuple(_quotient(share, call, weights, relevance) for share, weights in pairs)

    def prepare(self, op: ir.Op, params: Mapping[str, Array], nonnegative: bool) -> Any:
        """The changed weights, for each share and term; `None` for those that are not changed."""
        if "kernel" not in params:
            return None
        changed = [
            [
                None
                if _keeps_weights(share, term)
                else jax.tree.map(term.weights, params["kernel"])
                for term in share.terms(nonnegative)
            ]
            for share in self.shares(op)
        ]
        return changed if any(w is not None for of_terms in changed for w in of_terms) else None

    def _weights(self, call: LayerCall) -> Sequence[Sequence[Weights]]:
        """The weights of each share's terms."""
        own, shares = call.affine.weights, self.shares(call.op)
        if call.prepared is None:
            return [
                [jax.tree.map(term.weights, own) for term in share.terms(call.one_sign)]
                for share in shares
            ]
        return [[own if w is None else w for w in of_terms] for of_terms in call.prepared]


def _keeps_weights(share: Share, term: Term) -> bool:
    """Whether a term has the layer's own weights."""
    return term.weights is whole or (isinstance(share, Signed) and share.static == (1, 1))


def _quotient(
    share: Share, call: LayerCall, weights: Sequence[Weights], relevance: Array
) -> Quotient:
    """A share's part of the relevance over the sum of its contributions."""
    layer = call.affine
    relevance = taken(share.part, call.output, relevance)
    bias = None if layer.bias is None else share.bias(layer.bias)
    if isinstance(share, Signed) and share.static == (1, 1):
        return Quotient(relevance, call.output, bias, share.epsilon)
    pairs = zip(weights, share.terms(call.one_sign), strict=True)
    z = added(*(layer.linear(w, *term.values(call)) for w, term in pairs), bias)
    return Quotient(relevance, z, bias, share.epsilon)
