"""`jlrp demo`: the shipped model explains shipped handwritten digits; needs no file and no network."""

import json
import time
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import typer
from numpy.typing import NDArray

import ir
import jlrp
from jlrp import plot
from jlrp.cli.files import require_folder, write_whole
from jlrp.cli.images import Frame, frame, read
from jlrp.cli.job import probabilities
from jlrp.cli.preprocess import SCALINGS, Preprocess
from jlrp.cli.program import console, shown

PRESETS = ("epsilon_plus", "epsilon_alpha2_beta1_flat", "crawford2019")
PICTURE = "digits.png"
CAPTION = (
    "Which strokes make the network see this digit?\n"
    "Red pixels speak for the class named above the map, blue pixels against it, white ones do not matter."
)


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")] = Path("jlrp-demo"),
) -> None:
    """Explain shipped handwritten digits with a shipped model, and write one picture.

    Each row is a digit; each pair of columns shows, under one preset, what speaks for the class that the model sees in
    it, and what for the runner-up.

    [bold]Example[/bold]

      jlrp demo -o maps
    """
    require_folder(output)
    begun = time.perf_counter()
    with as_file(files("jlrp") / "data") as data:
        model = ir.load(data / "digits_resnet.h5")
        about = json.loads((data / "digits_resnet.json").read_text("utf-8"))
        pixels = _digits(data / "digits", frame(model))
    picture = explained(model, pixels)
    path = output / PICTURE
    write_whole(path, picture)
    out = console()
    out.print(f"{len(pixels)} digits under {', '.join(PRESETS)} in {time.perf_counter() - begun:.1f} s")
    out.print(f"see {shown(path)}")


def explained(model: ir.Model, pixels: NDArray[np.uint8]) -> bytes:
    """The demonstration's picture of some digits, as a PNG file."""
    images = SCALINGS[Preprocess.unit](pixels)
    columns: list[plot.Column] = []
    for preset in PRESETS:
        columns += _columns(model, images, preset)
    titles = [""] * len(pixels)
    return plot.png(plot.grid([p[..., 0] for p in pixels], titles, columns, CAPTION, percentile=99))


def _columns(model: ir.Model, images: NDArray[np.float32], preset: str) -> list[plot.Column]:
    """Relevance under one preset: for the predicted class, and for the class with the second largest output."""
    bound = jlrp.explainer(model.graph, preset).bind(model.params)
    predicted = jax.device_get(bound(images))
    ranks = np.argsort(-predicted.output, axis=1, kind="stable")
    second = jax.device_get(bound(images, target=ranks[:, 1]))
    return [_column(model, preset, "predicted", predicted), _column(model, preset, "runner-up", second)]


def _column(model: ir.Model, preset: str, heading: str, found: Any) -> plot.Column:
    chances = probabilities(model.graph, found.output)
    titles = [f"{k}: {100 * row[k]:.1f} %" for row, k in zip(chances, found.target, strict=True)]
    return plot.Column(preset, heading, list(plot.channel_sum(found.relevance)), titles)


def _digits(folder: Path, size: Frame) -> NDArray[np.uint8]:
    return np.stack([read(path, size) for path in sorted(folder.glob("*.png"))])
