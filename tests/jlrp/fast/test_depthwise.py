"""Depthwise convolutions as sums of shifted images, against XLA's grouped convolution."""

import jax
import numpy as np
import pytest
from jax import lax

import ir
from jlrp.fast.depthwise import slide


def grouped(op, kernel, x):
    """The same by `lax.conv_general_dilated`."""
    *window, channels, multiplier = kernel.shape
    images = "NCHW" if op.data_format == "channels_first" else "NHWC"
    return lax.conv_general_dilated(
        x,
        kernel.reshape(*window, 1, channels * multiplier),
        op.strides,
        op.padding.upper() if isinstance(op.padding, str) else op.padding,
        rhs_dilation=op.dilation,
        dimension_numbers=(images, "HWIO", images),
        feature_group_count=channels,
    )


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize(
    "op",
    [
        ir.DepthwiseConv(),
        ir.DepthwiseConv((2, 1), "same"),
        ir.DepthwiseConv((2, 2), ((1, 0), (2, 1))),
        ir.DepthwiseConv((1, 1), "same", (2, 2)),
        ir.DepthwiseConv((2, 2), "same", data_format="channels_first"),
    ],
    ids=str,
)
def test_equals_a_grouped_convolution_and_its_transpose(op, multiplier, rng):
    shape = (2, 3, 7, 8) if op.data_format == "channels_first" else (2, 7, 8, 3)
    x, kernel = rng.normal(size=shape), rng.normal(size=(3, 2, 3, multiplier))
    expected, back = jax.vjp(lambda x: grouped(op, kernel, x), x)
    found, own = jax.vjp(lambda x: slide(op, kernel, x), x)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(own(expected)[0], back(expected)[0], atol=1e-11)
