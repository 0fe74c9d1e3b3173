"""The ε rule for ops that normalise by a number computed from their own input."""

import flax.struct
import jax
from jax import Array

import ir
from jlrp.ops.norm import deviation, normalized, shaped
from jlrp.rules.base import LayerCall, Quotient, Relevances, Rule, require_numbers


@flax.struct.dataclass
class DetachedNorm(Rule):
    """LRP-ε on a normalisation whose divisor is detached: `R_in = x · Wᵀ( R / stab(z) )`.

    Let `σ` be the deviation, or the length, that the op divided by. With `σ` constant the op is the
    affine map `z = W·x + beta`, `W·x = gamma·(x - mean(x))/σ`; without a mean, `W·x = gamma·x/σ`.
    For LayerNorm, GroupNorm and UnitNorm. The rule conserves relevance up to what `beta` and ε
    absorb. Where `z` is near 0 the quotients are large; the presets have `Pass` there.

    Attributes:
        epsilon: The stabiliser's ε, a finite number of at least 0.

    Raises:
        ValueError: `epsilon` is negative or not finite.

    Example:
        >>> import jax.numpy as jnp, ir, jlrp
        >>> op, x = ir.UnitNorm(), jnp.array([[3.0, 4.0]])
        >>> call = jlrp.LayerCall(op, {}, (x,), jlrp.apply(op, {}, x), (False,))
        >>> jlrp.DetachedNorm(0.0).relevance(call, jnp.array([[1.0, 2.0]]))[0].tolist()
        [[1.0, 2.0]]

    References:
        The LN rule of Ali et al., "XAI for Transformers: Better Explanations through Conservative
        Propagation", 2022.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")

    def relevance(self, call: LayerCall, relevance: Array) -> Relevances:
        (quotient,) = self.quotients(call, relevance)
        (x,), op = call.inputs, call.op
        assert isinstance(op, ir.Normalization)
        held = deviation(op, x)
        linear = {role: weight for role, weight in call.params.items() if role != "beta"}
        (back,) = jax.linear_transpose(lambda x: normalized(op, linear, held, x), x)(quotient.s)
        return (x * back,)

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        assert isinstance(call.op, ir.Normalization)
        beta = shaped(call.op, call.params, "beta", call.output.ndim)
        return (Quotient(relevance, call.output, beta, self.epsilon),)

    def fits(self, op: ir.Op) -> bool:
        return isinstance(op, ir.Normalization)
