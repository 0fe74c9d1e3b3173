"""Reports with made-up numbers, for the tests of the page."""

import numpy as np

import ir
import jlrp
from jlrp.propagation.ledger import Ledger
from jlrp.report import Map, Picture, Report, Score, layers

PRESETS = ("epsilon", "epsilon_plus")
HOSTILE = '"><img src=x onerror="hacked=1"></script><script>hacked=1</script>{{ 7 * 7 }}&amp;.png'
"""A name that would be markup, script or template wherever it is not escaped."""


def model(first: str = "conv") -> ir.Model:
    """Two layers and a softmax; `first` is the name of the first layer."""
    nodes = [
        ir.Node(first, ir.Dense(), ("image",), "a"),
        ir.Node("relu", ir.Relu(), (first,)),
        ir.Node("scores", ir.Dense(), ("relu",), "b"),
        ir.Node("chances", ir.Softmax(), ("scores",)),
    ]
    params = {
        "a": {"kernel": np.ones((4, 4), np.float32), "bias": np.ones(4, np.float32)},
        "b": {"kernel": np.ones((4, 7), np.float32), "bias": np.ones(7, np.float32)},
    }
    return ir.Model(ir.Graph(nodes, ["image"], ["chances"]), params, ((None, 4),), {})


def ledger(layer: str = "conv") -> Ledger:
    """One image's: 10 start, `scores` keeps 2 by its bias, 1 of the first layer's is gained."""
    entries = np.array(
        [[10.0, 8, 2, 0, 0, 0, 0], [8.0, 8, 0, 0, 0, 0, 0], [8.0, 9, -1.5, 0.5, 0, 0, 0]], np.float32
    )  # fmt: skip
    return Ledger(
        ("scores", "relu", layer),
        ("Epsilon", "Pass", "ZPlus"),
        entries[..., None],
        *np.array([[10.0], [9]]),
    )


def picture(
    number: int, name: str, label: str = "", size: tuple[int, int] = (6, 8), layer: str = "conv"
) -> Picture:
    """Picture `number`.

    Class `number % 5` at `0.2 + 0.1 · number` (up to 0.9), two classes under two presets.

    Of its first map one pixel, row 2 and column 3 (from 1), is 2, and its left neighbour −1; all
    others are small.
    """
    rng = np.random.default_rng(number)
    best, chance = number % 5, min(0.2 + 0.1 * number, 0.9)
    scores = [Score(best, label, chance)]
    scores += [Score(k, "", (1 - chance) / 10 * (6 - k) / 6) for k in range(7) if k != best][:4]
    maps = []
    for preset in PRESETS:
        for score in scores[:2]:
            values = rng.uniform(-0.01, 0.01, size)
            if not maps:
                values[1, 2], values[1, 1] = 2.0, -1.0
            full = float(np.abs(values).max())
            maps.append(Map(preset, score.index, score.title, values, full, 10.0, ledger(layer)))
    pixels = rng.integers(0, 256, (*size, 3), np.uint8)
    return Picture(name, pixels, tuple(scores), tuple(maps))


def report(pictures: list[Picture], layer: str = "conv", **options: bool) -> Report:
    """A report of some pictures under `PRESETS`."""
    composites = {name: jlrp.PRESETS[name]() for name in PRESETS}
    facts = {"model": "model.h5", "layer": layer}
    made = Report(
        "Relevance: model.h5", facts, PRESETS, layers(model(layer), composites), **options
    )
    for each in pictures:
        made.add(each)
    return made
