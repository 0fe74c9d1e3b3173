"""Rules that share relevance in proportion to every contribution: LRP-0, LRP-ε, and ε on sums."""

from collections.abc import Sequence

import flax.struct

import ir
from jlrp.rules.base import require_numbers
from jlrp.rules.shares import Share, ShareRule, Signed


@flax.struct.dataclass
class Epsilon(ShareRule):
    """LRP-ε: `R_in = x · Wᵀ( R / stab(z) )`, `z = W·x + b`.

    For every affine op. It conserves relevance up to what bias and ε absorb.

    Attributes:
        epsilon: The stabiliser's ε, a finite number of at least 0.

    Raises:
        ValueError: `epsilon` is negative or not finite.

    Example:
        >>> import jlrp
        >>> jlrp.Epsilon(epsilon=0.1)
        Epsilon(epsilon=0.1)

    References:
        Bach et al., PLOS ONE 10(7), 2015, eq. 58.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon")

    def shares(self, op: ir.Op) -> Sequence[Share]:
        return (Signed(1, 1, self.epsilon),)


@flax.struct.dataclass
class Zero(ShareRule):
    """LRP-0: LRP-ε with ε = 0. Where `z = 0` the relevance is 0.

    For every affine op.

    Example:
        >>> import jlrp
        >>> jlrp.Composite([(ir.Dense, jlrp.Zero())]).entries[0][1]
        Zero()

    References:
        Bach et al., PLOS ONE 10(7), 2015, eq. 56.
    """

    def shares(self, op: ir.Op) -> Sequence[Share]:
        return (Signed(1, 1),)


@flax.struct.dataclass
class Norm(Epsilon):
    """LRP-ε on an op without weights: sums (`R_i = x_i · R / stab(Σx)`) and average pooling.

    Sums are `Add`, `Subtract` (whose second input counts as `−x`) and `Average`. An input that was
    broadcast gets the sum over what it was broadcast to. Average pooling divides by `stab` of the
    mean. The rule conserves relevance up to what ε absorbs.

    Attributes:
        epsilon: The stabiliser's ε, a finite number of at least 0.

    Raises:
        ValueError: `epsilon` is negative or not finite.

    Example:
        >>> import jlrp
        >>> jlrp.Norm().fits(ir.Add()), jlrp.Norm().fits(ir.Dense())
        (True, False)

    References:
        Zennit's rule of this name: Anders et al., arXiv 2106.13200, 2021.
    """

    def fits(self, op: ir.Op) -> bool:
        return op.sums
