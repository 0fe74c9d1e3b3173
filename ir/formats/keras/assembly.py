"""A model from its specification and its weights."""

from collections.abc import Iterator, Mapping
from typing import Any

from ir.formats.keras.inline import lay_out
from ir.formats.keras.layers.registry import refusal
from ir.formats.keras.spec import ModelSpec
from ir.formats.keras.weights import Params
from ir.model import Model


def assemble(spec: ModelSpec, params: Params, source: Mapping[str, str | None]) -> Model:
    """Make a model from its specification and weights, without weights that no output needs."""
    graph, input_shapes = lay_out(spec, params)
    used = dict.fromkeys(node.params for node in graph.nodes if node.params is not None)
    policies = sorted(set(_policies(spec)) - {"float32"})
    source = {**source, "name": spec.name, "dtype": ", ".join(policies) or None}
    return Model(
        graph,
        {key: params[key] for key in used if key in params},
        input_shapes,
        {key: value for key, value in source.items() if value is not None},
    )


def _policies(spec: ModelSpec) -> Iterator[str]:
    """Yield the dtype policy of every layer, in any form."""
    for layer in spec.layers:
        if layer.model is not None:
            yield from _policies(layer.model)
            continue
        policy: Any = layer.config.get("dtype")
        inside = policy.get("config") if isinstance(policy, Mapping) else policy
        name = inside.get("name") if isinstance(inside, Mapping) else inside
        if name is not None and not isinstance(name, str):
            raise refusal(
                layer, f"has dtype={str(policy)[:80]}, which names no dtype and no policy"
            )
        if name is not None and layer.class_name != "InputLayer":
            yield name
