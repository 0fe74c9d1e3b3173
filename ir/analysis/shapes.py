"""The shapes of a graph's values while a file is read: computed with an end to the lengths and to the work."""

from ir.graph import Node
from ir.ops import Shape, ShapeError
from ir.ops.base import MOST_VALUES, Weights, possible, show

MOST_LENGTHS = 1_000_000
"""Of the inputs of all nodes together: an op looks at every length of every input."""


class Shapes(dict[str, Shape]):
    """The shape of every value so far, by name.

    >>> import ir
    >>> shapes = Shapes({"x": (None, 2**29)})
    >>> shapes.add(ir.Node("y", ir.Repeat(3), ("x",)), {})
    >>> shapes["y"] == (None, 3, 2**29)
    True
    >>> shapes.add(ir.Node("z", ir.Repeat(4), ("x",)), {})
    Traceback (most recent call last):
    ir.ops.base.ShapeError: makes values of shape (N, 4, 536870912): an array has 1 to 2,147,483,647 of an image.
    """

    left = MOST_LENGTHS

    def add(self, node: Node, weights: Weights) -> None:
        """The shape of a node's value as well; `ShapeError` where there is none or no array can have it."""
        inputs = [self[name] for name in node.inputs]
        self.left -= sum(map(len, inputs))
        if self.left < 0:
            raise ShapeError(f"reads values whose lengths, with those that nodes before read, exceed {MOST_LENGTHS:,}.")
        shape = node.op.output_shape(weights, *inputs)
        if not possible(shape):
            shown = show(shape[:8])[:100] + ("…" if len(shape) > 8 else "")
            raise ShapeError(f"makes values of shape {shown}: an array has 1 to {MOST_VALUES:,} of an image.")
        self[node.name] = shape
