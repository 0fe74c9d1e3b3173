"""Networks of `keras.applications`: Keras's own function, traced, against the file that it saves."""

import logging

import jax
import numpy as np
import pytest

import ir
import jlrp
from tests.families import SHORTER, built, images_for

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

NEAR = 1e-5
"""Keras computes BatchNorm in float32 whatever it is given, and so its folded weights are rounded
differently."""

FROZEN = jlrp.PRESETS["epsilon_plus"]().with_rules((ir.LayerNorm, jlrp.DetachedNorm()))
"""With the identity at LayerNorm, ConvNeXt's relevance is so badly conditioned that weights which
differ by 1e-8 of themselves change it by 2e-3."""

CASES = {
    "ResNet50": ("epsilon_plus", "crawford2019_original"),
    "EfficientNetB0": ("epsilon_plus",),
    "ConvNeXtTiny": (FROZEN,),
    "MobileNetV3Small": ("epsilon_plus",),
    "DenseNet121": ("epsilon_plus",),
}


def of_keras(model):
    """`(function, params)` of a Keras model; the params by their paths."""
    trained = [v.path for v in model.trainable_variables]
    fixed = [v.path for v in model.non_trainable_variables]

    def function(params, x):
        values = ([params[path] for path in paths] for paths in (trained, fixed))
        return model.stateless_call(*values, x, training=False)[0]

    return function, {v.path: v.value for v in model.variables}


@pytest.mark.parametrize("name", CASES)
def test_as_the_file(name, tmp_path, caplog, x64):
    caplog.set_level(logging.ERROR)
    with jax.numpy_dtype_promotion("standard"):
        model = built(name, shorter=name in SHORTER)
        images = images_for(model, count=2)
        model.save(tmp_path / "model.keras")
        loaded = ir.load(tmp_path / "model.keras")
        traced = jlrp.trace(*of_keras(model), images[:1])
    for preset in CASES[name]:
        results = []
        for each in (traced, loaded):
            params = jax.tree.map(lambda a: np.asarray(a, np.float64), each.params)
            explain = jlrp.explainer(each, preset)
            results.append(explain(params, images.astype(np.float64), target=3))
        found, right = results
        assert abs(found.output - right.output).max() <= NEAR * abs(right.output).max()
        apart = abs(found.relevance - right.relevance).max()
        assert apart <= NEAR * abs(right.relevance).max()
