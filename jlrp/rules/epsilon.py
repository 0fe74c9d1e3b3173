"""LRP-0 and LRP-ε: in proportion to what each input contributed."""

import flax.struct
from jax import Array

import ir
from jlrp.ops import is_affine
from jlrp.rules.base import LayerCall, Relevances, Rule, divide, times


def _epsilon(call: LayerCall, relevance: Array, epsilon: float) -> Relevances:
    s = divide(relevance, call.output, epsilon)
    c = call.affine.transpose(call.affine.weights, call.inputs, s)
    return times(call.inputs, c)


@flax.struct.dataclass
class Epsilon(Rule):
    """LRP-ε: `R_in = x · Wᵀ( R / stab(z) )`, `z = W·x + b`.

    For every affine op. Conserves relevance up to what bias and ε absorb.
    Source: Bach et al., PLOS ONE 10(7), 2015, eq. 58.

    >>> import jlrp
    >>> jlrp.Epsilon(epsilon=0.1)
    Epsilon(epsilon=0.1)
    """

    epsilon: float = 1e-6

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return _epsilon(call, relevance, self.epsilon)

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)


@flax.struct.dataclass
class Zero(Rule):
    """LRP-0: LRP-ε with ε = 0; where `z = 0` the relevance is 0.

    For every affine op. Source: Bach et al., PLOS ONE 10(7), 2015, eq. 56.

    >>> import jlrp
    >>> jlrp.Composite([(ir.Dense, jlrp.Zero())]).entries[0][1]
    Zero()
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return _epsilon(call, relevance, 0.0)

    def fits(self, op: ir.Op) -> bool:
        return is_affine(op)


@flax.struct.dataclass
class Norm(Rule):
    """LRP-ε on an op without weights: sums (`R_i = x_i · R / stab(Σx)`) and average pooling (`stab` of the mean).

    Conserves relevance up to what ε absorbs. Source: zennit's rule of this name, Anders et al., arXiv 2106.13200.

    >>> import jlrp
    >>> jlrp.Norm().fits(ir.Add()), jlrp.Norm().fits(ir.Dense())
    (True, False)
    """

    epsilon: float = 1e-6

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        return _epsilon(call, relevance, self.epsilon)

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.Add | ir.AvgPool | ir.GlobalAvgPool)
