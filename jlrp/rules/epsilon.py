"""Rules that share relevance in proportion to every contribution: LRP-0, LRP-ε, and ε on ops without weights."""

import flax.struct
from jax import Array

import ir
from jlrp.ops import is_affine
from jlrp.rules.base import LayerCall, Quotient, Relevances, Rule, require_numbers, times


class _Proportional(Rule):
    """`R_in = x · Wᵀ( R / stab(z) )`; what differs is ε and the ops."""

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (quotient,) = self.quotients(call, relevance)
        return times(call.inputs, call.affine.transpose(call.affine.weights, call.inputs, quotient.s))

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        return (Quotient(relevance, call.output, call.affine.bias, getattr(self, "epsilon", 0.0)),)

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)


@flax.struct.dataclass
class Epsilon(_Proportional):
    """LRP-ε: `R_in = x · Wᵀ( R / stab(z) )`, `z = W·x + b`.

    For every affine op. Conserves relevance up to what bias and ε absorb.
    Source: Bach et al., PLOS ONE 10(7), 2015, eq. 58.

    >>> import jlrp
    >>> jlrp.Epsilon(epsilon=0.1)
    Epsilon(epsilon=0.1)
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")


@flax.struct.dataclass
class Zero(_Proportional):
    """LRP-0: LRP-ε with ε = 0; where `z = 0` the relevance is 0.

    For every affine op. Source: Bach et al., PLOS ONE 10(7), 2015, eq. 56.

    >>> import jlrp
    >>> jlrp.Composite([(ir.Dense, jlrp.Zero())]).entries[0][1]
    Zero()
    """


@flax.struct.dataclass
class Norm(_Proportional):
    """LRP-ε on an op without weights: sums (`R_i = x_i · R / stab(Σx)`) and average pooling (`stab` of the mean).

    Sums are `Add`, `Subtract` (whose second input counts as `−x`) and `Average`; an input that was broadcast gets the
    sum over what it was broadcast to. Conserves relevance up to what ε absorbs.
    Source: zennit's rule of this name, Anders et al., arXiv 2106.13200.

    >>> import jlrp
    >>> jlrp.Norm().fits(ir.Add()), jlrp.Norm().fits(ir.Dense())
    (True, False)
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.Add | ir.Average | ir.Subtract | ir.AvgPool | ir.GlobalAvgPool)
