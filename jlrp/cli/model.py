"""The model that a command is given: its arguments and how it is loaded."""

from pathlib import Path

import numpy as np

import ir
from jlrp.cli.layers import import_layers, in_options
from jlrp.cli.program import InputError, shown


def load(path: Path, architecture: str | None, variant: str | None, layers: Path | None = None) -> ir.Model:
    """The model of a file, or weights put into an architecture; `layers` says what unknown layers do.

    What is wrong with a file is told in the words of the command line.
    """
    if variant is not None and architecture is None:
        raise InputError("--variant chooses between the builds of an --architecture: give that too.")
    if layers is not None:
        import_layers(layers)
    try:
        return ir.load(path, architecture=architecture, variant=variant)
    except ir.LoadError as error:
        raise ir.LoadError(in_options(str(error))) from error.__cause__


def require_finite(model: ir.Model, path: Path) -> None:
    """`InputError` that names the first weight with a NaN or an infinity in it."""
    for layer, weights in model.params.items():
        for role, array in weights.items():
            if not np.isfinite(array).all():
                raise InputError(f'{shown(path)}: the {role} of layer "{layer}" holds values that are not finite.')
