"""Small networks with random weights."""

import ir
import jlrp

BOUNDS = {"low": -4.0, "high": 4.0}
"""Of the images that these networks are given."""


def residual(rng):
    """A padded convolution with BatchNorm, max pooling, dropout, a residual block, a dense softmax
    over 5 classes."""
    nodes = [
        ir.Node("conv1_pad", ir.ZeroPad(), ("image",)),
        ir.Node("conv1", ir.Conv(), ("conv1_pad",), "conv1"),
        ir.Node("bn_conv1", ir.BatchNorm(), ("conv1",), "bn_conv1"),
        ir.Node("relu1", ir.Relu(), ("bn_conv1",)),
        ir.Node("pool", ir.MaxPool(), ("relu1",)),
        ir.Node("conv2", ir.Conv((1, 1), "same"), ("pool",), "conv2"),
        ir.Node("bn2", ir.BatchNorm(), ("conv2",), "bn2"),
        ir.Node("add", ir.Add(), ("bn2", "pool")),
        ir.Node("relu2", ir.Relu(), ("add",)),
        ir.Node("gap", ir.GlobalAvgPool(), ("relu2",)),
        ir.Node("predictions/linear", ir.Dense(), ("gap",), "predictions"),
        ir.Node("predictions", ir.Softmax(), ("predictions/linear",)),
    ]
    params = {
        "conv1": conv(rng, 3, 3, 3, 8),
        "bn_conv1": norm(rng, 8),
        "conv2": conv(rng, 3, 3, 8, 8),
        "bn2": norm(rng, 8),
        "predictions": conv(rng, 8, 5),
    }
    images = rng.normal(size=(4, 8, 8, 3)).astype("f")
    return ir.Graph(nodes, ["image"], ["predictions"], {"drop": "pool"}), params, images


def preset(name):
    """A preset with the bounds of these images where it needs bounds."""
    return jlrp.PRESETS[name](**BOUNDS) if name == "epsilon_gamma_box" else jlrp.PRESETS[name]()


def two_inputs(rng):
    """Two inputs; the output `first` sees both, the output `other` the first alone."""
    nodes = [
        ir.Node("a", ir.Dense(), ("left",), "a"),
        ir.Node("b", ir.Dense(), ("right",), "b"),
        ir.Node("add", ir.Add(), ("a", "b")),
        ir.Node("first", ir.Dense(), ("add",), "first"),
        ir.Node("other", ir.Dense(), ("a",), "other"),
    ]
    params = {
        "a": conv(rng, 6, 5),
        "b": conv(rng, 4, 5),
        "first": conv(rng, 5, 3),
        "other": conv(rng, 5, 4),
    }
    images = (rng.normal(size=(2, 6)).astype("f"), rng.normal(size=(2, 4)).astype("f"))
    return ir.Graph(nodes, ["left", "right"], ["first", "other"]), params, images


def conv(rng, *shape):
    """Kernel and bias of a convolution or dense layer."""
    return {
        "kernel": 0.3 * rng.normal(size=shape).astype("f"),
        "bias": 0.1 * rng.normal(size=shape[-1]).astype("f"),
    }


def norm(rng, channels):
    """Weights of a BatchNorm."""
    weights = {
        role: 0.3 * rng.normal(size=channels).astype("f")
        for role in ("gamma", "beta", "moving_mean")
    }
    return weights | {
        "gamma": 1 + weights["gamma"],
        "moving_variance": rng.uniform(0.5, 2, channels).astype("f"),
    }
