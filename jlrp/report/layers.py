"""The model's graph as the rows of a table: each layer, what it reads, and its rule."""

from collections.abc import Mapping
from dataclasses import dataclass

import ir
from ir.ops.base import show
from jlrp.composites.composite import Composite


@dataclass(frozen=True)
class Layer:
    """One layer of the model.

    Attributes:
        name: Its name.
        op: Its op as text.
        inputs: The layers that it reads.
        shape: The shape of its output as text.
        rules: Its rule under each preset.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: str
    rules: tuple[str, ...]


def layers(model: ir.Model, composites: Mapping[str, Composite]) -> tuple[Layer, ...]:
    """List a model's inputs and layers in order, with their rules.

    Args:
        model: The model.
        composites: The composites by name.

    Returns:
        A row for each input and layer, with one rule for each composite.

    Example:
        >>> import ir, jlrp
        >>> model = ir.load("jlrp/data/digits_resnet.h5")
        >>> rows = {row.name: row for row in layers(model, {"epsilon": jlrp.PRESETS["epsilon"]()})}
        >>> rows["conv1"].op, rows["conv1"].inputs, rows["bn_conv1"].rules
        ('Conv()', ('conv1_pad',), ('Epsilon(epsilon=1e-06)',))
    """
    shapes, named = model.shapes, [each.rule_names(model.graph) for each in composites.values()]
    inputs = [
        Layer(name, "input", (), show(shapes[name]), ("",) * len(named))
        for name in model.graph.inputs
    ]
    nodes = [
        Layer(
            node.name,
            str(node.op),
            node.inputs,
            show(shapes[node.name]),
            tuple(rules[node.name] for rules in named),
        )
        for node in model.graph.nodes
    ]
    return (*inputs, *nodes)
