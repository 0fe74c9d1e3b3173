"""Ops that combine several values element by element."""

from dataclasses import dataclass

from ir.ops.base import Op, Shape, ShapeError, Weights, same_shape, show


@dataclass(frozen=True)
class Add(Op):
    """The sum of two or more inputs of one shape.

    >>> import ir
    >>> ir.Add().output_shape({}, (None, 8), (None, 8))
    (None, 8)
    """

    def output_shape(self, params: Weights, *inputs: Shape) -> Shape:
        if len(inputs) < 2 or not all(same_shape(x, inputs[0]) for x in inputs):
            raise ShapeError(f"adds two or more inputs of one shape, but was given {', '.join(map(show, inputs))}.")
        return inputs[0]

    def nonnegative(self, *inputs: bool) -> bool:
        return all(inputs)
