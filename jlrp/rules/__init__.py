"""Relevance rules, one family per file."""

from jlrp.rules.alphabeta import AlphaBeta, ZPlus
from jlrp.rules.backprop import DeconvNet, Gradient, GuidedBackprop
from jlrp.rules.base import LayerCall, Quotient, Rule
from jlrp.rules.combine import SmallWindow, WithoutBias
from jlrp.rules.epsilon import Epsilon, Norm, Zero
from jlrp.rules.first import Flat, WSquare, ZBox
from jlrp.rules.gamma import Gamma, GammaPlain
from jlrp.rules.gradient import Transpose, Winner
from jlrp.rules.norm import FrozenNorm
from jlrp.rules.original import AbsSplit, HalfHalf, UniformPooling
from jlrp.rules.passing import Pass
from jlrp.rules.product import Bilinear, SignalTakesAll
from jlrp.rules.shares import Mapped, ShareRule, Signed, Term
from jlrp.rules.softmax import SoftmaxTaylor

__all__ = [
    "AbsSplit",
    "AlphaBeta",
    "Bilinear",
    "DeconvNet",
    "Epsilon",
    "Flat",
    "FrozenNorm",
    "Gamma",
    "GammaPlain",
    "Gradient",
    "GuidedBackprop",
    "HalfHalf",
    "LayerCall",
    "Mapped",
    "Norm",
    "Pass",
    "Quotient",
    "Rule",
    "ShareRule",
    "SignalTakesAll",
    "Signed",
    "SmallWindow",
    "SoftmaxTaylor",
    "Term",
    "Transpose",
    "UniformPooling",
    "WSquare",
    "Winner",
    "WithoutBias",
    "ZBox",
    "ZPlus",
    "Zero",
]
