"""The model's graph as the rows of a table: what each layer is, what it reads, and the rule that it has."""

from collections.abc import Mapping
from dataclasses import dataclass

import ir
from ir.ops.base import show
from jlrp.composites.composite import Composite


@dataclass(frozen=True)
class Layer:
    """A layer: its name, op and output shape, the layers that it reads, and its rule under each preset."""

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: str
    rules: tuple[str, ...]


def layers(model: ir.Model, composites: Mapping[str, Composite]) -> tuple[Layer, ...]:
    """Inputs and layers of a model in order, with their rules under each of some composites.

    >>> import ir, jlrp
    >>> model = ir.load("jlrp/data/digits_resnet.h5")
    >>> rows = {row.name: row for row in layers(model, {"epsilon": jlrp.PRESETS["epsilon"]()})}
    >>> rows["conv1"].op, rows["conv1"].inputs, rows["bn_conv1"].rules
    ('Conv()', ('conv1_pad',), ('Epsilon(epsilon=1e-06)',))
    """
    shapes, named = model.shapes, [each.rule_names(model.graph) for each in composites.values()]
    inputs = [Layer(name, "input", (), show(shapes[name]), ("",) * len(named)) for name in model.graph.inputs]
    nodes = [
        Layer(node.name, str(node.op), node.inputs, show(shapes[node.name]), tuple(rules[node.name] for rules in named))
        for node in model.graph.nodes
    ]
    return (*inputs, *nodes)
