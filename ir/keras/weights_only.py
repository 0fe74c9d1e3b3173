"""Weights alone in Keras's HDF5 format: the architecture is built by name, then the weights are matched to it."""

from dataclasses import replace

from ir.architectures import ARCHITECTURES, Head, checked_choice
from ir.errors import LoadError
from ir.hdf5 import Group
from ir.keras.reader import assembled, major
from ir.keras.spec import Call, LayerSpec, ModelSpec, Tensor
from ir.keras.weights import Origin, Params, read_layer, stored_in
from ir.model import Model

Groups = dict[str, list[str]]
"""The file's layers in order, each with the names of its arrays, if it has any."""


def read_weights(root: Group, architecture: str | None, variant: str | None) -> Model:
    """The model of an architecture with the weights of a file that `model.save_weights` wrote."""
    if architecture is None:
        raise LoadError(
            "holds weights alone, not the architecture they belong to: name it with architecture=, one of "
            f"{', '.join(map(repr, ARCHITECTURES))}, or save the whole model with model.save."
        )
    groups: Groups = {name: root.group(name).names("weight_names") for name in root.names("layer_names")}
    head, channels = _ends(root, groups)
    variant = variant or _likely_variant(groups, architecture)
    spec = ARCHITECTURES[architecture].variants[variant](head, channels)
    pairs = _matched(spec, groups, f"{architecture} ({variant})")
    spec, pairs = _renamed(spec, groups, pairs)
    version, backend = root.text("keras_version"), root.text("backend")
    origin, params = Origin(major(version), backend), Params()
    for layer, name in pairs:
        read_layer(root.group(name), layer, origin, params)
    source = {"format": "Keras HDF5 weights", "architecture": architecture, "variant": variant, "backend": backend}
    return assembled(spec, params, origin, {**source, "keras_version": version})


def _ends(root: Group, groups: Groups) -> tuple[Head | None, int]:
    """The head, if the file has a dense layer, and the number of input channels, from the first kernel."""
    shapes = {name: root.group(name).shape(arrays[0]) for name, arrays in groups.items() if arrays}
    if not shapes:
        raise LoadError("holds layers, but no weights.")
    first = next(iter(shapes.values()))
    if len(first) == 4 and first[2:] == (7, 7):
        raise LoadError(
            f"holds kernels in Theano's order (its first has shape {first}, not (7, 7, 3, 64)), and does not say "
            "whether they are mirrored: use the file made for TensorFlow, whose name has tf_dim_ordering_tf_kernels."
        )
    heads = [Head(name, shape[1]) for name, shape in shapes.items() if len(shape) == 2]
    return (heads[-1] if heads else None), first[2] if len(first) == 4 else 3


def _likely_variant(groups: Groups, architecture: str) -> str:
    """The variant that the layers' names and their biases speak for."""
    known = ARCHITECTURES[architecture].variants
    if any(name.startswith("conv2_block1_") for name in groups):
        return "resnet_common"
    lettered = [arrays for name, arrays in groups.items() if name.startswith("res2a_")]
    if lettered and any(len(arrays) < 2 for arrays in lettered):
        raise LoadError("holds convolutions without bias, which no build of ResNet in Keras has: save the whole model.")
    if not lettered:
        raise LoadError(
            f"does not tell by its layers' names which build of {architecture!r} it belongs to: "
            f"name it with variant=, one of {', '.join(map(repr, known))}."
        )
    checked_choice(architecture, "keras2.2.4")
    return "keras2.2.4"


def _matched(spec: ModelSpec, groups: Groups, architecture: str) -> list[tuple[LayerSpec, str]]:
    """Each layer with weights and the group that holds them: by name if all names agree, otherwise in order."""
    layers = [layer for layer in spec.layers if stored_in(layer)]
    held = [name for name, arrays in groups.items() if arrays]
    needed = [layer.name for layer in layers]
    if set(held) == set(needed):
        return [(layer, layer.name) for layer in layers]
    if len(held) == len(needed):
        return list(zip(layers, held, strict=True))
    surplus, lacking = [n for n in held if n not in needed], [n for n in needed if n not in held]
    raise LoadError(
        f"holds the weights of {len(held)} layers, but {architecture} needs {len(needed)}: "
        f"only in the file: {_some(surplus)}; only in the architecture: {_some(lacking)}."
    )


def _renamed(
    spec: ModelSpec, groups: Groups, pairs: list[tuple[LayerSpec, str]]
) -> tuple[ModelSpec, list[tuple[LayerSpec, str]]]:
    """The architecture with the file's names, where the file lists the same layers in the same order.

    Versions differ in the names of layers without weights (`merge_1`, `add_1`), and users see the names.
    """
    held = {layer.name: name for layer, name in pairs}
    if [held.get(layer.name) for layer in spec.layers] != [name if arrays else None for name, arrays in groups.items()]:
        return spec, pairs
    names = {layer.name: name for layer, name in zip(spec.layers, groups, strict=True)}

    def tensors(values: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(replace(t, layer=names[t.layer]) for t in values)

    def layer_renamed(layer: LayerSpec) -> LayerSpec:
        return replace(layer, name=names[layer.name], calls=tuple(Call(tensors(call.tensors)) for call in layer.calls))

    layers = tuple(layer_renamed(layer) for layer in spec.layers)
    renamed = replace(spec, layers=layers, inputs=tensors(spec.inputs), outputs=tensors(spec.outputs))
    return renamed, [(layer_renamed(layer), name) for layer, name in pairs]


def _some(names: list[str]) -> str:
    return (", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")) or "none"
