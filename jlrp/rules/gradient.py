"""Rules that are the op's own derivative: winner takes all, and the transpose of linear rearrangements."""

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.ops import apply
from jlrp.rules.base import LayerCall, Relevances, Rule, summed_to


def vector_jacobian(call: LayerCall, relevance: Array) -> Relevances:
    """`Jᵀ·R`, `J` the derivative of the op's output with respect to each input."""
    _, vjp = jax.vjp(lambda *x: apply(call.op, call.params, *x), *call.inputs)
    return vjp(relevance)


@flax.struct.dataclass
class Winner(Rule):
    """Winner takes all: max pooling gives `R` to the maximum of each window, the plain gradient.

    Ties go to the first cell in row-major order, padding is −∞, windows that overlap add up. Of the largest or smallest
    of several inputs (`Maximum`, `Minimum`), cell by cell, the one that it is takes all, the first among equals.
    Conserves relevance.
    Source: Bach et al., PLOS ONE 10(7), 2015.

    >>> import jlrp
    >>> jlrp.Winner().fits(ir.MaxPool()), jlrp.Winner().fits(ir.AvgPool())
    (True, False)
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        if call.op.elementwise:
            winner = jnp.argmax(jnp.stack([x == call.output for x in call.inputs]), axis=0)
            shares = (jnp.where(winner == i, relevance, 0) for i in range(len(call.inputs)))
            return tuple(summed_to(share, x) for share, x in zip(shares, call.inputs, strict=True))
        return vector_jacobian(call, relevance)

    def fits(self, op: ir.Op) -> bool:
        return op.selects


@flax.struct.dataclass
class Transpose(Rule):
    """`R_in = WᵀR`: relevance goes back to the cells that the values came from, by the weights they came with.

    For rearrangements (flatten, reshape, permute, pad, crop, concatenate, …), whose weights are 0 and 1, and for
    interpolation, whose weights sum to 1 for each output pixel. What lies in padding is lost, as no input cell stands
    for it; otherwise relevance is conserved.

    >>> import jlrp
    >>> jlrp.Transpose().fits(ir.Flatten())
    True
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return vector_jacobian(call, relevance)

    def fits(self, op: ir.Op) -> bool:
        return op.moves
