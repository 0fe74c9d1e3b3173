"""Backpropagation with other derivatives of the ReLU, as composites: they walk layer by layer as relevance does."""

import ir
from jlrp.composites.composite import Composite
from jlrp.rules.gradient import DeconvNet, Gradient, GuidedBackprop


def deconvnet() -> Composite:
    """DeconvNet: the gradient, with ReLUs that pass on what is positive (as published with start="one").

    ReLUs have `R_in = max(R, 0)`, all other layers their derivative; max pooling, to the winner. Relevance has to start
    as 1: started as the logit it is this times the logit where that is positive, and something else where it is not.
    Other activations than ReLU (its leaky and bounded forms count as such) have their own derivative.
    Source: Zeiler and Fergus, ECCV 2014, arXiv 1311.2901.

    >>> import numpy as np, ir, jlrp
    >>> from jlrp.baselines import deconvnet
    >>> nodes = [ir.Node("relu", ir.Relu(), ("x",)), ir.Node("fc", ir.Dense(), ("relu",), "fc")]
    >>> explain = jlrp.explainer(ir.Graph(nodes, ["x"], ["fc"]), deconvnet(), start="one")
    >>> explain({"fc": {"kernel": np.array([[2.0], [3.0], [-4.0]])}}, np.array([[1.0, -1.0, 1.0]])).relevance.tolist()
    [[2.0, 3.0, 0.0]]
    """
    return Composite([(ir.Relu, DeconvNet()), (ir.Op, Gradient())], one="plus")


def guided_backprop() -> Composite:
    """Guided backpropagation: the gradient, with active ReLUs that pass on what is positive (published: start="one").

    ReLUs have `R_in = [z > 0]·max(R, 0)`, all other layers their derivative. Relevance has to start as 1: started as
    the logit it is this times the logit where that is positive, and something else where it is not.
    Other activations than ReLU (its leaky and bounded forms count as such) have their own derivative.
    Source: Springenberg et al., arXiv 1412.6806, 2014.

    >>> import numpy as np, ir, jlrp
    >>> from jlrp.baselines import guided_backprop
    >>> nodes = [ir.Node("relu", ir.Relu(), ("x",)), ir.Node("fc", ir.Dense(), ("relu",), "fc")]
    >>> explain = jlrp.explainer(ir.Graph(nodes, ["x"], ["fc"]), guided_backprop(), start="one")
    >>> explain({"fc": {"kernel": np.array([[2.0], [3.0], [-4.0]])}}, np.array([[1.0, -1.0, 1.0]])).relevance.tolist()
    [[2.0, 0.0, 0.0]]
    """
    return Composite([(ir.Relu, GuidedBackprop()), (ir.Op, Gradient())], one="plus")
