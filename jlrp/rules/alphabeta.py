"""Rules that treat positive and negative contributions apart: z⁺ and αβ."""

from collections.abc import Sequence

import flax.struct

import ir
from jlrp.rules.base import require_numbers
from jlrp.rules.shares import Share, ShareRule, Signed


@flax.struct.dataclass
class ZPlus(ShareRule):
    """z⁺: positive contributions only, for inputs of any sign.

    `s = R / stab(W⁺·x⁺ + W⁻·x⁻ + b⁺)`; `R_in = x⁺·W⁺ᵀs + x⁻·W⁻ᵀs`.

    For every affine op. The rule conserves relevance up to what the positive bias and ε absorb.
    A unit without any positive contribution passes nothing on. Captum's rule differs: it does not
    clamp the bias and drops `x⁻·W⁻`.

    Attributes:
        epsilon: The stabiliser's ε, a finite number of at least 0.

    Raises:
        ValueError: `epsilon` is negative or not finite.

    Example:
        >>> import jlrp
        >>> jlrp.ZPlus()
        ZPlus(epsilon=1e-06)

    References:
        Montavon et al., Pattern Recognition 65, 2017, there for `x ≥ 0`.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")

    def shares(self, op: ir.Op) -> Sequence[Share]:
        return (Signed(1, 0, self.epsilon),)


@flax.struct.dataclass
class AlphaBeta(ShareRule):
    """αβ: `α` times the positive share minus `β` times the negative share; α, β ≥ 0.

    `α·(x⁺·W⁺ᵀs + x⁻·W⁻ᵀs) − β·(x⁺·W⁻ᵀt + x⁻·W⁺ᵀt)` with `s = R / stab(W⁺·x⁺ + W⁻·x⁻ + b⁺)` and
    `t = R / stab(W⁻·x⁺ + W⁺·x⁻ + b⁻)`.

    For every affine op. Relevance is conserved where α − β = 1. iNNvestigate's rule differs: it has
    the whole bias in both denominators.

    Attributes:
        alpha: The factor of the positive share.
        beta: The factor of the negative share.
        epsilon: The stabiliser's ε.

    Raises:
        ValueError: One of the numbers is negative or not finite.

    Example:
        >>> import jlrp
        >>> jlrp.AlphaBeta(alpha=1.0, beta=0.0)
        AlphaBeta(alpha=1.0, beta=0.0, epsilon=1e-06)
        >>> jlrp.AlphaBeta(alpha=1.0, beta=-1.0)
        Traceback (most recent call last):
        ValueError: AlphaBeta takes a finite beta of at least 0, but was given beta=-1.0.

    References:
        Bach et al., PLOS ONE 10(7), 2015, eq. 60.
    """

    alpha: float = 2.0
    beta: float = 1.0
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "alpha", "beta", "epsilon")

    def shares(self, op: ir.Op) -> Sequence[Share]:
        return (
            Signed(1, 0, self.epsilon, part=self.alpha),
            Signed(0, 1, self.epsilon, part=-self.beta),
        )
