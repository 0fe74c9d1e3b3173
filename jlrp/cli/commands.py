"""The commands: their arguments, options and help. Running one imports the rest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from jlrp.cli.options import (
    DEFAULT_PRESET,
    Channels,
    Colours,
    ExplainingOptions,
    Force,
    Json,
    ModelOptions,
    Options,
    Preset,
    Quiet,
    Scale,
)

DEFAULT_PRESETS = "epsilon,epsilon_plus,epsilon_plus_flat,epsilon_alpha2_beta1_flat"


@dataclass(frozen=True, kw_only=True)
class Demo(Options):
    """Explain shipped digits with a shipped model.

    Writes one picture. Each row is a handwritten digit; each pair of columns shows, under one
    preset, what speaks for the class that the model sees in it, and what for the runner-up.

    \b
    Example:
      jlrp demo -o maps
    """

    computes: ClassVar[bool] = True
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")
    ] = Path("jlrp-demo")
    force: Force = False
    quiet: Quiet = False

    def run(self) -> None:
        """Do what the command does."""
        from jlrp.cli import demo

        demo.run(self)


@dataclass(frozen=True, kw_only=True)
class Explain(ExplainingOptions):
    """Explain what a model sees in images.

    Writes NAME.heatmap.png, NAME.overlay.png and NAME.npz for each image; the last holds the
    relevance of every input value in the model's own layout, with class, label, logit and
    probability. Images are turned as their EXIF orientation says, put on white where they are
    transparent, and stretched to the model's size.

    With --report all images come in one page too, each with its best classes, a map for each of
    --presets and --targets, the relevance of each layer, and the model's graph; with --json what
    became of each image is printed for scripts. After a run that was stopped, --skip-existing
    explains the images that are left. Files that are there are replaced with --force
    only.

    Exit codes: 0 where all is well, 2 where the input is wrong or images were left out (each is
    reported), 130 after Ctrl-C, which leaves whole files only.

    \b
    Examples:
      jlrp explain resnet50.h5 cat.jpg
      jlrp explain resnet50.h5 photos/ --labels class_index.json --target tench
      jlrp explain resnet50.h5 photos/ --report report.html --presets epsilon,zero --targets top2
      jlrp explain weights.h5 cat.jpg --architecture resnet50 --preset epsilon --ledger
      jlrp explain resnet50.h5 photos/ --json | jq -r '.images[] | [.path, .class] | @tsv'
    """

    computes: ClassVar[bool] = True
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR|FILE",
            help="Where to write: a folder, or the picture of a single image.",
        ),
    ] = Path("jlrp-relevance")
    preset: Preset = DEFAULT_PRESET
    target: Annotated[
        str,
        typer.Option(
            metavar="CLASS", help="The class to explain: its number, its label, or predicted."
        ),
    ] = "predicted"
    region: Annotated[
        str | None,
        typer.Option(
            metavar="T,L,B,R|FILE|all",
            help="Of a segmentation: where relevance starts, a box in the output or an image of a "
            "mask.",
            show_default="where the class is predicted",
        ),
    ] = None
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Images per call.")] = 8
    pictures: Annotated[
        bool, typer.Option(help="Write the PNG pictures, not the .npz files alone.")
    ] = True
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Leave out what an earlier run with these options has explained.",
        ),
    ] = False
    ledger: Annotated[
        bool,
        typer.Option(
            "--ledger", help="Say for each layer where relevance went: a table, and in the .npz."
        ),
    ] = False
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html", help="Write a report too: one page that opens in any browser."
        ),
    ] = None
    presets: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...", help="The report's presets.", show_default="that of --preset"
        ),
    ] = None
    targets: Annotated[
        str | None,
        typer.Option(
            metavar="CLASSES",
            help="The report's classes: top3, above0.5, or such as 3,tabby.",
            show_default="that of --target",
        ),
    ] = None

    def run(self) -> None:
        """Do what the command does."""
        from jlrp.cli import explain

        explain.run(self)


@dataclass(frozen=True, kw_only=True)
class Compare(ExplainingOptions):
    """Compare presets, and classes, in one picture.

    A row for each image and class, with label and probability; a column for each preset. The name
    of the file says the picture's format; .svg and .pdf keep text and lines as such.

    One image that cannot be read stops all, and no file is written.

    \b
    Examples:
      jlrp compare resnet50.h5 cat.jpg dog.jpg --labels class_index.json
      jlrp compare resnet50.h5 cat.jpg --targets top3 --presets epsilon,epsilon_plus -o cat.pdf
      jlrp compare resnet50.h5 cat.jpg --targets 281,282 --scale row --colours blue_orange --overlay
    """

    computes: ClassVar[bool] = True
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The picture: a name in .png, .svg, .pdf or the like.",
        ),
    ] = Path("jlrp-compare.png")
    presets: Annotated[
        str, typer.Option(metavar="A,B,...", help="The rules, one column each: see `jlrp presets`.")
    ] = DEFAULT_PRESETS
    targets: Annotated[
        str,
        typer.Option(
            metavar="CLASSES",
            help="The classes, one row each: predicted, top3, above0.5, or such as 3,tabby.",
        ),
    ] = "predicted"
    scale: Annotated[
        Scale,
        typer.Option(
            help="Which maps share one colour scale: none (image), a row, a column, or all."
        ),
    ] = "image"
    colours: Annotated[
        Colours,
        typer.Option(help="The colour map; blue_orange suits any reader, magma shows |relevance|."),
    ] = "bwr"
    channels: Annotated[
        Channels, typer.Option(help="How a pixel's channels become one number.")
    ] = "sum"
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Lay the maps over the image in grey.")
    ] = False

    def run(self) -> None:
        """Do what the command does."""
        from jlrp.cli import compare

        compare.run(self)


@dataclass(frozen=True, kw_only=True)
class Inspect(ModelOptions):
    """Show a model's layers and the rule each gets.

    Lists every layer with its op, inputs, output shape, number of weights, and its rule under a
    preset. With --ledger it adds what can keep relevance at that layer: the bias, the stabiliser,
    sums that are empty (zero), padding that is cropped, or the rule itself. For that it tries each
    layer on noise and on zeros.

    \b
    Examples:
      jlrp inspect resnet50.h5
      jlrp inspect resnet50.h5 --preset crawford2019 > layers.txt
      jlrp inspect resnet50.h5 --preset epsilon --ledger
      jlrp inspect resnet50.h5 --json | jq -r '.layers[] | select(.rule == "Pass()") | .layer'
    """

    computes: ClassVar[bool] = True
    preset: Preset = DEFAULT_PRESET
    ledger: Annotated[
        bool,
        typer.Option("--ledger", help="Add what relevance each layer's rule can keep for itself."),
    ] = False
    as_json: Json = False

    def run(self) -> None:
        """Do what the command does."""
        from jlrp.cli import models

        models.inspect(self)


@dataclass(frozen=True, kw_only=True)
class Convert(ModelOptions):
    """Write a model to a file that opens in milliseconds.

    The file holds the graph, the weights exactly as they were read, and what the old file said of
    itself; its format is safetensors, with the graph in the metadata. Every command takes such
    files.

    \b
    Examples:
      jlrp convert resnet50.h5 resnet50.safetensors
      jlrp convert weights.h5 resnet50.safetensors --architecture resnet50
    """

    out: Annotated[
        Path,
        typer.Argument(
            help="The file to write, NAME.safetensors.", metavar="OUT", show_default=False
        ),
    ]
    force: Force = False
    quiet: Quiet = False

    def run(self) -> None:
        """Do what the command does."""
        from jlrp.cli import models

        models.convert(self)


@dataclass(frozen=True, kw_only=True)
class Presets(Options):
    """List the presets, and the baselines that they are compared with, each with what it does."""

    as_json: Json = False

    def run(self) -> None:
        """Do what the command does."""
        from jlrp.cli import methods

        methods.list_presets(self.as_json)


COMMANDS: tuple[type[Options], ...] = (Demo, Explain, Compare, Inspect, Convert, Presets)
"""All commands, in the order of `jlrp --help`."""
