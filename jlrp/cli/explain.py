"""`jlrp explain`: relevance maps of images under a model from a file."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import ir
import jlrp
from ir.ops.base import show
from jlrp.cli.files import require_folder
from jlrp.cli.images import Frame, Resize, find, frame_of
from jlrp.cli.job import Job, Start
from jlrp.cli.labels import read_labels, target_index
from jlrp.cli.model import DEFAULT_PRESET, Architecture, ModelPath, Preset, Variant, load, require_finite
from jlrp.cli.preprocess import Preprocess, bounds, chosen
from jlrp.cli.presets import composite, require_preset, takes_bounds
from jlrp.cli.program import InputError, console


def explain(
    model: ModelPath,
    images: Annotated[
        list[Path],
        typer.Argument(help="Image files, and folders of image files.", metavar="IMAGE...", show_default=False),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")] = Path(
        "jlrp-relevance"
    ),
    preset: Preset = DEFAULT_PRESET,
    target: Annotated[
        str, typer.Option(metavar="CLASS", help="The class to explain: its number, its label, or predicted.")
    ] = "predicted",
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The classes' names: a text with one a line, or Keras's class index."),
    ] = None,
    preprocess: Annotated[
        Preprocess | None,
        typer.Option(help="How pixels become inputs.", show_default="told from the model, and said"),
    ] = None,
    resize: Annotated[
        Resize, typer.Option(help="How images are brought to the model's size (Keras's load_img: nearest).")
    ] = Resize.bilinear,
    size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="Image size in pixels, for a model that takes any.")
    ] = None,
    start: Annotated[Start, typer.Option(help="What relevance starts as at the class: its logit, or 1.")] = Start.logit,
    low: Annotated[
        float | None, typer.Option(help="Least input, for presets with bounds.", show_default="black")
    ] = None,
    high: Annotated[float | None, typer.Option(help="Greatest input, for those.", show_default="white")] = None,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Images per call.")] = 8,
    percentile: Annotated[
        float,
        typer.Option(min=0, max=100, help="The percentile of |relevance| shown in full colour; 100: the maximum."),
    ] = 99.5,
    pictures: Annotated[bool, typer.Option(help="Write the PNG pictures, not the .npz files alone.")] = True,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Say for each layer where relevance went: a table, and in the .npz.")
    ] = False,
    architecture: Architecture = None,
    variant: Variant = None,
) -> None:
    """Explain what a model sees in images.

    Writes NAME.heatmap.png, NAME.overlay.png and NAME.npz for each image; the last holds the relevance of every input
    value in the model's own layout, with class, label, logit and probability. Images are turned as their EXIF
    orientation says, put on white where they are transparent, and stretched to the model's size.

    An image that cannot be read is reported and left out, and the exit code is 2.

    \b
    Examples:
      jlrp explain resnet50.h5 cat.jpg
      jlrp explain resnet50.h5 photos/ --labels class_index.json --target tench
      jlrp explain weights.h5 cat.jpg --architecture resnet50 --preset epsilon --ledger
    """
    require_preset(preset)
    require_folder(output)
    paths = find(images)
    loaded = load(model, architecture, variant)
    require_finite(loaded, model)
    frame = frame_of(loaded, size)
    classes = _classes(loaded, frame)
    names = read_labels(labels, classes)
    prepared = chosen(preprocess, loaded, frame)
    job = Job(
        model=loaded,
        source=model,
        explain=_explainer(loaded.graph, _rules(preset, prepared, frame, low, high), start, ledger),
        frame=frame,
        preprocess=prepared,
        resize=resize,
        preset=preset,
        start=start,
        target=target_index(target, classes, names),
        labels=names,
        batch_size=min(batch_size, len(paths)),
        folder=output,
        percentile=percentile,
        pictures=pictures,
    )
    out = console()
    out.print(f"{len(paths)} image{'s' * (len(paths) != 1)}, preset {preset}{_output_note(loaded.graph)}")
    out.print(f"preprocess {prepared.name} ({prepared.reason}{'' if preprocess else '; --preprocess overrides'})")
    if job.run(paths, out):
        raise typer.Exit(2)


def _classes(model: ir.Model, frame: Frame) -> int:
    """How many classes the model's (first) output has; `InputError` where that is no score per class."""
    name = model.graph.outputs[0]
    shape = model.graph.shapes(model.params, [(1, *frame.shape)])[name]
    if len(shape) != 2 or shape[1] is None:
        raise InputError(f'The output "{name}" has shape {show(shape)}, which is no score per class.')
    return shape[1]


def _rules(
    preset: str, preprocess: ir.Preprocessing, frame: Frame, low: float | None, high: float | None
) -> jlrp.Composite:
    if not takes_bounds(preset):
        if low is not None or high is not None:
            raise InputError(f'The preset "{preset}" has no bounds: --low and --high are for {_with_bounds()}.')
        return composite(preset, None, None)
    black, white = bounds(preprocess, frame)
    least, greatest = (black if low is None else np.float32(low)), (white if high is None else np.float32(high))
    if not np.all(least < greatest):
        raise InputError(
            f"The least input {_numbers(least)} is not below the greatest {_numbers(greatest)}: "
            "see --low, --high and --preprocess."
        )
    return composite(preset, least, greatest)


def _numbers(bound: Any) -> str:
    return ", ".join(f"{number:g}" for number in np.ravel(bound))


def _with_bounds() -> str:
    return ", ".join(filter(takes_bounds, jlrp.PRESETS)) or "no preset"


def _explainer(graph: ir.Graph, rules: jlrp.Composite, start: Start, ledger: bool) -> jlrp.Explainer:
    try:
        return jlrp.explainer(graph, rules, start=start.value, ledger=ledger)
    except ValueError as error:
        raise InputError(str(error)) from error


def _output_note(graph: ir.Graph) -> str:
    count = len(graph.outputs)
    return f', the first of {count} outputs ("{graph.outputs[0]}")' if count > 1 else ""
