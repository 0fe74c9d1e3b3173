"""Whole models in HDF5 made from a few words, as Keras 2 writes them."""

import io
import json
from typing import Any

import h5py
import numpy as np


def layer(
    class_name: str, name: str, config: dict[str, Any], reads: list[str] | None = None
) -> dict[str, Any]:
    """A layer that is called once, as Keras 2 writes it."""
    calls = [[[each, 0, 0, {}] for each in reads]] if reads else []
    return {
        "class_name": class_name,
        "name": name,
        "config": {**config, "name": name},
        "inbound_nodes": calls,
    }


def image(
    name: str, shape: tuple[int | None, ...] | list[int | None] = (None, 8, 8, 3)
) -> dict[str, Any]:
    return layer("InputLayer", name, {"batch_input_shape": list(shape)})


def model(
    layers: list[dict[str, Any]],
    inputs: str | list[str],
    output: str,
    name: str = "model",
    call: int = 0,
) -> dict[str, Any]:
    """A model that returns the value of a layer's call of this number."""
    starts = [[each, 0, 0] for each in ([inputs] if isinstance(inputs, str) else inputs)]
    config = {
        "name": name,
        "layers": layers,
        "input_layers": starts,
        "output_layers": [[output, call, 0]],
    }
    return {"class_name": "Model", "config": config}


def chain(entry: dict[str, Any]) -> bytes:
    """A model of one layer, with weights that may be its own."""
    read = {**entry, "name": "y", "inbound_nodes": [[["x", 0, 0, {}]]]}
    kernels = {
        "Conv2D": np.zeros((1, 1, 3, 2)),
        "PReLU": np.zeros((8, 8, 3)),
        "Dense": np.zeros((3, 2)),
    }
    weights = (
        {"a": kernels[entry["class_name"]], "bias": np.zeros(2)}
        if entry["class_name"] in kernels
        else {}
    )
    if entry["class_name"] == "PReLU":
        del weights["bias"]
    return file(model([image("x"), read], "x", "y"), {"y": weights} if weights else {})


def chained(class_name: str, config: dict[str, Any], count: int) -> bytes:
    """Many of one layer after each other."""
    found = [image("x")]
    for number in range(count):
        found.append(layer(class_name, f"y{number}", config, [found[-1]["name"]]))
    return file(model(found, "x", found[-1]["name"]))


def called_often(entry: dict[str, Any], shape: list[int | None] | None = None) -> bytes:
    """A model that calls one layer 9,900 times, each call reading the one before."""
    calls = [[["y", number - 1, 0, {}] if number else ["x", 0, 0, {}]] for number in range(9_900)]
    start = image("x", shape or [None, 8, 8, 3])
    return file(model([start, {**entry, "inbound_nodes": calls}], "x", "y", call=9_899))


def file(
    config: dict[str, Any] | str, weights: dict[str, dict[str, np.ndarray]] | None = None
) -> bytes:
    """A whole model in HDF5 as Keras 2 writes it."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as made:
        made.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        made.attrs["keras_version"], made.attrs["backend"] = "2.2.4", "tensorflow"
        group = made.create_group("model_weights")
        group.attrs["layer_names"] = (
            np.array([name.encode() for name in weights or {}], "S") if weights else [b"x"]
        )
        for name, arrays in (weights or {"x": {}}).items():
            member = group.create_group(name)
            member.attrs["weight_names"] = np.array([each.encode() for each in arrays], "S4")
            for each, values in arrays.items():
                member[each] = values.astype("f4")
    return memory.getvalue()
