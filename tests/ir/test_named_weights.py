"""Weights alone of networks of `keras.applications`, given by name, as Keras saves them."""

import os

import h5py
import numpy as np
import pytest

import ir
from ir.formats.keras.architectures import applications
from tests.keras_models import drawn_by_numpy

os.environ.setdefault("KERAS_BACKEND", "jax")

NETWORKS = {
    "mobilenetv3small": ("MobileNetV3Small", {"classes": 7}, "1.0"),
    "mobilenet": (
        "MobileNet",
        {"alpha": 0.25, "include_top": False, "input_shape": (32, 32, 3)},
        "0.25",
    ),
    "efficientnetb0": (
        "EfficientNetB0",
        {"include_top": False, "input_shape": (32, 32, 3)},
        "scratch",
    ),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_by_name(name, tmp_path):
    import keras
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    builder, options, variant = NETWORKS[name]
    with drawn_by_numpy():
        theirs = getattr(keras.applications, builder)(weights=None, **options)
    theirs.save(tmp_path / "m.keras")
    whole = ir.load(tmp_path / "m.keras")
    theirs.save_weights(tmp_path / "w.weights.h5")
    for version in (None, "2.4.0"):
        with h5py.File(tmp_path / f"{version}.h5", "w") as file:
            save_weights_to_hdf5_group(file, theirs)
            for mark in ("keras_version", "backend"):
                file.attrs.pop(mark, None)
            if version is not None:
                file.attrs["keras_version"] = version
    for path in ("w.weights.h5", "None.h5", "2.4.0.h5"):
        model = ir.load(tmp_path / path, architecture=name)
        assert model.source["variant"] == variant
        assert [node.op for node in model.graph.nodes] == [node.op for node in whole.graph.nodes]
        for ours, expected in zip(model.params.values(), whole.params.values(), strict=True):
            for role, array in expected.items():
                np.testing.assert_array_equal(ours[role], array)


@pytest.mark.parametrize(
    ("layers", "variance", "variant"),
    [
        (238, [1.0, 1.0, 1.0], "scratch"),
        (10_000, [1.0, 1.0, 1.0], "imagenet"),
        (238, [0.229, 0.224, 0.225], "imagenet"),  # as the published files have it
    ],
)
def test_efficientnet_is_told_by_its_layers_and_by_the_variance_that_it_stores(
    layers, variance, variant
):
    assert applications.detect_variant("efficientnetb0", layers, np.array(variance)) == variant
    assert applications.detect_variant("vgg16", layers, None) is None
