"""The last rows in the tables of all presets: ops whose rule is the same in each."""

import ir
from jlrp.composites.composite import Entry
from jlrp.composites.predicates import Depth, Fact
from jlrp.rules import (
    Epsilon,
    Pass,
    Rows,
    SignalTakesAll,
    SoftmaxTaylor,
    Transpose,
    UniformMatMul,
    WinnerTakesAll,
    Zero,
)


def common_rows(epsilon: float = 1e-6) -> tuple[Entry, ...]:
    """List the rows for softmax, BatchNorm, activations, maxima, moves, tables and products.

    `docs/rules.md` says why each op has its rule.

    Args:
        epsilon: The stabiliser of the rules that have one. 0 makes LRP-0 of LRP-ε.

    Returns:
        The entries, in the order in which they are tried.

    Example:
        >>> import ir, jlrp
        >>> [rule for predicate, rule in common_rows() if predicate is ir.BatchNorm]
        [Epsilon(epsilon=1e-06)]
    """
    return (
        (ir.Softmax, SoftmaxTaylor()),
        # Before any layer with a kernel, BatchNorm only changes the unit of the image's values.
        (Depth(0, 1) & ir.BatchNorm, Pass()),
        (ir.BatchNorm, Zero() if epsilon == 0 else Epsilon(epsilon)),
        (ir.Offset, Zero() if epsilon == 0 else Epsilon(epsilon)),
        (ir.Mask, Transpose()),
        (ir.Embed, Rows()),
        (Fact("keeps_shape"), Pass()),
        (Fact("selects"), WinnerTakesAll()),
        (Fact("moves"), Transpose()),
        (Fact("multiplies") & Fact("elementwise"), SignalTakesAll()),
        (Fact("multiplies"), UniformMatMul(epsilon)),
    )
