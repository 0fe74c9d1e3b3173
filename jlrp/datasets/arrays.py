"""Arrays from files: batches of signals, tables, volumes and the like."""

import math
import os
import zipfile
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

import ir
from ir.ops.base import same_shape, show
from jlrp.datasets.errors import DataError
from jlrp.datasets.files import require_file
from jlrp.datasets.memory import require_memory
from jlrp.text import printable, printable_path

SUFFIXES = (".npy", ".npz")
"""The names of files of arrays."""


def load_arrays(model: ir.Model, path: str | os.PathLike[str]) -> tuple[NDArray[Any], ...]:
    """Read a batch of inputs from a file, one array for each input of the model.

    Values are not scaled. An array without the batch becomes a batch of one. Nothing is unpickled.

    Args:
        model: The model.
        path: A `.npy` file with the array of the only input, or an `.npz` file. That has one array,
            or one for each input, by its name in `model.graph.inputs`.

    Returns:
        The arrays in the order of `model.graph.inputs`; `jlrp.explain` takes them as `images`.

    Raises:
        DataError: The file cannot be read, or the model takes other arrays.

    Example:
        >>> import pathlib, tempfile, numpy as np, ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> model = ir.Model(graph, {"fc": {"kernel": np.ones((3, 2))}}, ((None, 3),))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "table.npy")
        ...     np.save(path, np.ones((5, 3)))
        ...     [array.shape for array in jlrp.datasets.load_arrays(model, path)]
        [(5, 3)]
    """
    path = Path(path)
    found = read_npz(path)
    names = model.graph.inputs
    if len(names) == 1 and len(found) == 1:
        found = {names[0]: next(iter(found.values()))}
    if not set(names) <= set(found):
        raise DataError(
            f"{printable_path(path)} has the arrays {_listed(found)}, but the model has the inputs "
            f"{_listed(names)}: save them by these names with np.savez."
        )
    arrays = tuple(
        _fitting(path, name, found[name], shape)
        for name, shape in zip(names, model.input_shapes, strict=True)
    )
    lengths = {len(array) for array in arrays}
    if len(lengths) > 1:
        counts = ", ".join(map(str, sorted(lengths)))
        raise DataError(f"The arrays in {printable_path(path)} are batches of {counts} samples.")
    return arrays


def are_arrays(paths: list[Path]) -> bool:
    """Tell from their names whether files hold arrays; raise `DataError` if only some do."""
    arrays = [path.suffix.lower() in SUFFIXES for path in paths]
    if any(arrays) and not all(arrays):
        other = printable_path(paths[arrays.index(False)])
        raise DataError(
            f"Give images or arrays, not both: {other} is no {' or '.join(SUFFIXES)} file."
        )
    return all(arrays)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays in a file by name; the array of a `.npy` file has the name of the file."""
    require_file(path)
    try:
        with path.open("rb") as file:
            require_memory(_count_bytes(file), f"{printable_path(path)} holds", "divide it")
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {path.stem: content}
            with content:
                return {name: content[name] for name in content.files}
    except (MemoryError, DataError):
        raise
    # NumPy, zipfile and zlib raise whatever a broken file leads them into
    except Exception as error:
        said = error.strerror if isinstance(error, OSError) else None
        detail = said or "it holds no arrays of numbers"
        raise DataError(f"{printable_path(path)} cannot be read: {detail}.") from None


def _count_bytes(file: BinaryIO) -> int:
    """Count the bytes of all arrays in a file, and go back to its start.

    Raises:
        EOFError: An array is longer than what is there.
        ValueError: The file holds something else.
    """
    if not zipfile.is_zipfile(file):
        file.seek(0)
        found = _require_whole(file, os.fstat(file.fileno()).st_size)
    else:
        found = 0
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as array:
                    found += _require_whole(array, entry.file_size)
    file.seek(0)
    return found


def _require_whole(file: IO[bytes], size: int) -> int:
    """Count the bytes of the array in a file of this size, by its header."""
    version = np.lib.format.read_magic(file)
    shape, _, dtype = _HEADERS[version](file)
    count = math.prod(shape) * dtype.itemsize
    if count > size:
        raise EOFError
    return count


_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _fitting(path: Path, name: str, array: NDArray[Any], shape: ir.Shape) -> NDArray[Any]:
    """Return an array with its batch; raise `DataError` if an input takes other arrays."""
    subject = printable_path(path)
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{subject} holds values of type {array.dtype}: the model takes real numbers."
        )
    batch = array[None] if array.ndim == len(shape) - 1 else array
    if batch.ndim != len(shape) or not same_shape((None, *batch.shape[1:]), (None, *shape[1:])):
        raise DataError(
            f'{subject} has shape {array.shape}, but the input "{name}" takes {show(shape)}.'
        )
    if 0 in batch.shape:
        raise DataError(f"{subject} has shape {array.shape}: it holds no sample.")
    if not np.isfinite(batch).all():
        raise DataError(f"{subject} holds values that are not finite.")
    return batch


def _listed(names: Any) -> str:
    return ", ".join(f'"{printable(str(name))}"' for name in list(names)[:12]) or "none"
