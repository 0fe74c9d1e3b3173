"""Reading a model file: what it is, is told from its content, never from its name."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ir.errors import LoadError
from ir.formats import archive, hdf5, source
from ir.formats.keras.architectures import ARCHITECTURES, checked_choice
from ir.formats.keras.blueprint import Blueprint, from_json
from ir.formats.keras.named import read_named
from ir.formats.keras.reader import archived_blueprint, read_archive, read_model
from ir.formats.keras.weights_only import WeightsFile, read_into_graph, read_weights, weights_file
from ir.formats.native import model as native
from ir.formats.native import tensors
from ir.graph import Graph
from ir.model import Model

SAVE_AGAIN = 'load it in Keras and save it with model.save("model.keras")'
MALFORMED = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    OSError,
    EOFError,
    RuntimeError,
    MemoryError,
)
LARGEST_TEXT = 1 << 23
"""The largest architecture in a file of its own, in bytes."""
LONGEST = 800
"""Letters of a message; what a file says may be longer."""


def load(
    path: Any,
    architecture: str | os.PathLike[str] | Graph | None = None,
    variant: str | None = None,
    kernels: str | None = None,
) -> Model:
    """Read a model file.

    path: a whole model (Keras's `.keras`, or HDF5 of Keras 1.2 to 3; a file that `ir.save` wrote), or weights alone
        (`.weights.h5`, or the older HDF5 layout). Or a live Keras model: it saves itself to a temporary file, which is
        read.
    architecture: for weights alone, what they are the weights of: the name of a network in `ir.architectures`
        (`"resnet50"`, `"efficientnetb0"`, …), a file that holds the architecture (`model.to_json()`'s text, `.keras`,
        `.h5`), or an `ir.Graph`. Of a whole model of Keras the weights are read, and this in place of its own.
    variant: which build of a named network; told from the file where it can be.
    kernels: `"theano"` or `"tensorflow"`, for weights in Theano's order of axes that do not say whether their kernels
        are mirrored.

    Returns an `ir.Model` with NumPy arrays. Raises `ir.LoadError`, one sentence that says what is wrong with the file
    and what to do. Nothing in the file is executed and nothing outside it is opened.

    >>> import ir
    >>> ir.load("jlrp/data/digits_resnet.h5").input_shapes
    ((None, 32, 32, 1),)
    >>> ir.load("README.md")
    Traceback (most recent call last):
    ir.errors.LoadError: The file 'README.md' is no model file ...
    """
    given = _given(architecture, variant)
    if not isinstance(path, str | os.PathLike):
        if given is not None:
            raise LoadError("A live Keras model has its architecture: leave out `architecture` and `variant`.")
        return _live(path)
    with _reported(Path(path)):
        return _read(Path(path), given, variant, kernels)


def _live(model: Any) -> Model:
    """A live Keras model, by way of a file that it saves itself to."""
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    if not callable(getattr(model, "save", None)) or not hasattr(model, "layers"):
        raise TypeError(f"ir.load takes a path or a live Keras model, not {kind}.")
    if not getattr(model, "built", True):
        raise LoadError(f"The model ({kind}) is not built, so that it has no weights: call it on a batch first.")
    with TemporaryDirectory(prefix="ir-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "live.keras"
        try:
            model.save(path)
        except Exception as error:  # whatever stops Keras
            detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise LoadError(f"The model ({kind}) could not be saved to be read: {detail}") from error
        try:
            return _read(path, None, None, None)
        except LoadError as error:
            raise LoadError(f"The model ({kind}) {error}") from error.__cause__


def _given(architecture: str | os.PathLike[str] | Graph | None, variant: str | None) -> str | Graph | Blueprint | None:
    """The architecture as a known name, a graph, or what a file says."""
    if isinstance(architecture, Graph) or architecture is None or str(architecture) in ARCHITECTURES:
        name = None if isinstance(architecture, Graph) or architecture is None else str(architecture)
        checked_choice(name, variant)
        return architecture if isinstance(architecture, Graph) else name
    path = Path(architecture)
    if not os.path.exists(path):
        checked_choice(str(architecture), None)  # its error lists the names
    if variant is not None:
        raise LoadError(f"variant={variant!r} is for a network by name, and {str(path)!r} is a file: leave it out.")
    with _reported(path):
        return _architecture_in(path)


def _architecture_in(path: Path) -> Blueprint | Graph:
    """The architecture that a file holds, alone or with weights."""
    kind = _kind(path)
    if kind == "json":
        with path.open("rb") as file:
            content = file.read(LARGEST_TEXT + 1)
        if len(content) > LARGEST_TEXT:
            raise LoadError(f"is larger than {LARGEST_TEXT:,} bytes, too large for an architecture.")
        try:
            return from_json(content.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise LoadError("is damaged: it holds an architecture that is not text in UTF-8.") from error
    if kind == "zip":
        with archive.opened(path) as opened:
            return archived_blueprint(opened)
    if kind == "native":
        with source.opened(path) as own:
            return native.read(own).graph
    with hdf5.opened(path) as root:
        text = root.text("model_config")
        if text is None:
            raise LoadError("holds no architecture: give model.to_json()'s text or a file with the whole model.")
        return from_json(text, root.text("keras_version"))


def _read(path: Path, given: str | Graph | Blueprint | None, variant: str | None, kernels: str | None) -> Model:
    kind = _kind(path)
    if kind == "json":
        raise LoadError(
            "holds an architecture without weights: give the file of weights, and this file as architecture=."
        )
    if kind == "zip":
        with archive.opened(path) as opened:
            if given is None:
                return read_archive(opened)
            with hdf5.opened(opened.weights("model.weights.h5")) as root:
                return _with_architecture(weights_file(_weights(root)), given, variant, kernels)
    if kind == "native":
        _refuse_architecture(given)
        with source.opened(path) as own:
            return native.read(own)
    with hdf5.opened(path) as root:
        if root.has_attribute("model_config"):
            if "model_weights" not in root:
                raise LoadError("holds a model configuration but no weights: save the model with model.save.")
            if given is None:
                return read_model(root)
        return _with_architecture(weights_file(_weights(root)), given, variant, kernels)


def _with_architecture(
    file: WeightsFile, given: str | Graph | Blueprint | None, variant: str | None, kernels: str | None
) -> Model:
    """The model of an architecture with the weights of a file."""
    if given is None:
        raise LoadError(
            "holds weights alone, not the architecture they belong to: give architecture=, a file with it (.json, "
            ".keras or .h5) or the name of a network such as 'resnet50' (ir.architectures.ARCHITECTURES has them)."
        )
    if isinstance(given, str):
        return read_named(file, given, variant, kernels)
    if isinstance(given, Graph):
        return read_into_graph(file, given, kernels)
    return read_weights(file, given, kernels)


def _refuse_architecture(given: object) -> None:
    if given is not None:
        raise LoadError("holds a model with its graph: leave out `architecture` and `variant`.")


def _weights(root: hdf5.Group) -> hdf5.Group:
    """The group of an HDF5 file that holds weights alone."""
    if root.has_attribute("layer_names") or "layers" in root or "_layer_checkpoint_dependencies" in root:
        return root
    if "model_weights" in root and root.group("model_weights").has_attribute("layer_names"):
        return root.group("model_weights")
    if root.has_attribute("nb_layers"):
        raise LoadError("holds weights of Keras 0.x, which are not supported: save them again with Keras 1.2 or later.")
    raise LoadError("is an HDF5 file without a model or weights that Keras wrote.")


def _kind(path: Path) -> str:
    """What a file is, from how it begins: `"hdf5"`, `"zip"`, `"native"` or `"json"`; `LoadError` for anything else."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise LoadError("does not exist.") from error
    if stat.S_ISDIR(mode):
        what = "a SavedModel directory" if (path / "saved_model.pb").exists() else "a directory"
        raise LoadError(f"is {what}; a file is needed: {SAVE_AGAIN}.")
    if not stat.S_ISREG(mode):
        raise LoadError("is no ordinary file.")
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        raise LoadError("is empty.")
    if start.startswith(hdf5.SIGNATURE):
        return "hdf5"
    if start.startswith(b"PK\x03\x04"):
        return "zip"
    if start.startswith(b"version https://git-lfs"):
        raise LoadError("is a placeholder of Git LFS, not the model itself: fetch it with `git lfs pull`.")
    if tensors.begins(start):  # before JSON, which such a file may look like: its first bytes are any
        return "native"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{") or (text.startswith(b'"') and text[1:].lstrip().startswith(b"{")):
        return "json"
    raise LoadError(
        f"is no model file (it begins with {start[:8]!r}): one that Keras saved as .keras or .h5, or one of "
        "ir.save, is needed."
    )


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a file as a `LoadError` that names it."""
    try:
        with np.errstate(all="ignore"):  # the numbers of a file are what they are
            yield
    except LoadError as error:
        text = str(error)
        short = text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
        raise LoadError(f"The file {str(path)!r} {short}") from error.__cause__
    except MALFORMED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise LoadError(f"The file {str(path)!r} cannot be read: {error.strerror}.") from error
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise LoadError(f"The file {str(path)!r} is damaged or was not written by Keras: {detail}") from error
