"""`jlrp convert`: its arguments and options."""

from pathlib import Path
from typing import Annotated

import typer

from jlrp.cli.options import Architecture, Force, LayerFile, ModelPath, Quiet, Variant


def convert(
    model: ModelPath,
    out: Annotated[
        Path, typer.Argument(help="The file to write, NAME.safetensors.", metavar="OUT", show_default=False)
    ],
    architecture: Architecture = None,
    variant: Variant = None,
    layer_file: LayerFile = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write a model to a file that opens in milliseconds.

    The file holds the graph, the weights exactly as they were read, and what the old file said of itself; its format is
    safetensors, with the graph in the metadata. Every command takes such files.

    \b
    Examples:
      jlrp convert resnet50.h5 resnet50.safetensors
      jlrp convert weights.h5 resnet50.safetensors --architecture resnet50
    """
    given = dict(locals())
    from jlrp.cli.convert import run  # only now, as it takes a second

    run(**given)
