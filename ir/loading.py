"""Reading a model file: what it is, is told from its content, never from its name."""

import os
from pathlib import Path

from ir import hdf5
from ir.architectures import checked_choice
from ir.errors import LoadError
from ir.keras.reader import read_model
from ir.keras.weights_only import read_weights
from ir.model import Model

SAVE_AGAIN = 'load it in Keras and save it with model.save("model.h5")'
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError, RuntimeError, MemoryError)


def load(path: str | os.PathLike[str], architecture: str | None = None, variant: str | None = None) -> Model:
    """Read a model file.

    path: a file that Keras (1.2 to 3) wrote in HDF5 format: a whole model, or weights alone.
    architecture: for weights alone, what they are the weights of: `"resnet50"`, `"resnet101"` or `"resnet152"`.
    variant: which build of that architecture, see `ir.architectures.resnet`; told from the file by default.

    Returns an `ir.Model` with NumPy arrays. Raises `ir.LoadError`, one sentence that says what is wrong with the file
    and what to do. Nothing in the file is executed and nothing outside it is opened.

    >>> import ir
    >>> ir.load("jlrp/data/digits_resnet.h5").input_shapes
    ((None, 32, 32, 1),)
    >>> ir.load("README.md")
    Traceback (most recent call last):
    ir.errors.LoadError: The file 'README.md' is no HDF5 file ...
    """
    path = Path(path)
    checked_choice(architecture, variant)
    try:
        _check_file(path)
        with hdf5.opened(path) as root:
            return _read(root, architecture, variant)
    except LoadError as error:
        raise LoadError(f"The file {str(path)!r} {error}") from error.__cause__
    except MALFORMED as error:
        detail = f"{type(error).__name__}: {error}"[:200]
        raise LoadError(f"The file {str(path)!r} is damaged or was not written by Keras: {detail}") from error


def _check_file(path: Path) -> None:
    """Refuse whatever is no HDF5 file, with what to do about each."""
    if path.is_dir():
        what = "a SavedModel directory" if (path / "saved_model.pb").exists() else "a directory"
        raise LoadError(f"is {what}; an HDF5 file is needed: {SAVE_AGAIN}.")
    if not path.exists():
        raise LoadError("does not exist.")
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise LoadError(f"cannot be read: {error.strerror}.") from error
    if not start:
        raise LoadError("is empty.")
    if start.startswith(b"PK\x03\x04"):
        raise LoadError(f"is a zip archive, perhaps Keras's .keras format, which is not supported yet: {SAVE_AGAIN}.")
    if start.startswith(b"version https://git-lfs"):
        raise LoadError("is a placeholder of Git LFS, not the model itself: fetch it with `git lfs pull`.")
    if not start.startswith(hdf5.SIGNATURE):
        raise LoadError(f"is no HDF5 file (it begins with {start[:8]!r}); a model that Keras saved as .h5 is needed.")


def _read(root: hdf5.Group, architecture: str | None, variant: str | None) -> Model:
    """Dispatch on what the root of the HDF5 file holds."""
    if root.has_attribute("model_config"):
        if architecture is not None:
            raise LoadError("holds a whole model, not weights alone: leave out `architecture` and `variant`.")
        if "model_weights" not in root:
            raise LoadError("holds a model configuration but no weights: save the model with model.save.")
        return read_model(root)
    weights = root
    if "model_weights" in root and not root.has_attribute("layer_names"):
        weights = root.group("model_weights")
    if weights.has_attribute("layer_names"):
        return read_weights(weights, architecture, variant)
    if root.has_attribute("nb_layers"):
        raise LoadError("holds weights of Keras 0.x, which are not supported: save them again with Keras 1.2 or later.")
    if "layers" in root or "_layer_checkpoint_dependencies" in root:
        raise LoadError(f"holds weights alone in the .weights.h5 format, which is not supported yet: {SAVE_AGAIN}.")
    raise LoadError("is an HDF5 file without a model or weights that Keras wrote.")
