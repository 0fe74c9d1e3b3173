"""Layer-wise relevance propagation in JAX.

>>> import ir, jlrp
>>> callable(jlrp.explainer), "epsilon_plus" in jlrp.PRESETS
(True, True)
"""

from jlrp.composite import Composite, CompositeError, First
from jlrp.explain import Bound, Explainer, Explanation, explainer
from jlrp.interpreter import forward
from jlrp.ops import Affine, affine, apply
from jlrp.presets import PRESETS
from jlrp.rules import *  # noqa: F403
from jlrp.rules import __all__ as _rules

__version__ = "0.1.0"

__all__ = [
    *_rules,
    "PRESETS",
    "Affine",
    "Bound",
    "Composite",
    "CompositeError",
    "Explainer",
    "Explanation",
    "First",
    "affine",
    "apply",
    "explainer",
    "forward",
]
