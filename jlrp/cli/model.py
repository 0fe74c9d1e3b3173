"""The model that a command is given: its arguments and how it is loaded."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import ir
import jlrp
from jlrp.cli.program import InputError, shown

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
Preset = Annotated[
    str,
    typer.Option(metavar="NAME", help="The rules: see `jlrp presets`.", autocompletion=lambda: list(jlrp.PRESETS)),
]

DEFAULT_PRESET = "epsilon_plus_flat"


def load(path: Path, architecture: str | None, variant: str | None) -> ir.Model:
    """The model of a file, or weights put into an architecture."""
    if variant is not None and architecture is None:
        raise InputError("--variant chooses between the builds of an --architecture: give that too.")
    if architecture is None:
        return ir.load(path)
    return ir.load(path, architecture=architecture, variant=variant)


def require_finite(model: ir.Model, path: Path) -> None:
    """`InputError` that names the first weight with a NaN or an infinity in it."""
    for layer, weights in model.params.items():
        for role, array in weights.items():
            if not np.isfinite(array).all():
                raise InputError(f'{shown(path)}: the {role} of layer "{layer}" holds values that are not finite.')
