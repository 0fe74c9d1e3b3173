"""The worst files that could be thought of, made by hand.

Small ones that ask for much time, memory or text.
"""

import io
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import h5py
import numpy as np

from tests.fuzz.by_hand import called_often, chain, chained, file, image, layer, model

Made = Callable[[], bytes]


HUGE = 10**12
EXTREME: tuple[dict[str, Any], ...] = tuple(
    {"class_name": name, "config": config}
    for name, config in (
        ("Reshape", {"target_shape": [HUGE, -1]}),
        ("Reshape", {"target_shape": [1] * 100_000}),
        ("Permute", {"dims": list(range(100_000))}),
        ("ZeroPadding2D", {"padding": [[HUGE, HUGE], [0, 2**63 - 1]]}),
        ("Cropping2D", {"cropping": [[HUGE, HUGE], [0, HUGE]]}),
        ("MaxPooling2D", {"pool_size": [HUGE, HUGE], "padding": "same", "strides": [1, HUGE]}),
        ("AveragePooling2D", {"pool_size": [HUGE, HUGE]}),
        ("UpSampling2D", {"size": [2**62, 2**62]}),
        ("Resizing", {"height": 2**62, "width": 2**62}),
        ("CenterCrop", {"height": HUGE, "width": 1}),
        (
            "Conv2D",
            {
                "filters": 2,
                "kernel_size": [1, 1],
                "strides": [HUGE, HUGE],
                "dilation_rate": [HUGE, HUGE],
            },
        ),
        ("Conv2D", {"filters": HUGE, "kernel_size": [HUGE, HUGE]}),
        ("Conv2D", {"filters": 2, "kernel_size": [1, 1], "groups": HUGE}),
        ("Dense", {"units": 10**300}),
        ("PReLU", {"shared_axes": list(range(100_000))}),
        ("BatchNormalization", {"axis": [3] * 100_000}),
        ("LayerNormalization", {"axis": [-1] * 100_000}),
        ("UnitNormalization", {"axis": [-1] * 1_000_000}),
        ("GroupNormalization", {"groups": HUGE}),
        ("Normalization", {"axis": [1, 2, 3], "mean": [[0.0]] * 100_000, "variance": 1}),
        ("Rescaling", {"scale": [[[float("inf")]]] * 100_000}),
        ("Rescaling", {"scale": float("nan")}),
        ("Softmax", {"axis": HUGE}),
        ("ReLU", {"max_value": 10**4000}),
        ("LeakyReLU", {"alpha": {"class_name": "__numpy__", "config": {"value": [0.5] * 100_000}}}),
        ("Activation", {"activation": "x" * 1_000_000}),
        ("TFOpLambda", {"function": "y" * 1_000_000}),
        ("x" * 1_000_000, {}),
    )
)
"""Layers with configurations that no image needs."""


# --- made by hand
# -------------------------------------------------------------------------------------------------


def diamonds() -> bytes:
    """Sixty times two readers of a value joined again: 2^60 paths."""
    found = [
        layer("InputLayer", "x", {"batch_input_shape": [None, 8, 8, 3]}),
        layer("Flatten", "c0", {}, ["x"]),
    ]
    for number in range(60):
        found += [layer("Flatten", f"{side}{number}", {}, [f"c{number}"]) for side in "ab"]
        found.append(layer("Add", f"c{number + 1}", {}, [f"a{number}", f"b{number}"]))
    return file(model(found, "x", "c60"))


def astronomic_upsampling() -> bytes:
    return chained("UpSampling2D", {"size": [1000, 1000]}, 3000)


def astronomic_repeats() -> bytes:
    found = [layer("InputLayer", "x", {"batch_input_shape": [None, 8]})]
    for number in range(2000):
        found.append(
            layer("RepeatVector", f"r{number}", {"n": 10**9}, [f"f{number - 1}" if number else "x"])
        )
        found.append(layer("Flatten", f"f{number}", {}, [f"r{number}"]))
    return file(model(found, "x", "f1999"))


def models_that_call_models(inner: str = "ReLU", depth: int = 25) -> bytes:
    """Each model calls the one inside it twice, one call after the other."""
    inside: dict[str, Any] = model([image("x"), layer(inner, "y", {}, ["x"])], "x", "y")
    for number in range(depth):
        nested = {**inside, "name": "m", "inbound_nodes": [[["x", 0, 0, {}]], [["m", 1, 0, {}]]]}
        inside = model([image("x"), nested], "x", "m", f"level{number}", call=2)
    return file(inside)


def empty_models_that_call_models() -> bytes:
    return models_that_call_models("Dropout")


def very_many_edges() -> bytes:
    """A model that reads one value many times, called many times."""
    inside = model([image("x"), layer("Concatenate", "y", {"axis": 1}, ["x"] * 10_000)], "x", "y")
    calls = [[["x", 0, 0, {}]] for _ in range(9_900)]
    last = f"m{0}"
    return file(
        model([image("x"), {**inside, "name": last, "inbound_nodes": calls}], "x", last, call=9_900)
    )


def very_many_lengths(merge: str = "Add", count: int = 15_600) -> bytes:
    """As many values as can be merged, of as many axes as arrays can have."""
    found = [image("x", [None] + [1] * 63), layer(merge, "y", {}, ["x"] * count)]
    return file(model(found, "x", "y"))


def very_many_lengths_joined() -> bytes:
    return very_many_lengths("Concatenate")


def very_many_layers_that_do_nothing() -> bytes:
    """A model of layers that are never called, called often."""
    inside = model(
        [image("x"), *(layer("ReLU", f"r{number}", {}) for number in range(9_900))], "x", "x"
    )
    return called_often({**inside, "name": "y"})


def very_many_outputs_of_a_model_called_often() -> bytes:
    inside = model([image("x"), layer("ReLU", "y", {}, ["x"])], "x", "y")
    inside["config"]["output_layers"] *= 50_000
    return called_often({**inside, "name": "y"})


def very_many_aliases() -> bytes:
    """A model of many inputs and nothing else, called often by a model that is called often."""
    names = [f"i{number}" for number in range(100)]
    inner = model([image(name) for name in names], names, names[0])
    calls = [[["x", 0, 0, {}] for _ in names] for _ in range(500)]
    middle = model([image("x"), {**inner, "name": "m", "inbound_nodes": calls}], "x", "m", call=500)
    calls = [[["x", 0, 0, {}]] for _ in range(5000)]
    return file(
        model([image("x"), {**middle, "name": "n", "inbound_nodes": calls}], "x", "n", call=5000)
    )


def very_many_outputs() -> bytes:
    found = model([image("x"), layer("ReLU", "y", {}, ["x"])], "x", "y")
    found["config"]["output_layers"] *= 50_000
    return file(found)


def very_many_layers() -> bytes:
    """As many layers as fit, of which the last two have one name."""
    names = [f"d{number}" for number in range(40_000)]
    entries = [layer("Dense", name, {"units": 1}) for name in (*names, names[-1])]
    return file({"class_name": "Sequential", "config": {"name": "s", "layers": entries}})


def very_many_honest_layers() -> bytes:
    """As many layers as fit, whose groups are one group under as many names."""
    found = [image("x")]
    for number in range(9_900):
        found.append(layer("Dense", f"d{number}", {"units": 3}, [found[-1]["name"]]))
    names = [entry["name"] for entry in found[1:]]
    memory = io.BytesIO(file(model(found, "x", names[-1])))
    with h5py.File(memory, "r+") as made:
        group = made["model_weights"]
        del group.attrs["layer_names"]
        for piece in range(0, len(names), 5000):
            group.attrs[f"layer_names{piece // 5000}"] = np.array(names[piece : piece + 5000], "S")
        shared = made.create_group("shared")
        shared.attrs["weight_names"] = np.array([b"kernel", b"bias"])
        shared["kernel"], shared["bias"] = np.zeros((3, 3), "f4"), np.zeros(3, "f4")
        for name in names:
            group[name] = shared
    return memory.getvalue()


def long_names() -> bytes:
    found = [image("x")]
    for number in range(5):
        found.append(layer("Dense", f"{number}" * 1_000_000, {"units": 1}, [found[-1]["name"]]))
    return file(model(found, "x", found[-1]["name"]))


def long_names_within_each_other() -> bytes:
    """Every node of the innermost model would be called by all of the names around it."""
    found = [image("x")]
    for number in range(9_900):
        found.append(layer("ReLU", f"r{number}", {}, [found[-1]["name"]]))
    inside = model(found, "x", found[-1]["name"])
    for number in range(20):
        name = f"{number:03}" * 20_000
        nested = {**inside, "name": name, "inbound_nodes": [[["x", 0, 0, {}]]]}
        nested["config"]["name"] = name
        inside = model([image("x"), nested], "x", name)
    return file(inside)


def long_numbers() -> bytes:
    text = json.dumps(
        model([image("x"), layer("LeakyReLU", "y", {"alpha": 7, "n": 12345}, ["x"])], "x", "y")
    )
    return file(text.replace("12345", "9" * 4000).replace('"alpha": 7', f'"alpha": {"7" * 5000}'))


def long_text() -> bytes:
    """As much of JSON that takes many times its length in memory as a configuration may have."""
    return file('{"class_name": "Sequential", "config": {"layers": [' + "[]," * 3_000_000 + "[]]}}")


def constants_called_often() -> bytes:
    return called_often(
        layer("Rescaling", "y", {"scale": [0.5] * 8 * 1000, "offset": [[1.0] * 8000]}), [None, 8000]
    )


def constants_spread_out() -> bytes:
    """A single number as the mean of every value of an input without end."""
    config = {"axis": [1, 2, 3], "mean": 0.0, "variance": 1.0}
    shape = [None, 2**20, 2**20, 2**20]
    return file(model([image("x", shape), layer("Normalization", "y", config, ["x"])], "x", "y"))


def axes_called_often() -> bytes:
    return called_often(layer("UnitNormalization", "y", {"axis": [-1] * 100_000}))


def arguments_called_often() -> bytes:
    """A call with very many constants inside a model that is called very often."""
    inner = layer("Dropout", "y", {}, ["x"])
    inner["inbound_nodes"] = [[["x", 0, 0, {"mask": [0.5] * 50_000, "noise": [[[]]] * 50_000}]]]
    inside = model([image("x"), inner], "x", "y")
    return called_often({**inside, "name": "y"})


def arguments_nested_deeply() -> bytes:
    """Arguments within each other to a depth that JSON is read to, and Python functions do not call
    themselves to."""
    text = json.dumps(model([image("x"), layer("ReLU", "y", {}, ["x"])], "x", "y"))
    return file(text.replace('["x", 0, 0, {}]', "[" * 900 + "]" * 900))


def the_same_axis_twice() -> bytes:
    added = {"function": "expand_dims", "name": "y"}
    entry = {"class_name": "TFOpLambda", "name": "y", "config": added}
    return file(
        model(
            [image("x"), {**entry, "inbound_nodes": [["x", 0, 0, {"axis": [1] * 50_000}]]}],
            "x",
            "y",
        )
    )


def nested_too_deeply() -> bytes:
    return models_that_call_models(depth=200)


def reads_itself() -> bytes:
    found = [image("x"), layer("Add", "a", {}, ["x", "b"]), layer("ReLU", "b", {}, ["a"])]
    return file(model(found, "x", "b"))


def arguments_that_are_none() -> bytes:
    entry = layer("ReLU", "y", {}, ["x"])
    return file(
        model([image("x"), {**entry, "inbound_nodes": [{"args": "x", "kwargs": "y"}]}], "x", "y")
    )


def a_step_of_zero() -> bytes:
    """Every 0th cell of an axis."""
    whole = {"start": None, "stop": None, "step": None}
    entry = {
        "class_name": "SlicingOpLambda",
        "name": "y",
        "config": {"function": "__operators__.getitem", "name": "y"},
    }
    calls = [["x", 0, 0, {"slice_spec": [whole, {**whole, "step": 0}]}]]
    return file(model([image("x"), {**entry, "inbound_nodes": calls}], "x", "y"))


def layers_that_are_none() -> bytes:
    return file({"class_name": "Sequential", "config": ["x"]})


def two_of_one_name() -> bytes:
    return file(
        model([image("x"), layer("ReLU", "y", {}, ["x"]), layer("ReLU", "y", {}, ["x"])], "x", "y")
    )


FILES: dict[str, Made] = {
    **{
        function.__name__: function
        for function in (
            diamonds,
            astronomic_upsampling,
            astronomic_repeats,
            models_that_call_models,
            empty_models_that_call_models,
            very_many_edges,
            very_many_lengths,
            very_many_lengths_joined,
            very_many_layers_that_do_nothing,
            very_many_outputs_of_a_model_called_often,
            very_many_aliases,
            very_many_outputs,
            very_many_layers,
            very_many_honest_layers,
            long_names,
            long_names_within_each_other,
            long_numbers,
            long_text,
            constants_called_often,
            constants_spread_out,
            axes_called_often,
            arguments_called_often,
            arguments_nested_deeply,
            the_same_axis_twice,
            nested_too_deeply,
            reads_itself,
            two_of_one_name,
            layers_that_are_none,
            arguments_that_are_none,
            a_step_of_zero,
        )
    },
    **{
        f"{entry['class_name'][:20]}_{number}": partial(chain, entry)
        for number, entry in enumerate(EXTREME)
    },
}
"""All of them by name: whole models in HDF5 as Keras 2 writes them."""
