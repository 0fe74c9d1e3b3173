"""Backpropagation with other derivatives of the ReLU, as composites.

These methods go back layer by layer, as relevance does.
"""

import ir
from jlrp.composites.composite import Composite
from jlrp.rules.gradient import DeconvNet, Gradient, GuidedBackprop


def deconvnet() -> Composite:
    """DeconvNet: the gradient with ReLUs that pass on positive values (published with start="one").

    ReLUs have `R_in = max(R, 0)`. All other layers have their derivative, and max pooling passes
    all to the winner. Leaky and bounded ReLUs count as ReLUs; other activations have their own
    derivative.

    Relevance has to start as 1. Started as the logit, the map is this one times the logit where the
    logit is positive, and a different one where it is negative.

    References:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, arXiv
        1311.2901.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> from jlrp.baselines import deconvnet
        >>> nodes = [ir.Node("relu", ir.Relu(), ("x",)), ir.Node("fc", ir.Dense(), ("relu",), "fc")]
        >>> explain = jlrp.explainer(ir.Graph(nodes, ["x"], ["fc"]), deconvnet(), start="one")
        >>> params = {"fc": {"kernel": np.array([[2.0], [3.0], [-4.0]])}}
        >>> explain(params, np.array([[1.0, -1.0, 1.0]])).relevance.tolist()
        [[2.0, 3.0, 0.0]]
    """
    return Composite([(ir.Relu, DeconvNet()), (ir.Op, Gradient())], one="plus")


def guided_backprop() -> Composite:
    """Guided backpropagation: as deconvnet, at active ReLUs only (published with start="one").

    ReLUs have `R_in = [z > 0]·max(R, 0)`. All other layers have their derivative. Leaky and bounded
    ReLUs count as ReLUs; other activations have their own derivative.

    Relevance has to start as 1. Started as the logit, the map is this one times the logit where the
    logit is positive, and a different one where it is negative.

    References:
        Springenberg et al., "Striving for Simplicity: The All Convolutional Net", arXiv 1412.6806,
        2014.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> from jlrp.baselines import guided_backprop
        >>> nodes = [ir.Node("relu", ir.Relu(), ("x",)), ir.Node("fc", ir.Dense(), ("relu",), "fc")]
        >>> explain = jlrp.explainer(ir.Graph(nodes, ["x"], ["fc"]), guided_backprop(), start="one")
        >>> params = {"fc": {"kernel": np.array([[2.0], [3.0], [-4.0]])}}
        >>> explain(params, np.array([[1.0, -1.0, 1.0]])).relevance.tolist()
        [[2.0, 0.0, 0.0]]
    """
    return Composite([(ir.Relu, GuidedBackprop()), (ir.Op, Gradient())], one="plus")
