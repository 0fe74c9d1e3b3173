"""The ops that a graph's nodes carry, one family per file."""

from ir.ops.activation import Activation, ActivationOp, Elu, HardSigmoid, PRelu, Relu, Softmax
from ir.ops.base import Op, Shape, ShapeError
from ir.ops.linear import BatchNorm, Conv, Convolution, ConvTranspose, Dense, DepthwiseConv
from ir.ops.merge import Add
from ir.ops.pooling import AvgPool, GlobalAvgPool, GlobalMaxPool, GlobalPool, MaxPool, Pool
from ir.ops.rearrange import Concatenate, Crop, Flatten, Permute, Rearrangement, Reshape, ZeroPad

__all__ = [
    "Activation",
    "ActivationOp",
    "Add",
    "AvgPool",
    "BatchNorm",
    "Concatenate",
    "Conv",
    "ConvTranspose",
    "Convolution",
    "Crop",
    "Dense",
    "DepthwiseConv",
    "Elu",
    "Flatten",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GlobalPool",
    "HardSigmoid",
    "MaxPool",
    "Op",
    "PRelu",
    "Permute",
    "Pool",
    "Rearrangement",
    "Relu",
    "Reshape",
    "Shape",
    "ShapeError",
    "Softmax",
    "ZeroPad",
]
