"""Fixtures that all tests share."""

from importlib.metadata import version
from pathlib import Path

import jax
import numpy as np
import pytest

MOST_MAPS = 20_000
"""Memory maps of a test process, after which a file of tests ends with its programs forgotten."""

DATA = Path(__file__).parent / "data"


def pytest_report_header() -> str:
    """Which versions are tested, on the first lines of a run."""
    return ", ".join(
        f"{name} {version(name)}" for name in ("jax", "jaxlib", "flax", "numpy", "h5py", "keras")
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items) -> None:
    """Mark the tests of `slow.txt`, which took long when they were last timed."""
    lines = (Path(__file__).parent / "slow.txt").read_text(encoding="utf-8").splitlines()
    timed = {line for line in lines if not line.startswith("#")}
    for item in items:
        if item.nodeid in timed:
            item.add_marker("slow")
            item.add_marker("timed")


@pytest.fixture(autouse=True)
def _strict_promotion():
    """Mixed dtypes are an error.

    A float64 that slips into a float32 computation would go unnoticed.
    """
    with jax.numpy_dtype_promotion("strict"):
        yield


@pytest.fixture(autouse=True, scope="module")
def _few_programs():
    """Compiled programs hold memory maps, of which a process may have 65,530 on Linux.

    Let go of them in time.
    """
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and len(maps.read_bytes().splitlines()) > MOST_MAPS:
        jax.clear_caches()


@pytest.fixture
def x64():
    """Computation in float64, for tests of formulas."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def data() -> Path:
    """The folder of the data that tests read."""
    return DATA
