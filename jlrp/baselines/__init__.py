"""Methods to compare relevance propagation with, one family per file.

They have the call shape of `jlrp.explainer`.
"""

from jlrp.baselines.base import Baseline
from jlrp.baselines.cam import grad_cam
from jlrp.baselines.gradients import gradient, gradient_times_input
from jlrp.baselines.noise import smoothgrad
from jlrp.baselines.path import integrated_gradients
from jlrp.baselines.perturbation import occlusion
from jlrp.composites.backprop import deconvnet, guided_backprop

__all__ = [
    "Baseline",
    "deconvnet",
    "grad_cam",
    "gradient",
    "gradient_times_input",
    "guided_backprop",
    "integrated_gradients",
    "occlusion",
    "smoothgrad",
]
