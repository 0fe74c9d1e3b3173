"""The range of float32 in which relevance is finite wherever the forward pass is, under every
preset: both ends."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ir
import jlrp

pytestmark = pytest.mark.optimised

DATA = Path(jlrp.__file__).parent / "data"
ENDS = (1e-30, 1e18)
"""By which the weights of a layer are multiplied; docs/limits.md states it."""


@pytest.fixture(scope="module")
def digits():
    names = ("digit_3_a.png", "digit_4_a.png")
    pixels = np.stack([np.asarray(Image.open(DATA / "digits" / name)) for name in names])
    return (pixels[..., None] / 255).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return ir.load(DATA / "digits_resnet.h5")


@pytest.mark.slow
@pytest.mark.parametrize("preset", jlrp.PRESETS)
def test_relevance_is_finite(digits, model, preset):
    bounds = {"low": 0.0, "high": 1.0} if preset == "epsilon_gamma_box" else {}
    explain = jlrp.explainer(model.graph, jlrp.PRESETS[preset](**bounds))
    layers = [node.params for node in model.graph.nodes if isinstance(node.op, ir.Convolution)]
    for scaled, factor in product((layers[0], layers[5], layers[-1]), ENDS):
        weights = {
            role: (array * np.float64(factor)).astype(np.float32)
            for role, array in model.params[scaled].items()
        }
        result = explain({**model.params, scaled: weights}, digits)
        assert np.isfinite(result.output).all()
        assert np.isfinite(result.relevance).all(), (scaled, factor)


def test_an_input_of_nothing_gets_nothing_however_large_the_quotient():
    x, factor = np.float32([0, 0, 0, 2, -2]), np.float32([np.inf, np.nan, 3, np.inf, 3])
    found = np.asarray(jlrp.rules.base.product(x, factor))
    np.testing.assert_array_equal(found, np.float32([0, 0, 0, np.inf, -6]))
