"""Passes: each returns an equivalent graph and a pure function from old weights to new."""

from ir.passes.base import Rewritten, Step
from ir.passes.batchnorm import fold_batchnorm
from ir.passes.decision import Decision, decide
from ir.passes.padding import fold_padding
from ir.passes.softmax import select_output, strip_softmax

__all__ = [
    "Decision",
    "Rewritten",
    "Step",
    "decide",
    "fold_batchnorm",
    "fold_padding",
    "select_output",
    "strip_softmax",
]
