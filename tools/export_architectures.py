"""Write `ir/formats/keras/architectures/applications.txt.xz`: the networks of `keras.applications`.

    pip install -e ".[test]"
    python tools/export_architectures.py   # a minute; the same Keras, the same bytes

Keras builds each network twice: with its classifier, for images of the size of its published
weights, and without it, for images of any size. Parts of the configuration that do not matter at
inference are left out.
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

BUILDERS = {
    name.lower(): getattr(keras.applications, name)
    for name in dir(keras.applications)
    if name[0].isupper()
}
SIZE = 224
"""The image size of the published weights, for builders that take any size by default."""

TRAINING = ("_initializer", "_regularizer", "_constraint")
"""The endings of names of fields that matter only in training."""

LEFT_OUT = {
    *(
        "build_config",
        "build_input_shape",
        "compile_config",
        "quantization_config",
        "registered_name",
    ),
    *(
        "dtype",
        "trainable",
        "rate",
        "seed",
        "noise_shape",
        "init_values",
        "sparse",
        "ragged",
        "optional",
    ),
    *(
        "momentum",
        "synchronized",
        "renorm",
        "renorm_clipping",
        "renorm_momentum",
        "mask",
        "training",
    ),
    "data_format",  # channels last, as without it
    "shape",  # of a tensor; follows from the layers
}
MODULES = ("keras", "keras.layers", "keras.src.models.functional")
"""The modules whose class names are enough.

Classes of other modules may share a name with these.
"""


def main() -> None:
    """Write one line per configuration, sorted by title.

    Neighbours then have much in common, and compress well.
    """
    lines = sorted(configurations())
    packed = lzma.compress("".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)
    CONFIGURATIONS.write_bytes(packed)
    print(f"wrote {len(lines)} configurations to {CONFIGURATIONS}, {len(packed)} bytes")


def configurations() -> Iterator[str]:
    """List every build as a line: its title and its configuration."""
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
    with (
        no_weights,
        patch("keras.src.utils.file_utils.get_file"),
        patch.object(keras.Model, "load_weights"),
    ):
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
