"""Fixtures that all tests share."""

from pathlib import Path

import jax
import numpy as np
import pytest

DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True)
def _strict_promotion():
    """Mixed dtypes are an error: a float64 that slips into a float32 computation would go unnoticed."""
    with jax.numpy_dtype_promotion("strict"):
        yield


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
