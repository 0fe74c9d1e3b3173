"""The HDF5 library at arm's length: it reads in a process of its own, which may crash, hang or be stopped."""

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
from ir.formats.source import Source, most_expanded

PROGRAM = Path(__file__).with_name("rewrite.py")
LEAST = 1.5
"""Seconds that the smallest file may take."""
SLOWEST = 20 * 2**20
"""Bytes a second that any machine reads."""
START = 60.0
"""Seconds in which any machine starts Python and imports h5py; the file has no influence on that."""
KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
PIECE = 2**20


@contextmanager
def rewritten(origin: Source) -> Iterator[Source]:
    """The content of an HDF5 file of whatever kind in a plain one, which lasts as long as the context."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(TemporaryDirectory(prefix="ir-", ignore_cleanup_errors=True))
            _copy(origin, Path(folder, "given.h5"))
            _run(Path(folder), origin.size)
        except OSError as error:
            raise LoadError(f"needs a temporary copy, which cannot be made: {error.strerror or error}.") from error
        yield stack.enter_context(source.opened(Path(folder, "plain.h5")))


def _copy(origin: Source, path: Path) -> None:
    with path.open("wb") as file:
        for start in range(0, origin.size, PIECE):
            file.write(origin.read(start, min(PIECE, origin.size - start)))


def _run(folder: Path, size: int) -> None:
    """Let the program write `plain.h5` into the folder; raise what it says, or that it did not end well."""
    seconds = LEAST + size / SLOWEST
    with (folder / "said").open("w+b") as said:
        status = _status([str(seconds), str(most_expanded(size)), *_libraries()], folder, said, START + seconds)
        said.seek(0)
        sentence = " ".join(said.read(1000).decode("utf-8", "replace").split())
    if sentence:
        raise LoadError("".join(c for c in sentence if c.isprintable()))
    if status != 0:
        raise LoadError(
            f"is damaged: the HDF5 library crashed or did not finish within {seconds:.1f} seconds while reading it."
        )


def _status(arguments: list[str], folder: Path, output: IO[bytes], seconds: float) -> int | None:
    """The exit status of the program, `None` where it had to be stopped."""
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
    return [str(Path(spec.origin).parents[1]) for spec in specs if spec is not None and spec.origin is not None]


def _environment() -> dict[str, str]:
    """Nothing of this process but where libraries are; no plug-ins, which HDF5 would load as a file asks for them."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {
        "HDF5_PLUGIN_PRELOAD": "::",
        "HDF5_USE_FILE_LOCKING": "FALSE",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONUTF8": "1",
    }
