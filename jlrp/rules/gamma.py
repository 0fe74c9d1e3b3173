"""Rules that favour the contributions of the output's sign by a factor.

Γ, plain and generalised.
"""

from collections.abc import Sequence

import flax.struct
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.rules.base import LayerCall, Quotient, positive, require_numbers
from jlrp.rules.shares import (
    Mapped,
    Share,
    ShareRule,
    Signed,
    Term,
    inputs,
    where_negative,
    where_positive,
)


@flax.struct.dataclass
class GammaPlain(ShareRule):
    """The plain γ rule, for inputs `x ≥ 0`: LRP-ε with `W + γ·W⁺` and `b + γ·b⁺`.

    For every affine op; negative inputs are taken as they come. Most tools but zennit ≥ 0.5 call
    this rule γ; see `Gamma`.

    Attributes:
        gamma: The factor γ, a finite number of at least 0.
        epsilon: The stabiliser's ε, a finite number of at least 0.

    Raises:
        ValueError: One of the numbers is negative or not finite.

    Example:
        >>> import jlrp
        >>> jlrp.GammaPlain(0.1)
        GammaPlain(gamma=0.1, epsilon=1e-06)

    References:
        Montavon et al., "Layer-Wise Relevance Propagation: An Overview", 2019.
    """

    gamma: float = 0.25
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "gamma", "epsilon")

    def shares(self, op: ir.Op) -> Sequence[Share]:
        def favoured(v: Array) -> Array:
            return v + self.gamma * positive(v)

        return (Mapped((Term(favoured, inputs),), self.epsilon, of_bias=favoured),)


@flax.struct.dataclass
class Gamma(ShareRule):
    """The generalised γ rule, for inputs and outputs of any sign.

    Where `z > 0`, positive contributions count `1 + γ` times; where `z < 0`, negative ones do. With
    `A = W + γ·W⁺`, `B = W + γ·W⁻`, and `s`, `t` the quotients of `R` by

    - `stab(A·x⁺ + B·x⁻ + b + γ·b⁺)` where `z > 0`,
    - `stab(B·x⁺ + A·x⁻ + b + γ·b⁻)` where `z < 0`,

    `R_in = x⁺·(Aᵀs + Bᵀt) + x⁻·(Bᵀs + Aᵀt)`.

    For every affine op. The rule conserves relevance up to what bias and ε absorb; a unit whose
    `z` is 0 passes nothing on. On `x ≥ 0` and `z > 0` it equals `GammaPlain`.

    Attributes:
        gamma: The factor γ, a finite number of at least 0.
        epsilon: The stabiliser's ε, a finite number of at least 0.

    Raises:
        ValueError: One of the numbers is negative or not finite.

    Example:
        >>> import jlrp
        >>> jlrp.Gamma(gamma=0.5)
        Gamma(gamma=0.5, epsilon=1e-06)

    References:
        Andéol et al., "Learning Domain Invariant Representations by Joint Wasserstein Distance
        Minimization", 2021; zennit's `Gamma` from version 0.5.
    """

    gamma: float = 0.25
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "gamma", "epsilon")

    def shares(self, op: ir.Op) -> Sequence[Share]:
        more = 1 + self.gamma
        return (
            Signed(more, 1, self.epsilon, part=where_positive),
            Signed(1, more, self.epsilon, part=where_negative),
        )

    def quotients(self, call: LayerCall, relevance: Array) -> tuple[Quotient, ...]:
        left = jnp.where(call.output == 0, relevance, 0)
        none = jnp.zeros_like(call.output)
        return (*super().quotients(call, relevance), Quotient(left, none, None, 0.0))
