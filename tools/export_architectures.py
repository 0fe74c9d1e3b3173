"""Write `ir/formats/keras/architectures/applications.txt.xz`: what the networks of `keras.applications` are built of.

    pip install -e ".[test]"
    python tools/export_architectures.py        # a minute; the same version of Keras writes the same bytes

Keras makes each build itself, with its classifier for images of the size that its published weights are for, and
without classifier for images of any size. Of the configuration that it writes, what does not matter at inference is
left out.
"""

import json
import lzma
import os
from collections.abc import Iterator
from itertools import product
from typing import Any
from unittest.mock import patch

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras

from ir.formats.keras.architectures.applications import CONFIGURATIONS, VARIANTS, title

BUILDERS = {name.lower(): getattr(keras.applications, name) for name in dir(keras.applications) if name[0].isupper()}
SIZE = 224
"""The image size of the published weights of networks whose builder takes any size by default."""

TRAINING = ("_initializer", "_regularizer", "_constraint")
"""How the names of fields end that matter in training alone."""

LEFT_OUT = {
    *("build_config", "build_input_shape", "compile_config", "quantization_config", "registered_name"),
    *("dtype", "trainable", "rate", "seed", "noise_shape", "init_values", "sparse", "ragged", "optional"),
    *("momentum", "synchronized", "renorm", "renorm_clipping", "renorm_momentum", "mask", "training"),
    "data_format",  # channels last, as without it
    "shape",  # of a tensor; follows from the layers
}
MODULES = ("keras", "keras.layers", "keras.src.models.functional")
"""Where classes come from whose names say all; others share a name with these, or are a network's own."""


def main() -> None:
    """Write one line per configuration, in the order of their titles: much in them is alike, and packs together."""
    lines = sorted(configurations())
    packed = lzma.compress("".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)
    CONFIGURATIONS.write_bytes(packed)
    print(f"wrote {len(lines)} configurations to {CONFIGURATIONS}, {len(packed)} bytes")


def configurations() -> Iterator[str]:
    """The line of every build: its title and its configuration."""
    for name, variants in VARIANTS.items():
        for variant, top in product(variants, (True, False)):
            config = stripped(json.loads(built(name, variant, top).to_json()))
            yield f"{title(name, variant, top)} {json.dumps(config, separators=(',', ':'))}\n"


def built(name: str, variant: str, top: bool) -> keras.Model:
    """The model as Keras builds it, without values for its weights."""
    keras.backend.clear_session()  # which numbers layers without a name anew
    size = {"include_top": False, "input_shape": (None, None, 3)}
    if top:
        size = {"input_shape": (SIZE, SIZE, 3)} if name.startswith("mobilenetv3") else {}
    no_weights = keras.StatelessScope(initialize_variables=False)
    with no_weights, patch("keras.src.utils.file_utils.get_file"), patch.object(keras.Model, "load_weights"):
        return BUILDERS[name](**size, **_options(variant))


def _options(variant: str) -> dict[str, Any]:
    """The builder's arguments for a variant."""
    match variant:
        case "keras" | "scratch":
            return {"weights": None}
        case "imagenet":
            return {"weights": "imagenet"}
        case "minimalistic":
            return {"weights": None, "minimalistic": True}
    return {"weights": None, "alpha": float(variant)}


def stripped(value: Any) -> Any:
    """A configuration, or a part of one, without what does not matter at inference."""
    if isinstance(value, list):
        return [stripped(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: stripped(item) for key, item in value.items() if not _left_out(key, item)}


def _left_out(key: str, value: Any) -> bool:
    return key in LEFT_OUT or key.endswith(TRAINING) or (key == "module" and value in MODULES)


if __name__ == "__main__":
    main()
