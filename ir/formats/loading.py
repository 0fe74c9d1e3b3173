"""Reading model files: the first bytes of a file say what it is, not its name."""

import os
from pathlib import Path
from typing import Any, get_args

from ir.errors import LoadError
from ir.formats import source
from ir.formats.keras import dot_keras, h5, live, text
from ir.formats.keras.architectures import ARCHITECTURES, check_choice
from ir.formats.keras.blueprint import Blueprint
from ir.formats.native import model as native
from ir.formats.reporting import file_subject, report_errors, require_file, unknown_format
from ir.formats.request import HDF5, Format, Request
from ir.formats.source import Source
from ir.graph import Graph
from ir.model import Model

FORMATS: tuple[Format, ...] = (h5, dot_keras, native, text)
"""The formats. Our own stands before JSON: its first bytes may look like JSON."""

MAX_START = 64
"""The first bytes of a file, which show its format."""


def load(
    path: Any,
    architecture: str | os.PathLike[str] | Graph | None = None,
    variant: str | None = None,
    kernels: str | None = None,
    hdf5: HDF5 = "any",
) -> Model:
    """Read a model file.

    Nothing in the file is executed, and nothing outside it is opened. docs/formats.md lists what
    can be read.

    Args:
        path: A whole model: Keras's `.keras`, HDF5 of Keras 1.2 to 3, or a file of `ir.save`. Or
            weights alone: `.weights.h5`, or the older HDF5 layout. Or a live Keras model, which
            saves itself to a temporary file.
        architecture: For weights alone, what they are the weights of: the name of a network in
            `ir.architectures` (`"resnet50"`, `"efficientnetb0"`, …), a file that holds the
            architecture (the text of `model.to_json()`, `.keras`, `.h5`), or an `ir.Graph`. It
            replaces the architecture of a whole model of Keras.
        variant: Which build of a named network; by default the one that the file fits.
        kernels: `"theano"` or `"tensorflow"`, for weights in Theano's order of axes that do not say
            whether their kernels are mirrored.
        hdf5: `"any"`: our own reader reads what Keras writes, and the HDF5 library reads other HDF5
            files in a child process. `"own"`: refuse those other files. Give `"own"` for files that
            you do not trust.

    Returns:
        An `ir.Model` with NumPy arrays.

    Raises:
        ir.LoadError: The file cannot be read. One sentence says what is wrong and what to do.
        TypeError: `path` is neither a path nor a live Keras model.

    Example:
        >>> import ir
        >>> ir.load("jlrp/data/digits_resnet.h5").input_shapes
        ((None, 32, 32, 1),)
        >>> ir.load("README.md")
        Traceback (most recent call last):
        ir.LoadError: The file 'README.md' is no model file ...
    """
    if hdf5 not in get_args(HDF5):
        raise LoadError(
            f"There is no hdf5={hdf5!r}: it is {' or '.join(map(repr, get_args(HDF5)))}."
        )
    request = Request(_architecture(architecture, variant, hdf5), variant, kernels, hdf5)
    if isinstance(path, str | os.PathLike):
        return _read(Path(path), file_subject(path), request)
    if request.architecture is not None:
        raise LoadError(
            "A live Keras model has its architecture: leave out `architecture` and `variant`."
        )
    with live.save_to_file(path) as saved:
        return _read(saved, live.subject(path), request)


def _read(path: Path, subject: str, request: Request) -> Model:
    """Read a file; errors begin with `subject`."""
    with report_errors(subject):
        require_file(path)
        with source.open_file(path) as file:
            return format_of(file).read(file, request)


def format_of(origin: Source) -> Format:
    """Find the format of a file; raise `LoadError` if it has no known format."""
    start = origin.read(0, min(MAX_START, origin.size))
    found = next((each for each in FORMATS if each.begins(start)), None)
    if found is None:
        raise unknown_format(start)
    return found


def _architecture(
    given: str | os.PathLike[str] | Graph | None, variant: str | None, hdf5: HDF5
) -> str | Graph | Blueprint | None:
    """Read the architecture: a known name, a graph, or what a file says."""
    if isinstance(given, Graph) or given is None:
        check_choice(None, variant)
        return given
    path = Path(given)
    if str(given) in ARCHITECTURES or not os.path.exists(path):
        check_choice(str(given), variant)  # its error lists the names
        return str(given)
    if variant is not None:
        raise LoadError(
            f"variant={variant!r} is for a network by name, and {str(path)!r} is a file: leave it "
            "out."
        )
    with report_errors(file_subject(path)):
        require_file(path)
        with source.open_file(path) as file:
            return format_of(file).read_architecture(file, Request(hdf5=hdf5))
