"""Values of another JSON type, wherever they stand in a configuration.

A model or a sentence that was foreseen.
"""

import contextlib
import json
from copy import deepcopy

import h5py
import numpy as np
import pytest

import ir
from ir.formats.keras.assembly import assemble
from ir.formats.keras.blueprint import major
from ir.formats.keras.config import model_spec
from ir.formats.keras.weights import stored_arrays
from tests.fuzz.json_level import entries
from tests.ir.test_load_errors import assert_refused
from tests.keras_files import KERAS, edited, saved, sequential

OTHERS = (None, True, 1, -1.5, "x", [], {}, [1], [None], [[]], {"config": 1}, {"class_name": 1})
"""Values of every type, alone and in lists and objects."""

FILES = (
    "keras1.2.2/mini_sequential_k1.full.h5",
    "tfkeras2.15.1/mini_sequential_vgg.full.h5",
    "keras3.15.1/mini_mixed_float16.full.h5",
)


def places(config):
    """Every kind of place: of those in layers of one class with the same path, the first."""
    waiting, seen = [(config, ())], set()
    while waiting:
        value, path = waiting.pop(0)
        path = (value["class_name"],) if isinstance(value, dict) and "class_name" in value else path
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            kind = (*path, key if isinstance(key, str) else "[]")
            if kind not in seen and kind[-1] not in ("class_name", "name"):
                yield value, key
            seen.add(kind)
            if isinstance(item, dict | list):
                waiting.append((item, kind))


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_no_value_of_another_type_is_unforeseen(file):
    with h5py.File(KERAS / file) as opened:
        text, version = opened.attrs["model_config"], major(opened.attrs["keras_version"])
    params, config = ir.load(KERAS / file).params, json.loads(text)
    count = 0
    for place, key in places(config):
        kept = place[key]
        for other in OTHERS:
            place[key] = deepcopy(other)
            with contextlib.suppress(ir.LoadError):
                if isinstance(config.get("config"), dict | list):
                    spec = model_spec(config, version)
                    assert all(isinstance(stored_arrays(layer), list) for layer in spec.layers)
                    assemble(spec, {layer: dict(arrays) for layer, arrays in params.items()}, {})
            count += 1
        place[key] = kept
    assert count > 500


@pytest.mark.parametrize("policy", [{"config": 1}, {"config": {"name": 5}}, [1], 5, True])
def test_dtype_policies_of_another_type(tmp_path, policy):
    def change(config):
        for place, key in entries(config):
            if key == "dtype":
                place[key] = policy

    path = edited(tmp_path / "m.h5", "keras3.15.1/mini_resnet.full.h5", change)
    assert_refused(path, "has dtype=", "names no dtype and no policy")


@pytest.mark.parametrize(
    ("layer", "fields", "words"),
    [
        ("Permute", {"dims": [1, None]}, ["dims=[1, None]", "a list of whole numbers"]),
        ("Take", {"axis": [[1, 2]], "indices": 0}, ["goes over the axes [[1, 2]]"]),
        ("Take", {"axis": [1, 2], "indices": 0}, ["[1, 2]", "one axis is needed"]),
        ("Take", {"axis": 1, "indices": {"config": 1}}, ["the index None"]),
        ("Pad", {"pad_width": [[0, 0], [0, None], [1, 1]]}, ["one pair per axis"]),
        ("Pad", {"pad_width": [[0, 0], [0, float("inf")], [1, 1]]}, ["one pair per axis"]),
        (
            "Rescaling",
            {"scale": [1.0, 2.0, 3.0], "offset": [[1.0], [2.0]]},
            ["constants of different shapes"],
        ),
        (
            "Rescaling",
            {"scale": [1.0, 2.0, 3.0], "offset": [1.0, 2.0]},
            ["constants of different shapes"],
        ),
    ],
)
def test_fields_of_another_type(tmp_path, layer, fields, words):
    config = sequential((layer, {"name": "l", "batch_input_shape": [None, 2, 3], **fields}))
    path = saved(tmp_path / "m.h5", config, {"l": {}}, keras_version="3.15.1")
    assert_refused(path, "'l'", *words)


def test_the_layout_of_keras_1_is_text(tmp_path):
    fields = {"nb_filter": 1, "nb_row": 1, "nb_col": 1, "dim_ordering": []}
    config = sequential(
        ("Convolution2D", {"name": "c", "batch_input_shape": [None, 2, 2, 1], **fields})
    )
    arrays = {"c_W": np.ones((1, 1, 1, 1), "f"), "c_b": np.ones(1, "f")}
    path = saved(tmp_path / "m.h5", config, {"c": arrays}, keras_version="1.2.2")
    assert ir.load(path).graph.data_format == "channels_last"
