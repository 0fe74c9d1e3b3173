"""Names of layers: the paths of the params that they use, and the places of those beside them."""

import re
from collections.abc import Sequence

import ir
from jlrp.tracing.build import Made
from jlrp.tracing.paths import Path, common, path_of

KINDS = {
    "GlobalAvgPool": "mean",
    "GlobalMaxPool": "max",
}
"""The kinds whose name says less than what they compute."""


def named(
    nodes: Sequence[Made | None], paths: Sequence[Path], taken: Sequence[str]
) -> dict[int, str]:
    """Name nodes.

    A layer with weights is named by what the paths of its params have in common, the last key off:
    `blocks/0/attn/query`. Any other is named by its kind, beside the layers before it:
    `blocks/0/attn/softmax`.

    Args:
        nodes: The nodes; `None` for one that was taken out.
        paths: The keys of each leaf of the params.
        taken: Names that no node may have: those of the inputs.

    Returns:
        A name for each node, by its position.
    """
    names: dict[int, str] = {}
    used = set(taken)
    places: dict[int, Path] = {}
    of_params = _without_collection(
        {index: _path(node, paths) for index, node in enumerate(nodes) if node is not None}
    )
    for index, node in enumerate(nodes):
        if node is None:
            continue
        own = of_params[index]
        if own:
            places[index] = own[:-1]
        else:
            latest = max((r for r in node.inputs if r >= 0), default=-1)
            places[index] = places.get(latest, ())
            own = (*places[index], kind(node.op))
        names[index] = _unused("/".join(own), used)
        used.add(names[index])
    return names


def _path(node: Made, paths: Sequence[Path]) -> Path:
    """What the paths of a node's params have in common, without the last key.

    Params and statistics of one layer may stand in two collections, as in Flax Linen. Their paths
    then end alike.
    """
    used = dict.fromkeys(
        path_of(origin, paths)
        for const in node.weights.values()
        for origin in sorted(const.origins)
    )
    if not used:
        return ()
    layers = [path[:-1] or path for path in used]
    begins = common(layers)
    ends = common([path[::-1] for path in layers])[::-1]
    return begins or ends or layers[0]


def _without_collection(found: dict[int, Path]) -> dict[int, Path]:
    """Paths without a first key that only says that they are params, or which of several."""
    found = {i: path[path[:1] == ("params",) and len(path) > 1 :] for i, path in found.items()}
    firsts = {path[0] for path in found.values() if path}
    same = len(firsts) == 1 and all(len(path) > 1 for path in found.values() if path)
    if same and next(iter(firsts)).isdigit():
        return {index: path[1:] for index, path in found.items()}
    return found


def kind(op: ir.Op) -> str:
    """A short word for what an op computes: `relu`, `softmax`, `layer_norm`, `gelu`."""
    if isinstance(op, ir.Activation):
        return op.function
    name = type(op).__name__
    return KINDS.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _unused(name: str, used: set[str]) -> str:
    if name not in used:
        return name
    count = 1
    while f"{name}:{count}" in used:
        count += 1
    return f"{name}:{count}"
