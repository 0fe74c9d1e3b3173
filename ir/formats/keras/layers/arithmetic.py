"""Functions of two values, one of which may be a constant: sums, products, powers, matrices."""

from typing import Any

import numpy as np

from ir.formats.keras.layers.arguments import MAX_COPIES, operands, option
from ir.formats.keras.layers.fields import constant
from ir.formats.keras.layers.registry import LayerCall, Part, refusal
from ir.formats.keras.layers.scaling import scale_and_shift
from ir.formats.keras.spec import Tensor
from ir.ops import (
    Activation,
    Add,
    Clip,
    Dense,
    Dot,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    Relu,
    Reshape,
    Subtract,
)

MAX_EQUATION = 200
"""Letters of an einsum's equation."""

BINARY: dict[str, type[Merge]] = {
    "add": Add,
    "subtract": Subtract,
    "multiply": Multiply,
    "maximum": Maximum,
    "minimum": Minimum,
}


def two_operands(call: LayerCall) -> tuple[Any, Any]:
    """The two operands of a function."""
    given = operands(call)
    if len(given) != 2:
        raise refusal(call.spec, f"takes two values, but was given {len(given)}")
    return given[0], given[1]


def arithmetic(call: LayerCall, kind: str) -> list[Part]:
    """A function of two values, one of which may be a constant."""
    given = two_operands(call)
    if all(isinstance(value, Tensor) for value in given):
        if kind not in BINARY:
            raise refusal(call.spec, "divides by a value of the model, which is not supported")
        return _of_values(call, BINARY[kind]())
    first = isinstance(given[0], Tensor)
    number = constant(given[1] if first else given[0])
    if number is None or not any(isinstance(value, Tensor) for value in given):
        raise refusal(call.spec, "is not called on values of the model and numbers alone")
    return [_with_constant(call, kind, number, first)]


def _of_values(call: LayerCall, op: Merge) -> list[Part]:
    """A function of two values of the model, or of one value with itself."""
    if len(call.shapes) == 1:  # one value with itself
        return [Part(op, reads=(0, 0))]
    if len({len(shape) for shape in call.shapes}) > 1:
        raise refusal(
            call.spec, "combines values of different numbers of axes, which is not supported"
        )
    return [Part(op)]


def _with_constant(
    call: LayerCall, kind: str, number: float | np.ndarray, value_first: bool
) -> Part:
    """`x ∘ c` if the value comes first, else `c ∘ x`."""
    if kind == "add":
        return scale_and_shift(call, offset=number)
    if kind == "subtract":
        return (
            scale_and_shift(call, offset=-number)
            if value_first
            else scale_and_shift(call, -1.0, number)
        )
    if kind == "multiply":
        return scale_and_shift(call, number)
    if kind == "divide":
        if not value_first or not np.all(number):
            raise refusal(
                call.spec, "divides by zero or by a value of the model, which is not supported"
            )
        return scale_and_shift(call, 1 / number)
    if not isinstance(number, float):
        raise refusal(
            call.spec,
            "compares values with a constant that is no single number, which is not supported",
        )
    if kind == "maximum":
        return Part(Relu() if number == 0 else Clip(low=number, high=float("inf")))
    return Part(Clip(low=-float("inf"), high=number))


def power(call: LayerCall) -> list[Part]:
    """`x²` as a function, and higher whole powers as products."""
    value, exponent = two_operands(call)
    number = constant(exponent)
    if not isinstance(value, Tensor) or not isinstance(number, float) or number not in range(1, 9):
        raise refusal(
            call.spec,
            "takes a power; whole powers from 1 to 8 of values of the model can be loaded",
        )
    if number == 1:
        return []
    return (
        [Part(Activation("square"))]
        if number == 2
        else [Part(Multiply(), reads=(0,) * int(number))]
    )


def matrix_product(call: LayerCall) -> list[Part]:
    """Values times a constant matrix, as a dense layer, or the matrix products of two values."""
    a, b = two_operands(call)
    turned = [
        bool(option(call, key, None, False))
        for key in ("transpose_a", "transpose_b", "adj_x", "adj_y")
    ]
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if any(turned) or {len(shape) for shape in call.shapes} != {3}:
            raise refusal(
                call.spec,
                "multiplies values that are no matrices (N, A, B) and (N, B, C) for each image",
            )
        return [Part(Dot((2, 1)), reads=(0, 0) if len(call.shapes) == 1 else (0, 1))]
    matrix = constant(b)
    if not isinstance(a, Tensor) or not isinstance(matrix, np.ndarray) or turned[0] or turned[2]:
        raise refusal(
            call.spec, "multiplies by no constant matrix from the right, which is not supported"
        )
    matrix = matrix.reshape(-1, 1) if matrix.ndim == 1 else matrix
    return dense_with(call, matrix.T if turned[1] or turned[3] else matrix)


def dense_with(call: LayerCall, matrix: np.ndarray) -> list[Part]:
    """A dense layer with its kernel from the configuration."""
    if matrix.ndim != 2 or len(call.shapes[0]) < 2:
        raise refusal(
            call.spec,
            f"multiplies by a constant of shape {matrix.shape}, but matrices can be loaded",
        )
    return [Part(Dense(), constants={"kernel": matrix})]


def tensor_product(call: LayerCall) -> list[Part]:
    """`tensordot` of values with a constant matrix along their last axis."""
    value, other = two_operands(call)
    matrix, axes, rank = constant(other), option(call, "axes", 2, 2), len(call.shapes[0])
    last = axes == 1 or axes in (
        (rank - 1, 0),
        ((rank - 1,), (0,)),
        [rank - 1, 0],
        [[rank - 1], [0]],
        (-1, 0),
    )
    if not isinstance(value, Tensor) or not isinstance(matrix, np.ndarray) or not last:
        raise refusal(
            call.spec,
            "is not the product with a constant matrix along the last axis, which can be loaded",
        )
    return dense_with(call, matrix)


def contraction(call: LayerCall) -> list[Part]:
    """An `einsum` of values with a constant that equals a dense layer."""
    given = [value for value in call.call.arguments if not isinstance(value, str)]
    words = [value for value in call.call.arguments if isinstance(value, str)]
    equation = (
        call.spec.config.get("subscripts") or call.spec.config.get("equation") or "".join(words[:1])
    )
    if (
        len(given) != 2
        or not isinstance(given[0], Tensor)
        or not isinstance(constant(given[1]), np.ndarray)
    ):
        raise refusal(
            call.spec,
            f"is an einsum ({str(equation)[:80]}) that is no product of values with a constant",
        )
    parts = equation_parts(call, equation, None)
    return [
        part
        if part.weights is None
        else Part(part.op, part.name, None, part.reads, _prepare(part, given[1]))
        for part in parts
    ]


def _prepare(part: Part, given: Any) -> dict[str, np.ndarray]:
    assert part.arrays is not None
    return {
        role: np.asarray(array) for role, array in part.arrays({"kernel": constant(given)}).items()
    }


def equation_parts(call: LayerCall, equation: Any, bias_axes: str | None) -> list[Part]:
    """The ops of `EinsumDense`: a dense layer on the last axes, with reshapes for several axes."""
    if not isinstance(equation, str) or len(equation) > MAX_EQUATION:
        raise refusal(call.spec, f"has the equation {str(equation)[:80]!r}, which is no einsum")
    left, _, output = str(equation).replace(" ", "").partition("->")
    given, _, kernel = left.partition(",")
    rank = len(call.shapes[0])
    dots = "".join(letter for letter in "ABCDEFGHIJKLMNOP" if letter not in str(equation))[
        : max(rank - len(given) + 3, 0)
    ]
    given, kernel, output = (text.replace("...", dots) for text in (given, kernel, output))
    summed = "".join(letter for letter in given if letter in kernel)
    kept, new = (
        given.removesuffix(summed),
        "".join(letter for letter in kernel if letter not in summed),
    )
    fits = (
        given == kept + summed
        and output == kept + new
        and kept
        and summed
        and sorted(kernel) == sorted(summed + new)
    )
    if (
        not fits
        or len(given) != rank
        or len(set(given)) < rank
        or len(set(kernel)) < len(kernel)
        or rank > MAX_COPIES
    ):
        raise refusal(
            call.spec,
            f"has the equation {str(equation)[:80]!r}; only dense layers on the last axes can be "
            "loaded",
        )
    if bias_axes and not set(bias_axes) <= set(new):
        raise refusal(
            call.spec,
            f"has bias_axes={bias_axes!r}, but only axes that the kernel makes can be loaded",
        )
    order = [kernel.index(letter) for letter in summed + new]

    def arrays(stored: Any) -> dict[str, np.ndarray]:
        array = np.transpose(stored["kernel"], order)
        lengths = array.shape[len(summed) :]
        found: dict[str, np.ndarray] = {
            "kernel": array.reshape(-1, int(np.prod(lengths, dtype=int)))
        }
        if "bias" in stored:
            found["bias"] = np.broadcast_to(stored["bias"], lengths).reshape(-1).copy()
        return found

    kept_shape, lengths = call.shapes[0][1 : len(kept)], call.shapes[0][len(kept) :]
    parts = []
    if len(summed) > 1:
        parts.append(Part(_reshape(call, (*kept_shape, -1), lengths), "joined"))
    parts.append(Part(Dense(), "product" if len(new) != 1 else "", weights="", arrays=arrays))
    if len(new) != 1:
        shape = call.spec.config.get("output_shape")
        made = tuple(shape if isinstance(shape, list | tuple) else (shape,))[len(kept) - 1 :]
        if len(made) != len(new) or not all(type(n) is int and n > 0 for n in made):
            raise refusal(
                call.spec, "makes several axes, whose lengths its configuration does not say"
            )
        parts.append(Part(_reshape(call, (*kept_shape, *made), ())))
    return parts


def _reshape(
    call: LayerCall, shape: tuple[int | None, ...], joined: tuple[int | None, ...]
) -> Reshape:
    lengths = [-1 if n is None else n for n in shape]
    if lengths.count(-1) > 1 and None not in joined:
        lengths[-1] = int(np.prod([n for n in joined if n is not None], dtype=int))
    if lengths.count(-1) > 1:
        raise refusal(
            call.spec,
            f"is given values of shape {call.shapes[0]}, of which more lengths must be known",
        )
    return Reshape(tuple(lengths))
