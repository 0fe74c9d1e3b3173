"""`jlrp demo`: the shipped model explains shipped digits, without any file or network."""

import json
import time
from collections.abc import Iterator
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ir
import jlrp
from jlrp import plot
from jlrp.cli.commands import Demo
from jlrp.cli.program import console
from jlrp.datasets import Images, load_images
from jlrp.datasets.files import require_folder, require_new, write_whole
from jlrp.text import printable_path

PRESETS = ("epsilon_plus", "epsilon_alpha2_beta1_flat", "crawford2019")
PICTURE = "digits.png"
CAPTION = (
    "Which strokes make the network see this digit?\n"
    "Red pixels speak for the class named above the map, blue pixels against it, "
    "white ones do not matter.\n"
    "(crawford2019 flips the sign at every convolution: there, only where colour is strong can be "
    "read.)"
)


def run(given: Demo) -> None:
    """Do what `jlrp demo --help` says."""
    require_folder(given.output)
    path = given.output / PICTURE
    require_new([path], given.force)
    begun = time.perf_counter()
    with as_file(files("jlrp") / "data") as data:
        facts = json.loads((data / "digits_resnet.json").read_text("utf-8"))
        model = ir.load(data / "digits_resnet.h5")
        digits = load_images(model, [data / "digits" / digit["file"] for digit in facts["digits"]])
    write_whole(path, picture(model, digits, [_title(digit) for digit in facts["digits"]]))
    out = console(given.quiet)
    accuracy = 100 * facts["accuracy"]["held_out"]
    out.print(f"model: a small ResNet that reads {accuracy:.1f} % of unseen digits correctly")
    out.print(
        f"{len(digits)} digits under {', '.join(PRESETS)}: {time.perf_counter() - begun:.1f} s"
    )
    out.print(f"see {printable_path(path)}")


def picture(model: ir.Model, digits: Images, titles: list[str]) -> bytes:
    """Draw the demonstration's picture of some digits, as a PNG file."""
    chances = np.asarray(jlrp.forward(model.graph, model.params, digits.images))
    columns = [
        column for preset in PRESETS for column in _columns(model, preset, digits.images, chances)
    ]
    return plot.png(
        plot.grid([p[..., 0] for p in digits.pixels], titles, columns, CAPTION, percentile=99)
    )


def _columns(
    model: ir.Model, preset: str, images: NDArray[Any], chances: NDArray[Any]
) -> Iterator[plot.Column]:
    """Yield relevance under one preset, for the two most probable classes of each image."""
    bound = jlrp.explainer(model.graph, preset).bind(model.params)
    ranks = np.argsort(-chances, axis=1, kind="stable")
    for heading, classes in (("predicted", ranks[:, 0]), ("runner-up", ranks[:, 1])):
        maps = plot.channel_sum(bound(images, target=classes).relevance)
        titles = [f"{k}, {100 * row[k]:.1f} %" for row, k in zip(chances, classes, strict=True)]
        yield plot.Column(preset, heading, list(maps), titles)


def _title(digit: dict[str, Any]) -> str:
    right = digit["label"] == digit["predicted"]
    return f"a {digit['label']}" + ("" if right else f", read as {digit['predicted']}")
