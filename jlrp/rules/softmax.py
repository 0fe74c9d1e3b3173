"""The rule for a softmax inside a network, such as that of attention."""

import flax.struct
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.rules.base import LayerCall, Relevances, Rule, times


@flax.struct.dataclass
class SoftmaxTaylor(Rule):
    """Softmax by its Taylor expansion: `R_i = x_i·( R_i − s_i·Σ_j R_j )`.

    `x` are the inputs along the op's axis and `s` the probabilities. An input of −∞, which an
    additive mask makes, gets 0.

    For `Softmax`. The rule does not conserve relevance: the expansion has a constant term, which no
    input gets. It is a rule for attention, where `x` is a score and `s` a weight. A softmax that
    ends a network is taken off before any rule.

    Example:
        >>> import jax.numpy as jnp, ir, jlrp
        >>> x = jnp.array([[2.0, 2.0, -jnp.inf]])
        >>> s = jlrp.apply(ir.Softmax(), {}, x)
        >>> call = jlrp.LayerCall(ir.Softmax(), {}, (x,), s, (False,))
        >>> (share,) = jlrp.SoftmaxTaylor().relevance(call, jnp.array([[3.0, 1.0, 0.0]]))
        >>> share.tolist()
        [[2.0, -2.0, 0.0]]

    References:
        Achtibat et al., "AttnLRP: Attention-Aware Layer-Wise Relevance Propagation for
        Transformers", 2024, proposition 3.1.
    """

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        assert isinstance(call.op, ir.Softmax)
        total = jnp.sum(relevance, call.op.axis, keepdims=True)
        return times(call.inputs, (relevance - call.output * total,))

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.Softmax)

    def proportional(self, op: ir.Op) -> bool:
        return True
