"""The rows that the tables of all presets end with: ops whose rule does not depend on the preset."""

import ir
from jlrp.composites.composite import Entry
from jlrp.composites.predicates import Depth
from jlrp.rules import Bilinear, Epsilon, Pass, SignalTakesAll, Transpose, Winner, Zero


def common_rows(epsilon: float = 1e-6) -> tuple[Entry, ...]:
    """Pass, winner, transpose, LRP-ε on BatchNorm, and the rules of products.

    Why each op has its rule stands in `docs/rules.md`.

    Args:
        epsilon: the stabiliser of the rules that have one. 0 makes LRP-0 of LRP-ε.

    Returns:
        The entries, in the order in which they are tried.

    Example:
        >>> import ir, jlrp
        >>> [rule for predicate, rule in common_rows() if predicate is ir.BatchNorm]
        [Epsilon(epsilon=1e-06)]
    """
    return (
        (ir.ActivationOp, Pass()),
        # Before any layer with weights it changes the unit of the image's values, as the scaling layers do.
        (Depth(0, 1) & ir.BatchNorm, Pass()),
        (ir.BatchNorm, Zero() if epsilon == 0 else Epsilon(epsilon)),
        ((ir.Normalization, ir.Scaling), Pass()),
        ((ir.MaxPool, ir.GlobalMaxPool, ir.Maximum, ir.Minimum), Winner()),
        ((ir.Rearrangement, ir.Interpolation), Transpose()),
        (ir.Multiply, SignalTakesAll()),
        (ir.Dot, Bilinear(epsilon)),
    )
