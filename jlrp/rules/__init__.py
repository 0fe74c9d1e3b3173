"""Relevance rules, one family per file."""

from jlrp.rules.alphabeta import AlphaBeta, ZPlus
from jlrp.rules.base import LayerCall, Rule
from jlrp.rules.epsilon import Epsilon, Norm, Zero
from jlrp.rules.flat import Flat
from jlrp.rules.gradient import Transpose, Winner
from jlrp.rules.original import AbsSplit, HalfHalf, UniformPooling
from jlrp.rules.passing import Pass

__all__ = [
    "AbsSplit",
    "AlphaBeta",
    "Epsilon",
    "Flat",
    "HalfHalf",
    "LayerCall",
    "Norm",
    "Pass",
    "Rule",
    "Transpose",
    "UniformPooling",
    "Winner",
    "ZPlus",
    "Zero",
]
