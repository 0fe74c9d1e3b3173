"""The HDF5 library in a child process, which may crash or hang without harm."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from ir.errors import LoadError
from ir.formats import source
from ir.formats.source import Source, max_expanded

PROGRAM = Path(__file__).with_name("rewrite.py")
MIN_SECONDS = 1.5
"""Seconds that the smallest file may take."""
MIN_SPEED = 20 * 2**20
"""Bytes a second that any machine can read."""
START_SECONDS = 60.0
"""Seconds in which any machine can start Python and import h5py."""
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
"""Variables that the child process inherits."""
PIECE = 2**20
"""Bytes that are copied at once."""


@contextmanager
def rewrite(origin: Source) -> Iterator[Source]:
    """Rewrite any HDF5 file as a plain one, which exists until the block ends."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(
                TemporaryDirectory(prefix="ir-", ignore_cleanup_errors=True)
            )
            _copy(origin, Path(folder, "given.h5"))
            _run(Path(folder), origin.size)
        except OSError as error:
            raise LoadError(
                f"needs a temporary copy, which cannot be made: {error.strerror or error}."
            ) from error
        yield stack.enter_context(source.open_file(Path(folder, "plain.h5")))


def _copy(origin: Source, path: Path) -> None:
    with path.open("wb") as file:
        for start in range(0, origin.size, PIECE):
            file.write(origin.read(start, min(PIECE, origin.size - start)))


def _run(folder: Path, size: int) -> None:
    """Let the program write `plain.h5` into the folder; `LoadError` if it does not."""
    seconds = MIN_SECONDS + size / MIN_SPEED
    with (folder / "said").open("w+b") as said:
        status = _status(
            [str(seconds), str(max_expanded(size)), *_libraries()],
            folder,
            said,
            START_SECONDS + seconds,
        )
        said.seek(0)
        sentence = " ".join(said.read(1000).decode("utf-8", "replace").split())
    if sentence:
        raise LoadError("".join(c for c in sentence if c.isprintable()))
    if status != 0:
        raise LoadError(
            f"is damaged: the HDF5 library crashed or did not finish within {seconds:.1f} seconds "
            "while reading it."
        )


def _status(arguments: list[str], folder: Path, output: IO[bytes], seconds: float) -> int | None:
    """The exit status of the program; `None` if it took too long."""
    if not sys.executable:
        raise OSError("there is no Python interpreter to start")
    try:
        return subprocess.run(
            [sys.executable, "-I", str(PROGRAM), *arguments],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return None


def _libraries() -> list[str]:
    """The folders that h5py and NumPy are imported from."""
    specs = [importlib.util.find_spec(name) for name in ("h5py", "numpy")]
    return [
        str(Path(spec.origin).parents[1])
        for spec in specs
        if spec is not None and spec.origin is not None
    ]


def _environment() -> dict[str, str]:
    """Where libraries are, and settings of HDF5: no plug-ins, which a file could ask for."""
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return kept | {
        "HDF5_PLUGIN_PRELOAD": "::",
        "HDF5_USE_FILE_LOCKING": "FALSE",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONUTF8": "1",
    }
