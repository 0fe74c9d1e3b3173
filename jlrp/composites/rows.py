"""The rows that the tables of all presets end with: ops whose rule does not depend on the preset."""

import ir
from jlrp.composites.composite import Entry
from jlrp.rules import Bilinear, Pass, SignalTakesAll, Transpose, Winner


def common_rows(epsilon: float = 1e-6) -> tuple[Entry, ...]:
    """Pass, winner, transpose, and the rules of products; `epsilon` is the stabiliser of those that have one.

    Why each op has its rule stands in `docs/rules.md`.
    """
    return (
        (ir.ActivationOp, Pass()),
        ((ir.BatchNorm, ir.Normalization, ir.Scaling), Pass()),
        ((ir.MaxPool, ir.GlobalMaxPool, ir.Maximum, ir.Minimum), Winner()),
        ((ir.Rearrangement, ir.Interpolation), Transpose()),
        (ir.Multiply, SignalTakesAll()),
        (ir.Dot, Bilinear(epsilon)),
    )
