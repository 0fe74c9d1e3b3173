"""Compiled programs on disk, so that a second run with the same model and size compiles nothing."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path

MIN_SECONDS = 0.1
"""How long a program must compile to be kept."""

MAX_BYTES = 1 << 30
"""How much room all programs may take; before a run, those unused for the longest time go."""

_kept: list[Path] = []
"""The folder of this process, unless the user chose another or there is none."""


def keep_programs() -> Path | None:
    """Turn JAX's persistent compilation cache on, in the user's folder for caches.

    Settings of the user stay: `JAX_COMPILATION_CACHE_DIR` names another folder, and
    `JAX_ENABLE_COMPILATION_CACHE=0` turns the cache off.

    Returns:
        The folder. `None` if the user has settings, if there is no home, if the folder cannot be
        made, or if others may write into it: programs from there are executed.
    """
    import jax

    if jax.config.jax_compilation_cache_dir is not None:  # type: ignore[attr-defined]
        return None
    try:
        folder = user_cache_path("jlrp") / "programs"
        folder.mkdir(parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        return None
    if not os.access(folder, os.W_OK) or (os.name == "posix" and not _own(found)):
        return None
    remove_oldest(folder, MAX_BYTES)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_SECONDS)
    _kept[:] = [folder]
    return folder


def remove_oldest(folder: Path, most: int) -> None:
    """Remove the files unused for the longest time until those in a folder take `most` bytes."""
    files = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    files.append((max(found.st_atime, found.st_mtime), found.st_size, entry.path))
    taken = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if taken <= most:
            break
        with suppress(OSError):
            os.unlink(path)
            taken -= size


def heal() -> None:
    """Remove all programs after one proved damaged, as JAX never writes one anew."""
    for folder in _kept:
        remove_oldest(folder, 0)


def _own(found: os.stat_result) -> bool:
    """Tell whether a folder is this user's and no stranger may write into it."""
    return found.st_uid == os.geteuid() and not found.st_mode & stat.S_IWOTH
