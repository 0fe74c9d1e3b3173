"""`jlrp explain`: its arguments and options."""

from pathlib import Path
from typing import Annotated

import typer

from jlrp.cli.choices import Resize
from jlrp.cli.options import (
    DEFAULT_PRESET,
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
    Preset,
    Quiet,
    Resizing,
    Size,
    StartAt,
    Variant,
)


def explain(
    model: ModelPath,
    images: Images,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR|FILE", help="Where to write: a folder, or the picture of a single image."
        ),
    ] = Path("jlrp-relevance"),
    preset: Preset = DEFAULT_PRESET,
    target: Annotated[
        str, typer.Option(metavar="CLASS", help="The class to explain: its number, its label, or predicted.")
    ] = "predicted",
    labels: LabelFile = None,
    preprocess: Preprocessing = None,
    resize: Resizing = Resize.bilinear,
    size: Size = None,
    start: StartAt = None,
    contrast: ContrastWith = None,
    output_layer: OutputLayer = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="T,L,B,R|FILE|all",
            help="Of a segmentation: where relevance starts, a box in the output or an image of a mask.",
            show_default="where the class is predicted",
        ),
    ] = None,
    low: Low = None,
    high: High = None,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Images per call.")] = 8,
    percentile: Percentile = 99.5,
    pictures: Annotated[bool, typer.Option(help="Write the PNG pictures, not the .npz files alone.")] = True,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Say for each layer where relevance went: a table, and in the .npz.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a report too: one page that opens in any browser.")
    ] = None,
    presets: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="The report's presets.", show_default="that of --preset"),
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option(
            metavar="CLASSES",
            help="The report's classes: top3, above0.5, or such as 3,tabby.",
            show_default="that of --target",
        ),
    ] = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    architecture: Architecture = None,
    variant: Variant = None,
    layer_file: LayerFile = None,
) -> None:
    """Explain what a model sees in images.

    Writes NAME.heatmap.png, NAME.overlay.png and NAME.npz for each image; the last holds the relevance of every input
    value in the model's own layout, with class, label, logit and probability. Images are turned as their EXIF
    orientation says, put on white where they are transparent, and stretched to the model's size.

    With --report all images come in one page too, each with its best classes, a map for each of --presets and
    --targets, the relevance of each layer, and the model's graph; with --json what became of each image is printed
    for scripts. Files that are there are replaced with --force only.

    Exit codes: 0 where all is well, 2 where the input is wrong or images were left out (each is reported), 130 after
    Ctrl-C, which leaves whole files only.

    \b
    Examples:
      jlrp explain resnet50.h5 cat.jpg
      jlrp explain resnet50.h5 photos/ --labels class_index.json --target tench
      jlrp explain resnet50.h5 photos/ --report report.html --presets epsilon,epsilon_plus --targets top2
      jlrp explain weights.h5 cat.jpg --architecture resnet50 --preset epsilon --ledger
      jlrp explain resnet50.h5 photos/ --json | jq -r '.images[] | [.path, .class] | @tsv'
    """
    given = dict(locals())
    from jlrp.cli.explain import run  # only now, as it takes a second

    run(**given)
