"""`jlrp compare`: its arguments and options."""

from pathlib import Path
from typing import Annotated

import typer

from jlrp.cli.choices import Channels, Colours, Resize, Scale
from jlrp.cli.options import (
    Architecture,
    ContrastWith,
    Force,
    High,
    Images,
    Json,
    LabelFile,
    LayerFile,
    Low,
    ModelPath,
    OutputLayer,
    Percentile,
    Preprocessing,
    Quiet,
    Resizing,
    Size,
    StartAt,
    Variant,
)

DEFAULT_PRESETS = "epsilon,epsilon_plus,epsilon_plus_flat,epsilon_alpha2_beta1_flat"


def compare(
    model: ModelPath,
    images: Images,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="The picture: a name in .png, .svg, .pdf or the like."),
    ] = Path("jlrp-compare.png"),
    presets: Annotated[
        str, typer.Option(metavar="A,B,...", help="The rules, one column each: see `jlrp presets`.")
    ] = DEFAULT_PRESETS,
    targets: Annotated[
        str,
        typer.Option(
            metavar="CLASSES", help="The classes, one row each: predicted, top3, above0.5, or such as 3,tabby."
        ),
    ] = "predicted",
    labels: LabelFile = None,
    preprocess: Preprocessing = None,
    resize: Resizing = Resize.bilinear,
    size: Size = None,
    start: StartAt = None,
    contrast: ContrastWith = None,
    output_layer: OutputLayer = None,
    low: Low = None,
    high: High = None,
    percentile: Percentile = 99.5,
    scale: Annotated[
        Scale, typer.Option(help="Which maps share one colour scale: none (image), a row, a column, or all.")
    ] = Scale.image,
    colours: Annotated[
        Colours, typer.Option(help="The colour map; blue_orange suits any reader, magma shows |relevance|.")
    ] = Colours.bwr,
    channels: Annotated[Channels, typer.Option(help="How a pixel's channels become one number.")] = Channels.sum,
    overlay: Annotated[bool, typer.Option("--overlay", help="Lay the maps over the image in grey.")] = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    architecture: Architecture = None,
    variant: Variant = None,
    layer_file: LayerFile = None,
) -> None:
    """Compare presets, and classes, in one picture.

    A row for each image and class, with label and probability; a column for each preset. The picture's format is told
    from the file's name; .svg and .pdf keep text and lines as such.

    One image that cannot be read stops all, and no file is written.

    \b
    Examples:
      jlrp compare resnet50.h5 cat.jpg dog.jpg --labels class_index.json
      jlrp compare resnet50.h5 cat.jpg --targets top3 --presets epsilon,epsilon_plus -o cat.pdf
      jlrp compare resnet50.h5 cat.jpg --targets 281,282 --scale row --colours blue_orange --overlay
    """
    given = dict(locals())
    from jlrp.cli.compare import run  # only now, as it takes a second

    run(**given)
