"""Lambda layers of `keras.applications`: their names and places show what they do.

The loader never reads their code.
"""

import re

from ir.formats.keras.layers.fields import number
from ir.formats.keras.layers.registry import (
    UNNAMED,
    LayerCall,
    LayerClass,
    Part,
    no_weights,
    unknown_layer,
)
from ir.ops import Add, GlobalAvgPool, Rescale

SCALED_SUM = re.compile(r"block(35|17|8)_\d+")
"""The names of Inception-ResNet's residual sums up to tf.keras 2.12."""

REDUCED = re.compile(r"conv\d_block\d+_2_reduce")
"""The names of ResNeXt's sums over the inputs of a group in keras-applications 1.0."""


def known_lambda(call: LayerCall) -> list[Part]:
    """The ops of a Lambda layer of `keras.applications`; `LoadError` for any other."""
    spec, arguments = call.spec, call.spec.config.get("arguments")
    arguments = arguments if isinstance(arguments, dict) else {}
    if SCALED_SUM.fullmatch(spec.name) and set(arguments) == {"scale"} and _alike(call, 2):
        scale = number(type(spec)(spec.name, spec.class_name, arguments), "scale", 1.0)
        return [Part(Rescale(scale), "scaled", reads=(1,)), Part(Add(), reads=(0, "scaled"))]
    rank = len(call.shapes[0])
    if REDUCED.fullmatch(spec.name) and not arguments and _alike(call, 1) and rank == 6:
        count = call.shapes[0][4]
        if count is not None and count == call.shapes[0][5]:
            return [Part(GlobalAvgPool(axes=(4,)), "mean"), Part(Rescale(float(count)))]
    raise unknown_layer(spec)


def _alike(call: LayerCall, count: int) -> bool:
    """Whether this number of values goes in, all of one shape."""
    return len(call.shapes) == count and len(set(call.shapes)) == 1


UNNAMED["Lambda"] = LayerClass(known_lambda, no_weights)
