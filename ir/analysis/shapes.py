"""The shapes of a graph's values while a file is read, with limits on lengths and on work."""

from ir.graph import Node
from ir.ops import Shape, ShapeError
from ir.ops.base import MAX_VALUES, Weights, possible, show

MAX_LENGTHS = 1_000_000
"""How many lengths the inputs of all nodes may have together: an op looks at each of them."""


class Shapes(dict[str, Shape]):
    """The shape of every value so far, by name.

    Example:
        >>> import ir
        >>> shapes = Shapes({"x": (None, 2**29)})
        >>> shapes.add(ir.Node("y", ir.Repeat(3), ("x",)), {})
        >>> shapes["y"] == (None, 3, 2**29)
        True
        >>> shapes.add(ir.Node("z", ir.Repeat(4), ("x",)), {})
        Traceback (most recent call last):
        ir.ShapeError: makes values of shape (N, 4, 536870912): an array has ...
    """

    left = MAX_LENGTHS

    def add(self, node: Node, weights: Weights) -> None:
        """Add the shape of a node's value.

        Args:
            node: The node; the shapes of its inputs are known.
            weights: Its weights, of which only shapes are read.

        Raises:
            ShapeError: The inputs or weights do not fit, no array can have the output's shape, or
                the nodes so far read more than `MAX_LENGTHS` lengths.
        """
        inputs = [self[name] for name in node.inputs]
        self.left -= sum(map(len, inputs))
        if self.left < 0:
            raise ShapeError(
                "reads values whose lengths, with those that nodes before read, exceed "
                f"{MAX_LENGTHS:,}."
            )
        shape = node.op.output_shape(weights, *inputs)
        if not possible(shape):
            shown = show(shape[:8])[:100] + ("…" if len(shape) > 8 else "")
            raise ShapeError(
                f"makes values of shape {shown}: an array has 1 to {MAX_VALUES:,} of an image."
            )
        self[node.name] = shape
