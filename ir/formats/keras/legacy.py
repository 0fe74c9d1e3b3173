"""The layout of weights in Keras's `.h5` files: one group per layer, and arrays with names."""

import re
from collections.abc import Sequence

from ir.errors import LoadError
from ir.formats.hdf5 import Group
from ir.formats.keras.spec import LayerSpec
from ir.formats.keras.weights import Located, Place, Stored, stored_arrays


def locate(group: Group, layer: LayerSpec) -> Located:
    """Find the arrays of a layer or nested model in its group."""
    expected, names = stored_arrays(layer), group.names("weight_names")
    if len(expected) != len(names):
        raise LoadError(
            f"holds {_count(names)} for the layer {layer.name!r} ({layer.class_name}), but its "
            f"configuration needs {_count([s.weight.role for s in expected])}: the weights are "
            "those of another model."
        )
    matched = _match(layer, expected, names)
    return [(stored, Place(group, name)) for stored, name in zip(expected, matched, strict=True)]


def _match(layer: LayerSpec, expected: list[Stored], names: list[str]) -> list[str]:
    """Order the file's names like `expected`: by the names, or else as they stand."""
    named = _positions_by_name(expected)
    positions = [_position(name, named) for name in names]
    if sorted(p for p in positions if p is not None) == list(range(len(expected))):
        return [
            name
            for _, name in sorted(zip(positions, names, strict=True), key=lambda pair: pair[0] or 0)
        ]
    known = {n for s in expected for n in s.weight.names}
    for stored, name in zip(expected, names, strict=True):
        role = _role(name, known)
        if role is not None and role not in stored.weight.names:
            raise LoadError(
                f"holds the array {name!r} in {layer.name!r} where the configuration needs the "
                f"{stored.weight.role} of {stored.key!r}: the order of the weights is that of "
                "another model."
            )
    return names


def _positions_by_name(expected: list[Stored]) -> dict[str, int | None]:
    """The position of each array by its names in files; `None` for a name of several arrays."""
    found: dict[str, int | None] = {}
    for index, stored in enumerate(expected):
        for role in stored.weight.names:
            for name in (f"{stored.layer.name}/{role}", f"{stored.layer.name}_{role}"):
                found[name] = index if found.get(name, index) == index else None
    return found


def _position(name: str, named: dict[str, int | None]) -> int | None:
    """The position of the array that a file calls `name`.

    Names are `conv1/kernel:0`, `conv1_1/kernel:0` (in the second model of a program),
    `outer/conv1/kernel`, and in Keras 1 `conv1_W:0` and `conv1_W_1:0`.
    """
    scope, _, last = _without_number(name).rpartition("/")
    layer = scope.rpartition("/")[2]
    unnumbered = re.sub(r"_\d+$", "", layer)
    tries = (
        f"{scope}/{last}",
        f"{layer}/{last}",
        f"{unnumbered}/{last}",
        last,
        re.sub(r"_\d+$", "", last),
    )
    return next((named[t] for t in tries if named.get(t) is not None), None)


def _role(name: str, known: set[str]) -> str | None:
    """The longest known role that a name ends with; `None` if there is none."""
    last = _without_number(name).rpartition("/")[2]
    for text in (last, re.sub(r"_\d+$", "", last)):
        fits = [role for role in known if text == role or text.endswith(f"_{role}")]
        if fits:
            return max(fits, key=len)
    return None


def _without_number(name: str) -> str:
    """An array's name without the `:0` at its end."""
    return re.sub(r":\d+$", "", name)


class LegacyView:
    """The layers of a model in a file of this layout (a `graph_layers.View`)."""

    def __init__(self, root: Group, group: str | None = None) -> None:
        self.root, self.group = root, group

    def nested(self, name: str) -> tuple[str, "LegacyView"]:
        """The class of a nested model, and its layers, which share the outermost model's group."""
        return "Functional", LegacyView(self.root, self.group or name)

    def arrays(self, name: str, class_name: str) -> list[str]:
        """The names of a layer's arrays; none if the file does not have the layer."""
        group = self.group or name
        if group not in self.root:
            return []
        names = self.root.group(group).names("weight_names")
        return names if self.group is None else [each for each in names if _layer_of(each, name)]


def _layer_of(name: str, layer: str) -> bool:
    """Whether an array belongs to a layer, by its name."""
    scope, _, last = _without_number(name).rpartition("/")
    inner = scope.rpartition("/")[2]
    return layer in (inner, re.sub(r"_\d+$", "", inner)) or (
        not scope and last.startswith(f"{layer}_")
    )


def _count(names: Sequence[str]) -> str:
    if not names:
        return "no arrays"
    listed = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    return f"{len(names)} {'array' if len(names) == 1 else 'arrays'} ({listed})"
