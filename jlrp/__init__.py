"""Layer-wise relevance propagation in JAX.

>>> import ir, jlrp
>>> callable(jlrp.explainer), "epsilon_plus" in jlrp.PRESETS
(True, True)
"""

from importlib import import_module
from typing import Any

from jlrp.api import explain
from jlrp.baselines import (
    Baseline,
    grad_cam,
    gradient,
    gradient_times_input,
    integrated_gradients,
    occlusion,
    smoothgrad,
)
from jlrp.composites.composite import Composite, CompositeError
from jlrp.composites.predicates import All, Depth, Either, First, Head, Kind, Last, Named, Not, Pointwise
from jlrp.composites.presets import PRESETS
from jlrp.ops import Affine, affine, apply
from jlrp.propagation.explainer import Bound, Explainer, explainer
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.interfaces import explain_func
from jlrp.propagation.interpreter import forward
from jlrp.propagation.ledger import Ledger
from jlrp.rules import *  # noqa: F403
from jlrp.rules import __all__ as _rules

__version__ = "0.2.0"

__all__ = [
    *_rules,
    "PRESETS",
    "Affine",
    "All",
    "Baseline",
    "Bound",
    "Composite",
    "CompositeError",
    "Depth",
    "Either",
    "Explainer",
    "Explanation",
    "First",
    "Head",
    "Kind",
    "Last",
    "Ledger",
    "Named",
    "Not",
    "Pointwise",
    "affine",
    "apply",
    "explain",
    "explain_func",
    "explainer",
    "forward",
    "grad_cam",
    "gradient",
    "gradient_times_input",
    "integrated_gradients",
    "occlusion",
    "smoothgrad",
]


def __getattr__(name: str) -> Any:
    """`jlrp.plot` and `jlrp.report` are imported when they are first used: they need the extra `jlrp[cli]`."""
    if name not in ("plot", "report"):
        raise AttributeError(f"module 'jlrp' has no attribute {name!r}")
    try:
        return import_module(f"jlrp.{name}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"jlrp.{name} needs {error.name}, which comes with the extra jlrp[cli]: pip install 'jlrp[cli]'.",
            name=error.name,
        ) from None
