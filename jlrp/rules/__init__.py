"""Relevance rules, one family per file."""

from jlrp.rules.alphabeta import AlphaBeta, ZPlus
from jlrp.rules.base import LayerCall, Quotient, Rule
from jlrp.rules.combine import SmallWindow, WithoutBias
from jlrp.rules.detached import DetachedNorm
from jlrp.rules.epsilon import Epsilon, Norm, Zero
from jlrp.rules.first import Flat, WSquare, ZBox
from jlrp.rules.gamma import Gamma, GammaPlain
from jlrp.rules.gradient import (
    DeconvNet,
    Gradient,
    GuidedBackprop,
    Transpose,
    WinnerTakesAll,
)
from jlrp.rules.original import AbsSplit, HalfHalf, UniformPooling
from jlrp.rules.passing import Pass, Rows
from jlrp.rules.product import OneFactor, SignalTakesAll, UniformMatMul
from jlrp.rules.shares import Mapped, ShareRule, Signed, Term
from jlrp.rules.softmax import SoftmaxTaylor
from jlrp.rules.steps import Steps

__all__ = [
    "AbsSplit",
    "AlphaBeta",
    "DeconvNet",
    "DetachedNorm",
    "Epsilon",
    "Flat",
    "Gamma",
    "GammaPlain",
    "Gradient",
    "GuidedBackprop",
    "HalfHalf",
    "LayerCall",
    "Mapped",
    "Norm",
    "OneFactor",
    "Pass",
    "Quotient",
    "Rows",
    "Rule",
    "ShareRule",
    "SignalTakesAll",
    "Signed",
    "SmallWindow",
    "SoftmaxTaylor",
    "Steps",
    "Term",
    "Transpose",
    "UniformMatMul",
    "UniformPooling",
    "WSquare",
    "WinnerTakesAll",
    "WithoutBias",
    "ZBox",
    "ZPlus",
    "Zero",
]
