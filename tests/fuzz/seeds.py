"""The files that fuzzing starts from.

Of every format, and of every version of Keras that wrote it.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import ir
from tests.keras_files import KERAS

FORMATS = ("h5", "weights", "json", "keras", "safetensors")
"""Whole models in HDF5, weights alone, architectures alone, Keras's archives, and the library's own
files."""

WHOLE = (
    "keras1.2.2/mini_resnet_k1",
    "keras1.2.2/mini_sequential_k1",
    "keras2.2.4/mini_nested_functional",
    "keras2.2.4/mini_nested_sequential_partfrozen",
    "keras2.2.4/mini_sequential_vgg",
    "keras2.2.4/mini_shared_multi",
    "keras2.2.4_theano_channels_first/mini_resnet_theano_channels_first",
    "tfkeras1.13.2/mini_resnet_tf1",
    "tfkeras2.12.1/mini_inmodel_preprocessing",
    "tfkeras2.12.1/mini_nested_deep",
    "tfkeras2.15.1/mini_app_resnet_v1",
    "tfkeras2.15.1/mini_rescale_norm",
    "keras3.15.1/mini_inmodel_preprocessing",
    "keras3.15.1/mini_mixed_float16",
    "keras3.15.1/mini_nested_deep",
    "keras3.15.1/mini_shared_multi",
)
WEIGHTS = (
    "keras1.2.2/mini_resnet_k1.weights.h5",
    "keras2.2.4/mini_shared_multi.weights.h5",
    "keras2.2.4/mini_nested_sequential.weights.h5",
    "keras2.2.4_theano_channels_first/mini_resnet_theano_channels_first.weights.h5",
    "tfkeras2.12.1/mini_sequential_vgg.weights.h5",
    "tfkeras2.12.1/mini_nested_deep.legacyweights.h5",
    "tfkeras2.15.1/mini_shared_multi.weights.h5",
    "tfkeras2.15.1/mini_inmodel_preprocessing.legacyweights.h5",
    "keras3.15.1/mini_sequential_vgg.weights.h5",
    "keras3.15.1/mini_nested_deep.weights.h5",
    "keras3.15.1/mini_shared_multi.weights.h5",
)
ARCHIVES = (
    "tfkeras2.15.1/mini_nested_functional",
    "tfkeras2.15.1/mini_shared_multi",
    "tfkeras2.15.1/mini_nested_deep",
    "keras3.15.1/mini_inmodel_preprocessing",
    "keras3.15.1/mini_nested_functional",
    "keras3.15.1/mini_sequential_vgg",
    "keras3.15.1/mini_shared_multi",
)


@dataclass(frozen=True)
class Seed:
    """A file to be changed, and the one that it is read with (weights for an architecture and the
    other way round)."""

    name: str
    format: str
    content: bytes
    other: bytes = b""


def named(name: str) -> Seed:
    """The seed of this name, as `Seed.name` has it."""
    return next(seed for format in FORMATS for seed in seeds(format) if seed.name == name)


@cache
def seeds(format: str) -> tuple[Seed, ...]:
    """All seeds of a format."""
    if format == "h5":
        return tuple(Seed(f"{name}.full.h5", format, _read(f"{name}.full.h5")) for name in WHOLE)
    if format == "keras":
        return tuple(Seed(f"{name}.keras", format, _read(f"{name}.keras")) for name in ARCHIVES)
    if format == "weights":
        return tuple(
            Seed(name, format, _read(name), _read(_architecture(name))) for name in WEIGHTS
        )
    if format == "json":
        return tuple(
            Seed(f"{name}+json", format, _read(_architecture(name)), _read(name))
            for name in WEIGHTS
        )
    kept = (
        "mini_shared_multi",
        "mini_inmodel_preprocessing",
        "mini_sequential_vgg",
        "mini_nested_deep",
    )
    return tuple(
        Seed(f"{name}.safetensors", format, _converted(name))
        for name in WHOLE
        if name.endswith(kept)
    )


def _read(name: str) -> bytes:
    return (KERAS / name).read_bytes()


def _architecture(weights: str) -> str:
    return f"{weights.rsplit('.', 2)[0]}.json"


def _converted(name: str) -> bytes:
    """A whole model as the library writes it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        ir.save(ir.load(KERAS / f"{name}.full.h5"), path)
        return path.read_bytes()
