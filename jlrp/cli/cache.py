"""Compiled programs kept on disk, so that a second run on the same model and image size compiles nothing."""

import os
from pathlib import Path

import jax
from platformdirs import user_cache_path

WORTH = 0.1
"""Seconds of compilation from which on a program is kept."""


def keep_programs() -> Path | None:
    """Turn JAX's persistent compilation cache on, in the user's folder for caches; returns the folder.

    What the user has set is left alone: `JAX_COMPILATION_CACHE_DIR` names another folder, and
    `JAX_ENABLE_COMPILATION_CACHE=0` turns the cache off. Returns `None` then, and where the folder cannot be made.
    """
    if jax.config.jax_compilation_cache_dir is not None:  # type: ignore[attr-defined]
        return None
    folder = user_cache_path("jlrp") / "programs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", WORTH)
    return folder
