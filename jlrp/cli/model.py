"""The model that a command is given: its arguments and how it is loaded."""

import math
import os
from contextlib import suppress
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


def require_room(model: ir.Model, shape: ir.Shape, images: int) -> None:
    """`InputError` where the values of this many images, of a shape with the batch first, take more than all memory.

    It is the system that ends a program which takes too much, without a word. Half of the values are counted, as not
    all of them are kept at once.
    """
    values = sum(
        math.prod(n or 1 for n in each) for each in model.graph.shapes(model.params, [(1, *shape[1:])]).values()
    )
    needed, there = 4 * images * values // 2, _memory()
    if there is not None and needed > there:
        what = "One image of this size makes" if images == 1 else f"{images} images at a time make"
        raise InputError(
            f"{what} about {needed / 1e9:,.0f} GB of values in the model, and there are {there / 1e9:,.0f} GB of "
            f"memory: give a smaller {'--size' if images == 1 else '--batch-size'}."
        )


def _memory() -> int | None:
    """The machine's memory in bytes, or what a container may take of it; `None` where the system does not say."""
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    with suppress(OSError, ValueError):  # "max" is no number
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text("ascii")))
    return found


def require_finite(model: ir.Model, path: Path) -> None:
    """`InputError` that names the first weight with a NaN or an infinity in it."""
    for layer, weights in model.params.items():
        for role, array in weights.items():
            if not np.isfinite(array).all():
                raise InputError(f'{shown(path)}: the {role} of layer "{layer}" holds values that are not finite.')
