"""The shipped demonstration model does what its description says."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.optimised

ROOT = Path(__file__).parents[1]
DATA = ROOT / "jlrp" / "data"
MODEL = DATA / "digits_resnet.h5"


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "train_digits", ROOT / "tools" / "train_digits.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


script = _script()


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    return json.loads((DATA / "digits_resnet.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return script.digits()


@pytest.fixture(scope="module")
def held_out(digits: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return script.split(digits[1])[1]


@pytest.fixture(scope="module")
def predicted(digits: tuple[np.ndarray, np.ndarray], held_out: np.ndarray) -> dict[int, int]:
    """The class that Keras predicts for every held-out image, by its index."""
    model = keras.models.load_model(MODEL, compile=False)
    outputs = model.predict(script.model_input(digits[0][held_out]), verbose=0)
    return dict(zip(held_out.tolist(), outputs.argmax(axis=1).tolist(), strict=True))


@pytest.mark.slow
def test_the_held_out_digits_are_read_correctly(
    digits: tuple[np.ndarray, np.ndarray], predicted: dict[int, int], facts: dict[str, Any]
) -> None:
    accuracy = np.mean([digits[1][index] == label for index, label in predicted.items()])
    assert accuracy >= 0.97
    assert accuracy == pytest.approx(facts["accuracy"]["held_out"], abs=1.5 / len(predicted))


def test_a_fifth_is_held_out_in_proportion(
    digits: tuple[np.ndarray, np.ndarray], held_out: np.ndarray
) -> None:
    labels = digits[1]
    assert len(held_out) == 360
    counts = np.bincount(labels[held_out]) / np.bincount(labels)
    np.testing.assert_allclose(counts, 0.2, atol=0.005)


def test_the_file_is_small() -> None:
    assert MODEL.stat().st_size < 1_000_000


def test_the_pictures_are_held_out_images_exactly(
    digits: tuple[np.ndarray, np.ndarray], held_out: np.ndarray, facts: dict[str, Any]
) -> None:
    assert {path.name for path in (DATA / "digits").iterdir()} == {
        entry["file"] for entry in facts["digits"]
    }
    for entry in facts["digits"]:
        assert entry["index"] in held_out
        with Image.open(DATA / "digits" / entry["file"]) as picture:
            assert (picture.format, picture.mode) == ("PNG", "L")
            np.testing.assert_array_equal(np.asarray(picture), digits[0][entry["index"], :, :, 0])


@pytest.mark.slow
def test_the_pictures_are_read_as_described(
    digits: tuple[np.ndarray, np.ndarray], predicted: dict[int, int], facts: dict[str, Any]
) -> None:
    for entry in facts["digits"]:
        assert entry["label"] == digits[1][entry["index"]]
        assert entry["predicted"] == predicted[entry["index"]]
        assert entry["file"].startswith(f"digit_{entry['label']}_")
    right = [entry["label"] for entry in facts["digits"] if entry["label"] == entry["predicted"]]
    assert right == list(range(10))


def test_ink_is_bright_on_empty_paper(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images = digits[0]
    assert images.shape == (1797, 32, 32, 1)
    assert images.max() == 255
    assert not images[:, :2].any()
    assert (images == 0).mean() > 0.5


def test_a_coarse_cell_keeps_its_value_in_the_middle() -> None:
    image = np.zeros((1, 8, 8), int)
    image[0, 3, 4] = 16
    assert script.enlarged(image)[0, 4 + 3 * 3 + 1, 4 + 3 * 4 + 1, 0] == 255
