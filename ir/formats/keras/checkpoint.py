"""The layout of `.weights.h5` (tf.keras from 2.12, Keras 3) and `.keras`: arrays without names.

A layer's group has the name of its class and a number, which counts the layers of that class in the
order of the configuration: `layers/conv2d`, `layers/conv2d_1`, …,
`layers/functional/layers/conv2d`. Its arrays are `vars/0`, `vars/1`, ….
"""

import re

from ir.errors import LoadError
from ir.formats.hdf5 import Group
from ir.formats.keras.layers.registry import bare
from ir.formats.keras.spec import LayerSpec, ModelSpec
from ir.formats.keras.weights import Located, Place, Stored, stored_arrays, unwrap

TWICE = "_layer_checkpoint_dependencies"
"""The group of a model's layers in tf.keras 2.12 and 2.13. They count layers with weights twice."""

CONTAINERS = ("layers", TWICE)


def is_checkpoint(root: Group) -> bool:
    """Whether a file or a group in it has this layout."""
    return any(name in root for name in CONTAINERS)


def locate(root: Group, spec: ModelSpec, prefix: str = "") -> Located:
    """Find the arrays of a model, or of a nested model whose layers' keys begin with `prefix`."""
    container = _container(root)
    counted: dict[str, int] = {}
    found: Located = []
    groups = set()
    for layer in spec.layers:
        stores = bool(stored_arrays(layer))
        name = _group_name(layer, counted, 2 if TWICE in root and stores else 1)
        if not stores:
            continue
        if name not in container or not container.is_group(name):
            raise LoadError(
                f"holds no weights for the layer {prefix + layer.name!r} ({layer.class_name}) at "
                f"{f'{container.path}/{name}'!r}: the weights are those of another model."
            )
        groups.add(name)
        found += _of_layer(container.group(name), layer, prefix)
    surplus = [name for name in layers_with_arrays(root) if name.split("/")[0] not in groups]
    if surplus:
        more = f" and {len(surplus) - 5} more" if len(surplus) > 5 else ""
        raise LoadError(
            f"holds weights at {', '.join(surplus[:5])}{more}, which the architecture does not "
            "have: they are those of another model."
        )
    return found


def _of_layer(group: Group, layer: LayerSpec, prefix: str) -> Located:
    """Find the arrays of a layer or nested model in its group; a wrapped layer's are in `layer`."""
    if layer.model is not None:
        return locate(group, layer.model, f"{prefix}{layer.name}/")
    if layer.inner is None:
        return _arrays(group, layer, stored_arrays(layer, prefix), prefix)
    inner = unwrap(layer)
    own = [stored for stored in stored_arrays(layer, prefix) if stored.layer is layer]
    found: Located = []
    # Keras stores arrays that only training needs with those of the layer inside.
    if any(stored.weight.used for stored in own):
        found = _arrays(group, layer, own, prefix)
    if not stored_arrays(inner, prefix):
        return found
    if "layer" not in group or not group.is_group("layer"):
        raise LoadError(
            f"holds no weights for the layer inside {prefix + layer.name!r} ({layer.class_name}) "
            f"at {group.path!r}: the weights are those of another model."
        )
    return found + _of_layer(group.group("layer"), inner, prefix)


def layers_in(root: Group) -> list[str]:
    """The groups of a model's layers, with and without arrays."""
    return _container(root).members()


def layers_with_arrays(root: Group) -> list[str]:
    """The paths of all layers that hold arrays, from the model's group on."""
    container = _container(root)
    found = []
    for name in container.members():
        group = container.group(name) if container.is_group(name) else None
        if group is None:
            continue
        if is_checkpoint(group):
            found += [f"{name}/{inner}" for inner in layers_with_arrays(group)]
        elif _holds_arrays(group):
            found.append(name)
    return found


def _holds_arrays(group: Group) -> bool:
    """Whether a layer's group holds arrays of the layer or of layers inside it."""
    waiting = [group]
    for _ in range(MAX_INSIDE):
        if not waiting:
            return False
        each = waiting.pop()
        if _arrays_in(each):
            return True
        waiting += [
            each.group(name)
            for name in each.members()[:MAX_INSIDE]
            if name != "vars" and each.is_group(name)
        ]
    return False


MAX_INSIDE = 50
"""Layers inside a layer that the search for surplus arrays looks at."""


def snake_case(class_name: str) -> str:
    """A class's name as Keras writes it in names of layers and groups.

    Example:
        >>> [snake_case(name) for name in ("Conv2D", "BatchNormalization", "PReLU")]
        ['conv2d', 'batch_normalization', 'p_re_lu']
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", bare(class_name)))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _container(root: Group) -> Group:
    for name in CONTAINERS:
        if name in root:
            return root.group(name)
    raise LoadError(f"is damaged: {root.path!r} holds no layers.")


def _group_name(layer: LayerSpec, counted: dict[str, int], step: int) -> str:
    """The name of a layer's group: its class, and the number of layers of that class before it."""
    name = snake_case(layer.class_name)
    before = counted.get(name, 0)
    counted[name] = before + step
    return f"{name}_{before}" if before else name


def _arrays(group: Group, layer: LayerSpec, expected: list[Stored], prefix: str) -> Located:
    """Find a layer's arrays. Those within an attribute are in the group of that name."""
    found: Location = {}
    for within in dict.fromkeys(("", *(stored.weight.within for stored in expected))):
        place = group
        for part in within.split("/") if within else ():
            if part not in place or not place.is_group(part):
                there = [name for name in place.members() if name != "vars"]
                raise LoadError(
                    f"holds no {part!r} for the layer {prefix + layer.name!r} ({layer.class_name}) "
                    f"at {place.path!r}, but {', '.join(map(repr, there[:5])) or 'nothing'}."
                )
            place = place.group(part)
        found.update(
            _numbered_arrays(
                place, layer, [s for s in expected if s.weight.within == within], prefix
            )
        )
    return [(stored, found[id(stored)]) for stored in expected]


Location = dict[int, Place]


def _numbered_arrays(
    group: Group, layer: LayerSpec, expected: list[Stored], prefix: str
) -> Location:
    names = _arrays_in(group)
    if names != [str(index) for index in range(len(expected))]:
        needed = ", ".join(stored.weight.role for stored in expected) or "none"
        raise LoadError(
            f"holds {len(names)} arrays for the layer {prefix + layer.name!r} ({layer.class_name}) "
            f"at {group.path!r}, but its configuration needs {len(expected)} ({needed}): the "
            "weights are those of another model."
        )
    if not names:
        return {}
    inside = group.group("vars")
    return {id(stored): Place(inside, name) for stored, name in zip(expected, names, strict=True)}


def _arrays_in(group: Group) -> list[str]:
    """The names of the arrays in a layer's group, which are numbers."""
    if "vars" not in group:
        return []
    return sorted(group.group("vars").members(), key=lambda name: (len(name), name))


class CheckpointView:
    """The layers of a model in a file of this layout (a `graph_layers.View`)."""

    def __init__(self, root: Group) -> None:
        self.root, self.container, self.counted = root, _container(root), dict[str, int]()

    def nested(self, name: str) -> tuple[str, "CheckpointView"]:
        """The class of a nested model, and its own layers."""
        for class_name in ("Functional", "Sequential"):
            counted = dict(self.counted)
            place = self._place(LayerSpec(name, class_name), counted)
            if place in self.container:
                self.counted = counted
                return class_name, CheckpointView(self.container.group(place))
        raise LoadError(f"holds no nested model for {name!r} at {self.container.path!r}.")

    def arrays(self, name: str, class_name: str) -> list[str]:
        """The names of a layer's arrays; none if the file does not have the layer."""
        place = self._place(LayerSpec(name, class_name), self.counted)
        return _arrays_in(self.container.group(place)) if place in self.container else []

    def _place(self, layer: LayerSpec, counted: dict[str, int]) -> str:
        return _group_name(layer, counted, 2 if TWICE in self.root else 1)
