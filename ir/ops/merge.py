"""Ops that combine several values element by element."""

from dataclasses import dataclass

from ir.ops.base import Op, ShapeError, same_shape, show


@dataclass(frozen=True)
class Add(Op):
    """The sum of two or more inputs of one shape."""

    def output_shape(self, params, *inputs):
        if len(inputs) < 2 or not all(same_shape(x, inputs[0]) for x in inputs):
            raise ShapeError(f"adds two or more inputs of one shape, but was given {', '.join(map(show, inputs))}.")
        return inputs[0]

    def nonnegative(self, *inputs):
        return all(inputs)
