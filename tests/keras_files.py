"""Files in Keras's HDF5 format, made by hand or by changing one that Keras wrote."""

import json
import shutil
from pathlib import Path

import h5py

KERAS = Path(__file__).parent / "data" / "keras"
"""Models that each version of Keras saved (`.full.h5`), and what it computed with them
(`.oracle.npz`)."""


def edited(path, fixture, change):
    """A copy of a fixture whose model configuration `change` has changed in place."""
    shutil.copy(KERAS / fixture, path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)
    return path


def saved(path, config, layers, **attributes):
    """A whole model by hand: `layers` is `{layer: {array's name: array}}`."""
    with h5py.File(path, "w") as file:
        file.attrs.update({"model_config": json.dumps(config), **attributes})
        fill(file.create_group("model_weights"), layers)
    return path


def sequential(*layers):
    """A `Sequential`'s configuration as Keras 2.2.4 writes it, from (class, configuration) pairs."""
    return {
        "class_name": "Sequential",
        "config": {
            "name": "sequential_1",
            "layers": [{"class_name": c, "config": config} for c, config in layers],
        },
    }


def weights_file(path, layers, **attributes):
    """Weights alone: `layers` is `{layer: {array's name: array}}`."""
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        fill(file, layers)
    return path


def fill(group, layers):
    """Write `{layer: {array's name: array}}` as Keras does."""
    group.attrs["layer_names"] = [name.encode() for name in layers]
    for name, arrays in layers.items():
        layer = group.create_group(name)
        layer.attrs["weight_names"] = [array.encode() for array in arrays]
        for array, values in arrays.items():
            layer[array] = values
