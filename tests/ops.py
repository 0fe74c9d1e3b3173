"""Small ops with random weights and inputs.

The list that the contract tests of ops and rules run over.
"""

import numpy as np

import ir
from ir.ops.functions import FUNCTIONS


def _kernel(rng, *shape, bias=True):
    weights = {"kernel": rng.normal(size=shape)}
    return weights | {"bias": rng.normal(size=shape[-1])} if bias else weights


def _transposed(rng, *shape):
    return {"kernel": rng.normal(size=shape), "bias": rng.normal(size=shape[-2])}


def _images(rng, *shape):
    x = rng.normal(size=shape)
    x[rng.random(shape) < 0.2] = 0  # inputs that are exactly zero
    return x


def affine_cases(rng):
    """Name → (op, params, inputs), batch of two."""
    norm = {role: rng.normal(size=3) for role in ("gamma", "beta", "moving_mean")}
    norm["moving_variance"] = rng.uniform(0.5, 2, size=3)
    images = _images(rng, 2, 5, 6, 3)
    return {
        "dense": (ir.Dense(), _kernel(rng, 7, 4), (_images(rng, 2, 7),)),
        "dense without bias": (ir.Dense(), _kernel(rng, 7, 4, bias=False), (_images(rng, 2, 7),)),
        "conv valid": (ir.Conv(), _kernel(rng, 3, 2, 3, 4), (images,)),
        "conv same, stride 2": (ir.Conv((2, 2), "same"), _kernel(rng, 3, 3, 3, 4), (images,)),
        "conv same, stride 3": (
            ir.Conv((3, 3), "same"),
            _kernel(rng, 2, 3, 3, 4, bias=False),
            (images,),
        ),
        "conv 1x1, stride 2": (ir.Conv((2, 2)), _kernel(rng, 1, 1, 3, 4), (images,)),
        "conv padded": (ir.Conv((2, 1), ((1, 2), (0, 1))), _kernel(rng, 3, 2, 3, 4), (images,)),
        "conv dilated": (
            ir.Conv(dilation=(2, 2), padding="same"),
            _kernel(rng, 3, 3, 3, 4),
            (images,),
        ),
        "conv grouped": (ir.Conv(groups=3), _kernel(rng, 2, 2, 1, 6), (images,)),
        "conv channels first": (
            ir.Conv((2, 2), "same", data_format="channels_first"),
            _kernel(rng, 3, 3, 3, 4),
            (_images(rng, 2, 3, 5, 6),),
        ),
        "conv 1d": (ir.Conv((2,), "same", (1,)), _kernel(rng, 3, 3, 4), (_images(rng, 2, 7, 3),)),
        "conv 3d": (
            ir.Conv((1, 2, 1), "same", (1, 1, 1)),
            _kernel(rng, 2, 2, 2, 2, 3),
            (_images(rng, 2, 3, 4, 3, 2),),
        ),
        "depthwise": (
            ir.DepthwiseConv((2, 2), "same"),
            {"kernel": rng.normal(size=(3, 3, 3, 2)), "bias": rng.normal(size=6)},
            (images,),
        ),
        "conv transpose, stride 2": (
            ir.ConvTranspose((2, 2)),
            _transposed(rng, 3, 2, 4, 3),
            (images[:, :3, :3],),
        ),
        "conv transpose channels first": (
            ir.ConvTranspose((2, 1), "same", data_format="channels_first"),
            _transposed(rng, 3, 3, 4, 3),
            (_images(rng, 2, 3, 3, 4),),
        ),
        "batch norm": (ir.BatchNorm(1e-3), norm, (images,)),
        "batch norm channels first": (
            ir.BatchNorm(1e-3, axis=1),
            norm,
            (_images(rng, 2, 3, 4, 5),),
        ),
        "average pooling": (ir.AvgPool((2, 3), (1, 2), "same"), {}, (images,)),
        "global average pooling": (ir.GlobalAvgPool(), {}, (images,)),
        "average over channels": (ir.GlobalAvgPool(True, axes=(-1,)), {}, (images,)),
        "average over rows": (ir.GlobalAvgPool(axes=(1,)), {}, (images,)),
        "add": (ir.Add(), {}, (images, _images(rng, 2, 5, 6, 3), _images(rng, 2, 5, 6, 3))),
        "add, broadcast": (
            ir.Add(),
            {},
            (images, _images(rng, 2, 1, 1, 3), _images(rng, 2, 5, 6, 1)),
        ),
        "average, broadcast": (ir.Average(), {}, (_images(rng, 2, 4, 1), _images(rng, 2, 1, 3))),
        "subtract": (ir.Subtract(), {}, (_images(rng, 2, 4, 3), _images(rng, 2, 4, 3))),
        "rescale": (ir.Rescale(-0.5, 0.25), {}, (images,)),
        "rescale without offset": (ir.Rescale(2.0), {}, (_images(rng, 2, 7),)),
        "scale": (
            ir.Scale(1),
            {"scale": rng.normal(size=3), "offset": rng.normal(size=3)},
            (_images(rng, 2, 3, 4),),
        ),
        "scale alone": (ir.Scale(), {"scale": rng.normal(size=3)}, (images,)),
        "offset alone": (ir.Scale(), {"offset": rng.normal(size=3)}, (images,)),
        "standardize": (
            ir.Standardize((-1, 1)),
            {"mean": rng.normal(size=(4, 3)), "variance": rng.uniform(0.5, 2, size=(4, 3))},
            (_images(rng, 2, 4, 5, 3),),
        ),
        "gain": (ir.Gain(), {"scale": rng.normal(size=(1, 4, 3))}, (_images(rng, 2, 5, 4, 3),)),
        "offset": (ir.Offset(), {"offset": rng.normal(size=(4, 1))}, (_images(rng, 2, 4, 3),)),
        "einsum dense": (
            ir.EinsumDense("nthd,hdf->nhtf"),
            {"kernel": rng.normal(size=(3, 4, 2)), "bias": rng.normal(size=(3, 1, 2))},
            (_images(rng, 2, 5, 3, 4),),
        ),
        "standardize by one number": (
            ir.Standardize(()),
            {"mean": np.array(0.5), "variance": np.array(2.0)},
            (_images(rng, 2, 4),),
        ),
    }


NAMES = tuple(affine_cases(np.random.default_rng(0)))
"""Of the affine cases."""

OTHERS = {
    "max pooling": (ir.MaxPool((3, 2), (2, 2), "same"), [(2, 7, 8, 3)]),
    "max pooling channels first": (
        ir.MaxPool((2, 2), (2, 2), data_format="channels_first"),
        [(2, 3, 7, 8)],
    ),
    "global max pooling": (ir.GlobalMaxPool(), [(2, 7, 8, 3)]),
    "global average, kept": (ir.GlobalAvgPool(True, "channels_first"), [(2, 3, 7, 8)]),
    "maximum over channels": (ir.GlobalMaxPool(True, axes=(-1,)), [(2, 4, 5, 3)]),
    "maximum over rows": (ir.GlobalMaxPool(axes=(1,)), [(2, 4, 5, 3)]),
    "zero padding": (ir.ZeroPad(((1, 2), (3, 0))), [(2, 4, 5, 3)]),
    "relu": (ir.Relu(), [(2, 5, 6, 3)]),
    "crop": (ir.Crop(((1, 2), (0, 1))), [(2, 4, 5, 3)]),
    "flatten": (ir.Flatten(), [(2, 4, 5, 3)]),
    "flatten each step": (ir.Flatten(start=2), [(2, 3, 4, 5, 2)]),
    "flatten each step, channels first": (ir.Flatten("channels_first", 2), [(2, 3, 2, 4, 5)]),
    "reshape": (ir.Reshape((-1, 6)), [(2, 4, 5, 3)]),
    "permute": (ir.Permute((2, 3, 1)), [(2, 4, 5, 3)]),
    "concatenate": (ir.Concatenate(1), [(2, 4, 3), (2, 5, 3)]),
    "slice": (ir.Slice(((None, None, -2), 1, (1, None, None))), [(2, 5, 4, 3)]),
    "repeat": (ir.Repeat(3), [(2, 5)]),
    "upsample": (ir.Upsample((2, 3)), [(2, 3, 4, 2)]),
    "upsample 1d": (ir.Upsample((3,)), [(2, 4, 3)]),
    "upsample 3d": (ir.Upsample((1, 2, 3)), [(2, 2, 3, 2, 2)]),
    "upsample bilinear": (ir.Upsample((2, 2), "bilinear", "channels_first"), [(2, 2, 3, 4)]),
    "resize": (ir.Resize((3, 7)), [(2, 5, 4, 2)]),
    "resize nearest": (ir.Resize((4, 3), "nearest", "channels_first"), [(2, 2, 6, 5)]),
    "resize bicubic": (ir.Resize((4, 9), "bicubic", antialias=True), [(2, 6, 5, 2)]),
    "multiply": (ir.Multiply(), [(2, 4, 3), (2, 4, 3)]),
    "multiply, broadcast": (ir.Multiply(), [(2, 3, 4, 2), (2, 1, 1, 2), (2, 3, 4, 1)]),
    "maximum": (ir.Maximum(), [(2, 4, 3), (2, 4, 3), (2, 4, 3)]),
    "minimum, broadcast": (ir.Minimum(), [(2, 4, 3), (2, 1, 3)]),
    "dot": (ir.Dot((2, 1)), [(2, 4, 3), (2, 3, 5)]),
    "dot of vectors": (ir.Dot((1, -1), normalize=True), [(2, 4), (2, 4)]),
    "dot, normalized": (ir.Dot((-1, 3), normalize=True), [(2, 4, 3), (2, 2, 5, 3)]),
    "einsum": (ir.Einsum("nqhd,nkhd->nhqk"), [(2, 4, 2, 3), (2, 5, 2, 3)]),
    "broadcast": (ir.Broadcast((4, 5, 3)), [(2, 1, 5, 3)]),
    "take": (ir.Take(1, (2, 0, 2, 1)), [(2, 3, 4)]),
    "dilate": (ir.Dilate((2, 1, 3)), [(2, 3, 4, 2)]),
    "unit norm": (ir.UnitNorm((1, -1)), [(2, 4, 3)]),
    "softmax": (ir.Softmax(), [(2, 5)]),
    "sparsemax": (ir.Sparsemax(1), [(2, 5, 3)]),
    "sparsemax of Keras": (ir.Sparsemax(keras=True), [(2, 5)]),
    "threshold": (ir.Threshold(0.25, otherwise=-0.5), [(2, 5)]),
    "clip": (ir.Clip(-0.5, 0.75), [(2, 5)]),
    "celu": (ir.Celu(0.5), [(2, 5)]),
    "hard shrink": (ir.HardShrink(), [(2, 5)]),
    "soft shrink": (ir.SoftShrink(), [(2, 5)]),
    "hard sigmoid": (ir.HardSigmoid(0.2), [(2, 5)]),
    "elu": (ir.Elu(0.5), [(2, 5)]),
    **{f: (ir.Activation(f), [(2, 5)]) for f in FUNCTIONS},
}
"""Ops that are not affine and have no weights: name → (op, shapes of its inputs)."""


WEIGHTED = {
    "layer norm": (ir.LayerNorm((1, -1)), {"gamma": (4, 3), "beta": (4, 3)}, (2, 4, 5, 3)),
    "layer norm without weights": (ir.LayerNorm(), {}, (2, 4, 5)),
    "rms norm": (ir.LayerNorm((-1,), 1e-6, rms=True), {"gamma": (5,)}, (2, 4, 5)),
    "group norm": (ir.GroupNorm(2), {"gamma": (6,), "beta": (6,)}, (2, 3, 4, 6)),
    "group norm channels first": (ir.GroupNorm(-1, axis=1), {"beta": (3,)}, (2, 3, 4, 5)),
    "mask": (ir.Mask(-0.5), {"mask": (4, 1)}, (2, 4, 3)),
    "insert": (ir.Insert(1), {"before": (1, 3), "behind": (2, 1)}, (2, 4, 3)),
    "resample": (ir.Resample(2), {"matrix": (5, 3)}, (2, 4, 5, 2)),
    "embed": (ir.Embed(), {"table": (6, 3)}, (2, 4)),
    "scan": (
        ir.Scan(
            ir.Graph([ir.Node("sum", ir.Add(), ("state", "x"))], ["state", "x"], ["sum", "sum"]),
            steps=4,
            result="all",
            starts=(0,),
        ),
        {"start:0": (3,)},
        (2, 4, 3),
    ),
    "prelu": (ir.PRelu(), {"alpha": (1, 3)}, (2, 4, 3)),
}
"""Ops that are not affine and have weights.

Name → (op, shapes of its weights, shape of its input).
"""


def case(name, rng):
    """(op, params, inputs) of any case."""
    if name in NAMES:
        return affine_cases(rng)[name]
    if name in WEIGHTED:
        op, weights, shape = WEIGHTED[name]
        params = {role: rng.normal(size=s) for role, s in weights.items()}
        if "matrix" in params:  # of weighted means
            params["matrix"] /= params["matrix"].sum(0)
        return op, params, (_images(rng, *shape),)
    op, shapes = OTHERS[name]
    return op, {}, tuple(_images(rng, *shape) for shape in shapes)
