"""Layer-wise relevance propagation in JAX.

A public name is imported from its home at its first use, so that `jlrp --help` does not wait for
JAX.

Example:
    >>> import ir, jlrp
    >>> callable(jlrp.explainer), "epsilon_plus" in jlrp.PRESETS
    (True, True)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jlrp.own import require_own_ir

require_own_ir()

if TYPE_CHECKING:  # the same names for type checkers
    from jlrp.api import explain as explain
    from jlrp.baselines import Baseline as Baseline
    from jlrp.baselines import grad_cam as grad_cam
    from jlrp.baselines import gradient as gradient
    from jlrp.baselines import gradient_times_input as gradient_times_input
    from jlrp.baselines import integrated_gradients as integrated_gradients
    from jlrp.baselines import occlusion as occlusion
    from jlrp.baselines import smoothgrad as smoothgrad
    from jlrp.composites.composite import Composite as Composite
    from jlrp.composites.composite import CompositeError as CompositeError
    from jlrp.composites.predicates import All as All
    from jlrp.composites.predicates import Depth as Depth
    from jlrp.composites.predicates import Either as Either
    from jlrp.composites.predicates import Fact as Fact
    from jlrp.composites.predicates import First as First
    from jlrp.composites.predicates import Head as Head
    from jlrp.composites.predicates import Kind as Kind
    from jlrp.composites.predicates import Last as Last
    from jlrp.composites.predicates import Named as Named
    from jlrp.composites.predicates import Not as Not
    from jlrp.composites.predicates import Pointwise as Pointwise
    from jlrp.composites.predicates import Projection as Projection
    from jlrp.composites.presets import PRESETS as PRESETS
    from jlrp.composites.presets import register_preset as register_preset
    from jlrp.ops import Affine as Affine
    from jlrp.ops import affine as affine
    from jlrp.ops import apply as apply
    from jlrp.ops import register_function as register_function
    from jlrp.propagation.bound_explainer import Bound as Bound
    from jlrp.propagation.explainer import Explainer as Explainer
    from jlrp.propagation.explanation import Explanation as Explanation
    from jlrp.propagation.interfaces import explain_func as explain_func
    from jlrp.propagation.interpreter import forward as forward
    from jlrp.propagation.ledger import Ledger as Ledger
    from jlrp.propagation.planning import explainer as explainer
    from jlrp.rules import *  # noqa: F403
    from jlrp.tracing import TracedModel as TracedModel
    from jlrp.tracing import TraceError as TraceError
    from jlrp.tracing import trace as trace
    from jlrp.tracing import traceable as traceable

__version__ = "0.2.0"

_NAMES = {
    "jlrp.api": "explain",
    "jlrp.baselines": "Baseline grad_cam gradient gradient_times_input integrated_gradients "
    "occlusion smoothgrad",
    "jlrp.composites.composite": "Composite CompositeError",
    "jlrp.composites.predicates": "All Depth Either Fact First Head Kind Last Named Not "
    "Pointwise Projection",
    "jlrp.composites.presets": "PRESETS register_preset",
    "jlrp.ops": "Affine affine apply register_function",
    "jlrp.propagation.bound_explainer": "Bound",
    "jlrp.propagation.explainer": "Explainer",
    "jlrp.propagation.explanation": "Explanation",
    "jlrp.propagation.interfaces": "explain_func",
    "jlrp.propagation.interpreter": "forward",
    "jlrp.propagation.ledger": "Ledger",
    "jlrp.propagation.planning": "explainer",
    "jlrp.rules": "AbsSplit AlphaBeta DeconvNet DetachedNorm Epsilon Flat Gamma GammaPlain "
    "Gradient GuidedBackprop HalfHalf LayerCall Mapped Norm OneFactor Pass Quotient Rows Rule "
    "ShareRule SignalTakesAll Signed SmallWindow SoftmaxTaylor Steps Term Transpose UniformMatMul "
    "UniformPooling WSquare WinnerTakesAll WithoutBias ZBox ZPlus Zero",
    "jlrp.tracing": "TraceError TracedModel trace traceable",
}
"""The public names by their homes."""

_RENAMED = {
    "Bilinear": "UniformMatMul",
    "FrozenNorm": "DetachedNorm",
    "Winner": "WinnerTakesAll",
}
"""Names of earlier versions, which still work, and the present names."""

_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}
_PACKAGES = (
    "baselines",
    "composites",
    "datasets",
    "fast",
    "ops",
    "plot",
    "propagation",
    "report",
    "rules",
    "tracing",
)

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """A public name from its home, or a package.

    `jlrp.plot` and `jlrp.report` need the extra `cli`.
    """
    name = _RENAMED.get(name, name)
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name not in _PACKAGES:
        raise AttributeError(f"module 'jlrp' has no attribute {name!r}")
    try:
        return import_module(f"jlrp.{name}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"jlrp.{name} needs {error.name}, which comes with the extra cli: "
            "pip install '.[cli]' in a checkout.",
            name=error.name,
        ) from None


def __dir__() -> list[str]:
    """The names that `dir` lists."""
    return sorted({*globals(), *__all__, *_PACKAGES})
