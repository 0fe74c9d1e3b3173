"""The options of the commands, as dataclasses: a command extends the groups that it shares.

This module imports nothing that takes time, so that help is there at once.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import typer
from typer.models import ArgumentInfo

Resize = Literal["nearest", "bilinear", "bicubic", "lanczos"]
"""How an image is brought to the model's size."""

Preprocess = Literal["caffe", "tf", "torch", "unit", "none"]
"""The ways of `keras.applications` (caffe, tf, torch), 0…1 (unit) and 0…255 (none)."""

Start = Literal["logit", "one"]
"""What relevance starts as at the explained class."""

Contrast = Literal["others", "runner_up"]
"""What the class is compared with: the mean of all others, or the strongest other."""

Hdf5 = Literal["any", "own"]
"""Which HDF5 files are read: any, or only those that need no HDF5 library."""

Colours = Literal["bwr", "blue_orange", "coolwarm", "seismic", "magma"]
"""The colour maps of `jlrp.plot`."""

Scale = Literal["image", "row", "column", "all"]
"""Which maps share one colour scale."""

Channels = Literal["sum", "norm"]
"""How the channels of a pixel become one number."""

DEFAULT_PRESET = "epsilon_plus_flat"


def preset_names() -> list[str]:
    """List what `--preset` takes, for the shell."""
    from jlrp.cli.methods import NAMES

    return list(NAMES)


Preset = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="The rules: see `jlrp presets`.", autocompletion=preset_names
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON document on standard output, and nothing else there."),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Nothing on standard output; errors are still told.")
]


@dataclass(frozen=True, kw_only=True)
class Options:
    """A command: its fields are its arguments and options, its docstring is its help."""

    computes: ClassVar[bool] = False
    """Whether the command compiles programs."""

    def run(self) -> None:
        """Do what the command does; its modules are imported only now, as that takes a second."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ModelOptions(Options):
    """A model from a file."""

    model: Annotated[
        Path,
        typer.Argument(
            help="A model file of Keras or of `jlrp convert`.", metavar="MODEL", show_default=False
        ),
    ]
    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="For weights alone: the network, such as resnet50, or a .json, .keras or .h5 file "
            "with the architecture.",
        ),
    ] = None
    variant: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which build of that network, where there are several."),
    ] = None
    layer_file: Annotated[
        Path | None,
        typer.Option(
            "--layers",
            metavar="FILE",
            help="A Python file of yours that says what unknown layers do, with ir.keras.register; "
            "it is executed.",
        ),
    ] = None
    hdf5: Annotated[
        Hdf5,
        typer.Option(
            "--hdf5",
            help="Which HDF5 files to read: any, or only those that need no HDF5 library (own).",
        ),
    ] = "any"


@dataclass(frozen=True, kw_only=True)
class ExplainingOptions(ModelOptions):
    """Images or arrays, and how they are explained."""

    images: Annotated[
        list[Path],
        typer.Argument(
            help="Image files and folders of image files, or .npy and .npz files of arrays.",
            metavar="IMAGE...",
            show_default=False,
        ),
    ]
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The classes' names: a text with one a line, or Keras's class index.",
        ),
    ] = None
    preprocess: Annotated[
        Preprocess | None,
        typer.Option(help="How pixels become inputs.", show_default="what the model says"),
    ] = None
    resize: Annotated[
        Resize,
        typer.Option(
            help="How images are brought to the model's size (Keras's load_img: nearest)."
        ),
    ] = "bilinear"
    size: Annotated[
        str | None,
        typer.Option(metavar="N|HxW", help="Image size in pixels, for a model that takes any."),
    ] = None
    start: Annotated[
        Start | None,
        typer.Option(
            help="What relevance starts as at the class: its logit, or 1.",
            show_default="what the preset says",
        ),
    ] = None
    contrast: Annotated[
        Contrast | None,
        typer.Option(help="Compare the class with the mean of all others, or with the runner-up."),
    ] = None
    output_layer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Which output to explain, or any layer.", show_default="the first"
        ),
    ] = None
    low: Annotated[
        float | None,
        typer.Option(help="Least input, for presets with bounds.", show_default="black"),
    ] = None
    high: Annotated[
        float | None, typer.Option(help="Greatest input, for those.", show_default="white")
    ] = None
    percentile: Annotated[
        float,
        typer.Option(
            min=0,
            max=100,
            help="The percentile of |relevance| shown in full colour; 100: the maximum.",
        ),
    ] = 99.5
    force: Force = False
    as_json: Json = False
    quiet: Quiet = False


def as_function(options: type[Options]) -> Callable[..., None]:
    """Make a command the function that typer takes.

    In its help the command's own options come before those of its groups, and its own arguments
    behind theirs.
    """

    def command(**given: Any) -> None:
        if options.computes:
            from jlrp.cli.cache import keep_programs

            keep_programs()
        options(**given).run()

    found = inspect.signature(options).parameters
    names = [
        name for each in options.__mro__ for name in inspect.get_annotations(each) if name in found
    ]
    arguments = [name for name in found if _is_argument(found[name])]
    order = [*arguments, *(name for name in names if name not in arguments)]
    command.__name__, command.__doc__ = options.__name__.lower(), options.__doc__
    command.__signature__ = inspect.Signature([found[name] for name in order])  # type: ignore[attr-defined]
    return command


def _is_argument(parameter: inspect.Parameter) -> bool:
    return any(
        isinstance(each, ArgumentInfo) for each in getattr(parameter.annotation, "__metadata__", ())
    )
