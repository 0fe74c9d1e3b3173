"""Layer-wise relevance propagation in JAX.

>>> import ir, jlrp
>>> callable(jlrp.explainer), "epsilon_plus" in jlrp.PRESETS
(True, True)
"""

from jlrp.backward import Explanation
from jlrp.baselines import (
    Baseline,
    grad_cam,
    gradient,
    gradient_times_input,
    integrated_gradients,
    occlusion,
    smoothgrad,
)
from jlrp.composite import Composite, CompositeError
from jlrp.explain import Bound, Explainer, explainer
from jlrp.interfaces import explain_func
from jlrp.interpreter import forward
from jlrp.ledger import Ledger
from jlrp.ops import Affine, affine, apply
from jlrp.predicates import All, Depth, Either, First, Kind, Last, Named, Not, Pointwise
from jlrp.presets import PRESETS
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
