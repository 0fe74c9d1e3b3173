"""Changes of JSON.

Of values wherever they stand, and of the layers that a Keras architecture lists.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

import ir.keras

JUNK: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3,
        7,
        2**31,
        2**53,
        2**63 - 1,
        2**63,
        -(2**63),
        10**12,
        10**30,
        10**4000,
    ),
    *(
        0.0,
        -0.5,
        1.5,
        1e308,
        float("inf"),
        float("nan"),
        "",
        "x",
        "/",
        "a/b",
        "a\nb\x1b[31m",
        "\u0000",
        "\ud800",
    ),
    *(
        "same",
        "valid",
        "causal",
        "channels_first",
        "channels_last",
        "linear",
        "relu",
        "softmax",
        "Dense",
        "bilinear",
    ),
    *(
        "é" * 50,
        "y" * 1_000_000,
        [],
        {},
        [1],
        [0, 4],
        [4, 0],
        [[1, 2], [3, 4]],
        [None],
        [[]],
        ["x", "y"],
        [3] * 65,
    ),
    *(
        {"float": "inf"},
        {"float": "nan"},
        {"a": 1},
        [2**40, 2**40],
        [0, 2**62],
        [-1],
        [None, 8, 8, 3],
        [None, None],
    ),
    *(
        {"class_name": "__numpy__", "config": {"value": [1.0, 2.0]}},
        {"class_name": "ReLU", "config": {}},
    ),
)
"""Values to put in place of others."""

FIELDS = (
    *(
        "groups",
        "axis",
        "padding",
        "strides",
        "dilation_rate",
        "data_format",
        "activation",
        "use_bias",
        "dtype",
    ),
    *(
        "trainable",
        "batch_shape",
        "batch_input_shape",
        "name",
        "n",
        "target_shape",
        "dims",
        "size",
        "function",
    ),
    *(
        "kernel_size",
        "units",
        "filters",
        "epsilon",
        "mean",
        "variance",
        "keepdims",
        "scale",
        "offset",
        "mode",
    ),
)
DEEP = "@deep@"
"""Stands for nesting deeper than any JSON writer goes, until the text is made."""


# --- anywhere
# -----------------------------------------------------------------------------------------------------


def value_replaced(config: Any, rng: Random) -> None:
    place, key = _entry(config, rng)
    place[key] = deepcopy(rng.choice(JUNK))


def value_removed(config: Any, rng: Random) -> None:
    place, key = _entry(config, rng)
    del place[key]


def values_swapped(config: Any, rng: Random) -> None:
    (a, i), (b, j) = _entry(config, rng), _entry(config, rng)
    a[i], b[j] = deepcopy(b[j]), deepcopy(a[i])


def value_doubled(config: Any, rng: Random) -> None:
    place, key = _entry(config, rng)
    if isinstance(place, list):
        place.insert(key, deepcopy(place[key]))
    else:
        place[f"{key}_"] = deepcopy(place[key])


def number_changed(config: Any, rng: Random) -> None:
    numbers = [(place, key) for place, key in entries(config) if type(place[key]) in (int, float)]
    if numbers:
        place, key = rng.choice(numbers)
        place[key] = rng.choice(
            (place[key] + rng.choice((-1, 1)), place[key] * 2, rng.randint(-2, 9), 10**12, 2**62)
        )


def nested_deeply(config: Any, rng: Random) -> None:
    place, key = _entry(config, rng)
    place[key] = DEEP


GENERAL = (
    value_replaced,
    value_replaced,
    value_removed,
    values_swapped,
    value_doubled,
    number_changed,
    nested_deeply,
)


# --- of a Keras architecture
# --------------------------------------------------------------------------------------


def class_swapped(config: Any, rng: Random) -> None:
    _layer(config, rng)["class_name"] = rng.choice(ir.keras.supported())


def similar_class(config: Any, rng: Random) -> None:
    """A class that takes the same values: more of these models can be laid out."""
    kinds = (
        (
            "ReLU",
            "LeakyReLU",
            "ELU",
            "Dropout",
            "Activation",
            "Softmax",
            "ThresholdedReLU",
            "GaussianNoise",
        ),
        ("Add", "Average", "Maximum", "Minimum", "Multiply", "Concatenate", "Subtract", "Dot"),
        (
            "MaxPooling2D",
            "AveragePooling2D",
            "GlobalAveragePooling2D",
            "GlobalMaxPooling2D",
            "UpSampling2D",
            "Flatten",
        ),
        ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "Dense"),
    )
    for layer in _shuffled(list(layers(config)), rng):
        for kind in kinds:
            if layer.get("class_name") in kind:
                layer["class_name"] = rng.choice(kind)
                return


def configuration_changed(config: Any, rng: Random) -> None:
    """Another value of a field of a layer."""
    inside = _layer(config, rng).get("config")
    if isinstance(inside, dict) and inside:
        key = rng.choice([*inside, *FIELDS])
        old = inside.get(key)
        similar = {
            bool: lambda: not old,
            int: lambda: rng.choice((old + 1, 1, 2, 3, 5)),
            float: lambda: rng.choice((0.0, 1e-3, -old, 1.0)),
            str: lambda: rng.choice(
                ("same", "valid", "relu", "tanh", "linear", "float16", "channels_first", old * 2)
            ),
            list: lambda: [rng.choice((1, 2, 3, 4)) if isinstance(n, int) else n for n in old],
        }
        likely = similar.get(type(old)) if rng.random() < 0.6 else None
        inside[key] = likely() if likely else deepcopy(rng.choice(JUNK))


def configurations_swapped(config: Any, rng: Random) -> None:
    a, b = _layer(config, rng), _layer(config, rng)
    a["config"], b["config"] = deepcopy(b.get("config")), deepcopy(a.get("config"))


def layer_removed(config: Any, rng: Random) -> None:
    every = [each for each in _lists(config) if each]
    if every:
        del (chosen := rng.choice(every))[rng.randrange(len(chosen))]


def layer_doubled(config: Any, rng: Random) -> None:
    """A layer once more, in most cases under another name."""
    every = [each for each in _lists(config) if each]
    if every:
        chosen = rng.choice(every)
        again = deepcopy(rng.choice(chosen))
        if rng.random() < 0.8 and isinstance(again, dict):
            again["name"] = "again"
            if isinstance(again.get("config"), dict):
                again["config"]["name"] = "again"
        chosen.insert(rng.randint(0, len(chosen)), again)


def layers_moved(config: Any, rng: Random) -> None:
    every = [each for each in _lists(config) if each]
    if every:
        rng.shuffle(rng.choice(every))


def rewired(config: Any, rng: Random) -> None:
    """A layer reads another value, perhaps its own."""
    if found := list(_references(config)):
        reference, names = (
            rng.choice(found),
            [n for layer in layers(config) if isinstance(n := _name(layer), str)],
        )
        which = rng.choice((0, 0, 0, 1, 2))
        reference[which] = (
            rng.choice(names or ["none"]) if which == 0 else rng.choice((0, 1, 2, 10**12))
        )


def called_again(config: Any, rng: Random) -> None:
    """A layer has one more call, a copy of one of its own or of another layer."""
    calls = [layer["inbound_nodes"] for layer in layers(config) if layer.get("inbound_nodes")]
    if calls := [each for each in calls if isinstance(each, list)]:
        rng.choice(calls).append(deepcopy(rng.choice(rng.choice(calls))))


def called_often(config: Any, rng: Random) -> None:
    """A layer has very many calls, which nothing reads."""
    calls = [layer["inbound_nodes"] for layer in layers(config) if layer.get("inbound_nodes")]
    if calls := [each for each in calls if isinstance(each, list)]:
        chosen = rng.choice(calls)
        chosen += [deepcopy(chosen[0]) for _ in range(rng.choice((50, 500, 3000)))]


def put_inside(config: Any, rng: Random) -> None:
    """A layer is a copy of the whole model."""
    layer = _layer(config, rng)
    if isinstance(config, dict) and isinstance(layer.get("config"), dict):
        inner = deepcopy({key: config[key] for key in ("class_name", "config") if key in config})
        if isinstance(inner.get("config"), dict):
            inner["config"]["name"] = _name(layer)
        layer.update(inner)


def outputs_changed(config: Any, rng: Random) -> None:
    inside = config.get("config") if isinstance(config, dict) else None
    ends = [
        inside[key]
        for key in ("input_layers", "output_layers")
        if isinstance(inside, dict) and key in inside
    ]
    if ends := [each for each in ends if isinstance(each, list)]:
        names = [n for layer in layers(config) if isinstance(n := _name(layer), str)]
        rng.choice(ends).append([rng.choice(names or ["none"]), 0, 0])


def trained_differently(config: Any, rng: Random) -> None:
    inside = _layer(config, rng).get("config")
    if isinstance(inside, dict):
        inside["trainable"] = not inside.get("trainable")


KERAS = (
    class_swapped,
    similar_class,
    similar_class,
    configuration_changed,
    configuration_changed,
    configuration_changed,
    configurations_swapped,
    layer_removed,
    layer_doubled,
    layers_moved,
    rewired,
    rewired,
    called_again,
    called_often,
    put_inside,
    outputs_changed,
    trained_differently,
)


def mutated(text: str, rng: Random, special: tuple[Any, ...] = KERAS) -> tuple[str, list[str]]:
    """JSON after one or two changes, two of three of them `special` ones, and which they were."""
    config, done = json.loads(text), []
    for _ in range(1 if rng.random() < 0.8 else 2):
        edit = rng.choice(special if rng.random() < 0.67 else GENERAL)
        try:
            edit(config, rng)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
            break  # the change before left nothing that this one could take apart
        done.append(edit.__name__)
    return written(config, rng), done


def written(config: Any, rng: Random) -> str:
    """The text of changed JSON."""
    text = json.dumps(config)
    if f'"{DEEP}"' in text:
        depth = rng.choice((10, 500, 990, 1000, 5000, 100_000))
        text = text.replace(f'"{DEEP}"', "[" * depth + "]" * depth)
    return text


# --- what they are made of
# ----------------------------------------------------------------------------------------


def entries(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in nested lists and objects, as what holds it and its key there."""
    waiting = [value]
    while waiting:
        place = waiting.pop()
        for key, item in list(place.items()) if isinstance(place, dict) else list(enumerate(place)):
            yield place, key
            if isinstance(item, dict | list):
                waiting.append(item)


def _entry(value: Any, rng: Random) -> tuple[Any, Any]:
    """A place, met by a walk from the outside in.

    Those that are not deep are as likely as those that are.
    """
    place, key = value, None
    found: list[tuple[Any, Any]] = []
    while isinstance(place, dict | list) and place:
        key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
        found.append((place, key))
        place = place[key]
    return rng.choice(found[len(found) // 3 :]) if found else ({"": value}, "")


def layers(config: Any) -> Iterator[dict[str, Any]]:
    """The entries of all layers, those of nested models included."""
    for each in _lists(config):
        yield from (entry for entry in each if isinstance(entry, dict))


def _lists(config: Any) -> Iterator[list[Any]]:
    inside = config.get("config") if isinstance(config, dict) else None
    found = inside.get("layers") if isinstance(inside, dict) else inside
    if isinstance(found, list):
        yield found
        for entry in found:
            yield from _lists(entry)


def _layer(config: Any, rng: Random) -> dict[str, Any]:
    return rng.choice(list(layers(config)) or [{}])


def _name(layer: dict[str, Any]) -> Any:
    inside = layer.get("config")
    return layer.get("name") or (inside.get("name") if isinstance(inside, dict) else None)


def _references(config: Any) -> Iterator[list[Any]]:
    for layer in layers(config):
        for place, key in entries([layer.get("inbound_nodes")]):
            item = place[key]
            if (
                isinstance(item, list)
                and len(item) > 2
                and isinstance(item[0], str)
                and isinstance(item[1], int)
            ):
                yield item


def _shuffled(found: list[Any], rng: Random) -> list[Any]:
    return rng.sample(found, len(found))
