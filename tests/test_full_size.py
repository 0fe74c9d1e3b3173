"""Keras's ResNet50 at its full size: from the file that Keras saves to pictures of relevance."""

import subprocess
import sys

import jax
import numpy as np
import pytest
from PIL import Image

import ir
import jlrp
from benchmarks.networks import built, caffe, photographs
from tests.keras_models import drawn_by_numpy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.optimised,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Keras's own
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The file, a batch of eight preprocessed images, and what Keras computes before its softmax."""
    import keras

    folder = tmp_path_factory.mktemp("resnet50")
    with drawn_by_numpy():
        model = built("resnet50")
    model.save(folder / "resnet50.h5")
    images = photographs(8)
    model.layers[-1].activation = keras.activations.linear
    return folder / "resnet50.h5", images, model.predict(caffe(images), verbose=0)


def test_logits_are_keras_s_and_a_batch_is_explained(saved):
    path, images, logits = saved
    model = ir.load(path)
    params = jax.device_put(model.params)
    result = jlrp.explainer(model.graph, "epsilon_plus_flat")(params, caffe(images))
    assert logits.shape == (8, 1000)
    # float32 over 50 layers: sums in another order differ by up to 3e-5 of the largest
    assert np.abs(result.output - logits).max() <= 1e-4 * np.abs(logits).max()
    np.testing.assert_array_equal(result.target, logits.argmax(1))
    assert result.relevance.shape == (8, 224, 224, 3)
    assert np.isfinite(result.relevance).all()
    assert (np.abs(result.relevance).max((1, 2, 3)) > 0).all()
    single = jlrp.explainer(model.graph, "epsilon_plus_flat")(params, caffe(images[5:6]))
    assert (
        np.abs(single.relevance[0] - result.relevance[5]).max()
        <= 1e-4 * np.abs(result.relevance[5]).max()
    )


def test_command_line_explains_jpegs(saved, tmp_path):
    path, images, _ = saved
    for index in range(3):
        Image.fromarray(images[index]).resize((300, 260)).save(tmp_path / f"photo{index}.jpg")
    command = [
        sys.executable,
        "-m",
        "jlrp",
        "explain",
        str(path),
        str(tmp_path),
        "-o",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(
        [*command, "--batch-size", "2"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "caffe" in done.stdout + done.stderr  # the preprocessing that was chosen is said
    written = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert [name for name in written if name.endswith(".npz")] == [
        f"photo{i}.npz" for i in range(3)
    ]
    with np.load(tmp_path / "out" / "photo0.npz") as result:
        assert result["relevance"].shape == (224, 224, 3)
        assert np.abs(result["relevance"]).max() > 0
