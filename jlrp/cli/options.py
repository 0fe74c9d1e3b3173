"""The arguments and options that commands share: each means the same in all of them.

Imports nothing that takes time, so that help is there at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from jlrp.cli.choices import Contrast, Preprocess, Resize, Start


def preset_names() -> list[str]:
    """What `--preset` takes, for the shell."""
    from jlrp.cli.methods import NAMES

    return list(NAMES)


ModelPath = Annotated[
    Path, typer.Argument(help="A model file of Keras or of `jlrp convert`.", metavar="MODEL", show_default=False)
]
Architecture = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="For weights alone: the network, such as resnet50, or a .json, .keras or .h5 file with the architecture.",
    ),
]
Variant = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which build of that network, where there are several.")
]
LayerFile = Annotated[
    Path | None,
    typer.Option(
        "--layers",
        metavar="FILE",
        help="A Python file of yours that says what unknown layers do, with ir.keras.register; it is executed.",
    ),
]
Preset = Annotated[
    str,
    typer.Option(metavar="NAME", help="The rules: see `jlrp presets`.", autocompletion=preset_names),
]

DEFAULT_PRESET = "epsilon_plus_flat"
Images = Annotated[
    list[Path],
    typer.Argument(
        help="Image files and folders of image files, or .npy and .npz files of arrays.",
        metavar="IMAGE...",
        show_default=False,
    ),
]
LabelFile = Annotated[
    Path | None,
    typer.Option(
        "--labels", metavar="FILE", help="The classes' names: a text with one a line, or Keras's class index."
    ),
]
Preprocessing = Annotated[
    Preprocess | None,
    typer.Option("--preprocess", help="How pixels become inputs.", show_default="told from the model, and said"),
]
Resizing = Annotated[
    Resize, typer.Option("--resize", help="How images are brought to the model's size (Keras's load_img: nearest).")
]
Size = Annotated[str | None, typer.Option(metavar="N|HxW", help="Image size in pixels, for a model that takes any.")]
StartAt = Annotated[
    Start | None,
    typer.Option(
        "--start", help="What relevance starts as at the class: its logit, or 1.", show_default="what the preset says"
    ),
]
ContrastWith = Annotated[
    Contrast | None,
    typer.Option("--contrast", help="Compare the class with the mean of all others, or with the runner-up."),
]
OutputLayer = Annotated[
    str | None,
    typer.Option(
        "--output-layer",
        metavar="NAME",
        help="Which output to explain, or any layer.",
        show_default="the first",
    ),
]
Low = Annotated[float | None, typer.Option(help="Least input, for presets with bounds.", show_default="black")]
High = Annotated[float | None, typer.Option(help="Greatest input, for those.", show_default="white")]
Percentile = Annotated[
    float,
    typer.Option(min=0, max=100, help="The percentile of |relevance| shown in full colour; 100: the maximum."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on standard output; errors are still told.")]
