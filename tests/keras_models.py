"""Models of Keras, built quickly."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np


@contextmanager
def drawn_by_numpy(seed: int = 0) -> Iterator[None]:
    """Keras's initialisers draw with NumPy: normal numbers that keep the variance of what comes in.

    With JAX they compile a program for each shape, which takes most of the time that Keras needs to
    build a large model.
    """
    from keras import ops

    rng = np.random.default_rng(seed)

    def draw(shape, *_, dtype=None, **__):
        array = rng.standard_normal(shape, np.float32)
        return ops.convert_to_tensor(array / np.float32(np.prod(shape[:-1]) ** 0.5), dtype)

    names = ("normal", "truncated_normal", "uniform")
    with patch.multiple("keras.src.backend.random", **dict.fromkeys(names, draw)):
        yield
