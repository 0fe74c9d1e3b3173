"""Layer-wise relevance propagation in JAX.

>>> import ir, jlrp
>>> callable(jlrp.explainer), "epsilon_plus" in jlrp.PRESETS
(True, True)
"""

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
from jlrp.composites.predicates import All, Depth, Either, First, Kind, Last, Named, Not, Pointwise
from jlrp.composites.presets import PRESETS
from jlrp.ops import Affine, affine, apply
from jlrp.propagation.backward import Explanation
from jlrp.propagation.explainer import Bound, Explainer, explainer
from jlrp.propagation.interfaces import explain_func
from jlrp.propagation.interpreter import forward
from jlrp.propagation.ledger import Ledger
from jlrp.rules import *  # noqa: F403
from jlrp.rules import __all__ as _rules

__version__ = "0.1.0"

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
    "Kind",
    "Last",
    "Ledger",
    "Named",
    "Not",
    "Pointwise",
    "affine",
    "apply",
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
