"""Products: convolutions, matrix products with weights and of two values, rows of tables."""

import math
import string
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

import ir
from ir.ops.base import channel_axis, spatial_axes
from jlrp.tracing.build import ANCHORS, Builder, Reference
from jlrp.tracing.errors import WAY_OUT, TraceError, at
from jlrp.tracing.part import Part
from jlrp.tracing.pooling import named_padding
from jlrp.tracing.regions import Span, region
from jlrp.tracing.values import Const, Equation, Value, reshaped, transposed
from jlrp.tracing.walk import as_numpy


def _convolution(builder: Builder, equation: Equation) -> Reference:
    x, kernel = equation.operands
    if not isinstance(x, Value) or not isinstance(kernel, Const):
        raise TraceError(
            f"A convolution with a kernel that depends on the images has no rule"
            f"{at(equation.line)}. {WAY_OUT}"
        )
    params = equation.params
    numbers = params["dimension_numbers"]
    if params.get("batch_group_count", 1) != 1 or x.axis != numbers.lhs_spec[0]:
        raise TraceError(f"A convolution joins the images of a batch{at(equation.line)}.")
    _, channels, *spatial = numbers.lhs_spec
    reference, data_format = _as_images(builder, equation, x, channels, spatial)
    kernel = transposed(kernel, (*numbers.rhs_spec[2:], numbers.rhs_spec[1], numbers.rhs_spec[0]))
    reference = _convolved(builder, equation, reference, data_format, x, kernel)
    rank = x.rank
    given = [channel_axis(data_format, rank), *spatial_axes(data_format, rank)]
    wanted = [equation.output.placed(axis) for axis in numbers.out_spec[1:]]
    order = [given[wanted.index(place)] for place in range(1, rank)]
    return builder.permuted(reference, order, equation)


def _as_images(
    builder: Builder, equation: Equation, x: Value, channels: int, spatial: Sequence[int]
) -> tuple[Reference, str]:
    """A value with its channels last or first, and its other axes in the kernel's order."""
    for data_format, order in (
        ("channels_last", [*spatial, channels]),
        ("channels_first", [channels, *spatial]),
    ):
        if [x.placed(axis) for axis in order] == list(range(1, x.rank)):
            return builder.reference(x), data_format
    return builder.moved(x, [*spatial, channels], equation), "channels_last"


def _convolved(
    builder: Builder,
    equation: Equation,
    reference: Reference,
    data_format: str,
    x: Value,
    kernel: Const,
) -> Reference:
    params = equation.params
    strides = tuple(params["window_strides"])
    dilation = tuple(params["rhs_dilation"])
    apart = tuple(params["lhs_dilation"])
    pairs = tuple((int(low), int(high)) for low, high in params["padding"])
    groups = int(params["feature_group_count"])
    lengths = tuple(x.shape[axis] for axis in params["dimension_numbers"].lhs_spec[2:])
    axes = len(strides)
    window = tuple((k - 1) * d + 1 for k, d in zip(kernel.shape[:axes], dilation, strict=True))
    if set(apart) != {1} and groups == 1 and set(strides) == {1}:
        named = _transposed_padding(lengths, window, apart, pairs)
        if named is not None:
            turned = ir.ConvTranspose(apart, named, dilation, data_format)
            weights = {"kernel": _flipped(kernel, axes)}
            return builder.add([Part(turned, weights)], [reference], equation)
    parts = []
    if set(apart) != {1}:
        steps = (*apart, 1) if data_format == "channels_last" else (1, *apart)
        parts.append(Part(ir.Dilate(steps)))
        lengths = tuple((n - 1) * d + 1 for n, d in zip(lengths, apart, strict=True))
    if any(n < 0 for pair in pairs for n in pair):
        cropping = tuple((max(-low, 0), max(-high, 0)) for low, high in pairs)
        parts.append(Part(ir.Crop(cropping, data_format)))
        lengths = tuple(n - sum(cut) for n, cut in zip(lengths, cropping, strict=True))
        pairs = tuple((max(low, 0), max(high, 0)) for low, high in pairs)
    padding = named_padding(pairs, lengths, window, strides)
    inside, made = kernel.shape[-2:]
    if groups > 1 and inside == 1:
        by_channel = reshaped(kernel, (*kernel.shape[:-2], groups, made // groups))
        depthwise = ir.DepthwiseConv(strides, padding, dilation, data_format)
        parts.append(Part(depthwise, {"kernel": by_channel}))
    else:
        conv = ir.Conv(strides, padding, dilation, data_format, groups)
        parts.append(Part(conv, {"kernel": kernel}))
    return builder.add(parts, [reference], equation)


def _transposed_padding(
    lengths: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    pairs: tuple[tuple[int, int], ...],
) -> str | None:
    """`"valid"` or `"same"` where `ir.ConvTranspose` pads so, else `None`.

    The transposed convolution pads the dilated input by what is left of the window beside the
    padding of the convolution that it transposes.
    """
    for padding in ("same", "valid"):
        expected = []
        for n, k, s in zip(lengths, window, strides, strict=True):
            made = n * s + (max(k - s, 0) if padding == "valid" else 0)
            total = max((n - 1) * s + k - made, 0) if padding == "same" else 0
            low = total // 2
            expected.append((k - 1 - low, made - 1 - (n - 1) * s + low))
        if tuple(expected) == pairs:
            return padding
    return None


def _flipped(kernel: Const, axes: int) -> Const:
    """A kernel turned around in space, with its outputs before its inputs."""
    shape = (*kernel.shape[:axes], kernel.shape[-1], kernel.shape[-2])
    return Const(
        shape,
        kernel.dtype,
        (kernel,),
        lambda a: jnp.swapaxes(jnp.flip(a, tuple(range(axes))), -1, -2),
    )


def _dot(builder: Builder, equation: Equation) -> Reference:
    a, b = equation.operands
    (contracted, paired) = equation.params["dimension_numbers"]
    if isinstance(a, Value) and isinstance(b, Value):
        return _of_values(builder, equation, a, b)
    first = isinstance(a, Value)
    x, weight = (a, b) if first else (b, a)
    assert isinstance(x, Value)
    assert isinstance(weight, Const)
    mine, other = (0, 1) if first else (1, 0)
    summed, shared = (tuple(map(int, pair[mine])) for pair in (contracted, paired))
    weight_summed, weight_shared = (tuple(map(int, pair[other])) for pair in (contracted, paired))
    if x.axis in summed:
        raise TraceError(f"A product of matrices sums over the images{at(equation.line)}.")
    if shared and shared != (x.axis,):
        return _by_letters(builder, equation, x, weight, first)
    if shared:
        weight = reshaped(weight, [n for i, n in enumerate(weight.shape) if i not in weight_shared])
        weight_summed = tuple(i - sum(w < i for w in weight_shared) for i in weight_summed)
    if _resamples(weight, weight_summed, summed):
        return _resampled(builder, equation, x, summed[0], weight, weight_summed[0], first)
    free = [axis for axis in range(x.rank) if axis != x.axis and axis not in summed]
    reference = builder.moved(x, [*free, *summed], equation)
    lengths = [x.shape[axis] for axis in free]
    features = math.prod(x.shape[axis] for axis in summed)
    if len(summed) != 1:
        reference = builder.add([Part(ir.Reshape((*lengths, features)))], [reference], equation)
    outside = [i for i in range(weight.rank) if i not in weight_summed]
    made = [weight.shape[i] for i in outside]
    kernel = reshaped(transposed(weight, (*weight_summed, *outside)), (features, math.prod(made)))
    reference = builder.add([Part(ir.Dense(), {"kernel": kernel})], [reference], equation)
    if len(made) != 1:
        reference = builder.add([Part(ir.Reshape((*lengths, *made)))], [reference], equation)
    if first:
        return reference
    count = len(lengths)
    order = [*range(count + 1, count + len(made) + 1), *range(1, count + 1)]
    return builder.permuted(reference, order, equation)


def _resamples(weight: Const, weight_summed: tuple[int, ...], summed: tuple[int, ...]) -> bool:
    """Whether a product takes weighted means by weights that stand in the function."""
    if weight.trained or weight.rank != 2 or len(summed) != 1:
        return False
    return bool(np.allclose(as_numpy(weight).sum(weight_summed[0]), 1, atol=1e-5))


def _resampled(
    builder: Builder,
    equation: Equation,
    x: Value,
    axis: int,
    weight: Const,
    weight_axis: int,
    first: bool,
) -> Reference:
    place = x.placed(axis)
    weights = {"matrix": transposed(weight, (weight_axis, 1 - weight_axis))}
    reference = builder.add([Part(ir.Resample(place), weights)], [builder.reference(x)], equation)
    others = [a for a in range(1, x.rank) if a != place]
    return builder.permuted(reference, [*others, place] if first else [place, *others], equation)


def _letters(equation: Equation, a: Sequence[int], b: Sequence[int]) -> tuple[str, str, str]:
    """A letter for each axis of both operands and of the result of a product."""
    (summed, paired) = equation.params["dimension_numbers"]
    letters = iter(string.ascii_lowercase.replace("n", "") + string.ascii_uppercase)
    of_a = [next(letters) for _ in a]
    of_b = [""] * len(b)
    for i, j in zip((*summed[0], *paired[0]), (*summed[1], *paired[1]), strict=True):
        of_b[j] = of_a[i]
    of_b = [letter or next(letters) for letter in of_b]
    shared = [of_a[i] for i in paired[0]]
    left = [x for i, x in enumerate(of_a) if i not in (*summed[0], *paired[0])]
    right = [x for i, x in enumerate(of_b) if i not in (*summed[1], *paired[1])]
    return "".join(of_a), "".join(of_b), "".join([*shared, *left, *right])


def _batch_first(letters: str, axis: int) -> str:
    return "n" + letters[:axis] + letters[axis + 1 :]


def _of_values(builder: Builder, equation: Equation, a: Value, b: Value) -> Reference:
    of_a, of_b, made = _letters(equation, a.shape, b.shape)
    if of_a[a.axis] != of_b[b.axis] or of_a[a.axis] not in made:
        raise TraceError(f"A product of matrices mixes the images of a batch{at(equation.line)}.")
    text = ",".join(_batch_first(x, v.axis) for x, v in ((of_a, a), (of_b, b)))
    op = ir.Einsum(f"{text}->{_batch_first(made, equation.output.axis)}")
    read = [builder.reference(a), builder.reference(b)]
    return builder.add([Part(op)], read, equation)


def _by_letters(
    builder: Builder, equation: Equation, x: Value, weight: Const, first: bool
) -> Reference:
    """A product with a kernel of its own for some axes."""
    a, b = (x.shape, weight.shape) if first else (weight.shape, x.shape)
    of_a, of_b, made = _letters(equation, a, b)
    of_x, of_weight = (of_a, of_b) if first else (of_b, of_a)
    batch = of_x[x.axis]
    if batch in of_weight:
        at_axis = of_weight.index(batch)
        weight = reshaped(weight, [n for i, n in enumerate(weight.shape) if i != at_axis])
        of_weight = of_weight.replace(batch, "")
    text = f"{_batch_first(of_x, x.axis)},{of_weight}->"
    op = ir.EinsumDense(text + _batch_first(made, equation.output.axis))
    return builder.add([Part(op, {"kernel": weight})], [builder.reference(x)], equation)


def _rows(builder: Builder, equation: Equation) -> Reference:
    """Rows of a table of weights by ids, `table[ids]`."""
    table, indices = equation.operands
    numbers = equation.params["dimension_numbers"]
    wrong = TraceError(
        f"A gather whose indices depend on the images has no rule{at(equation.line)}, but for the "
        f"rows of a table of weights, table[ids]. {WAY_OUT}"
    )
    if not isinstance(table, Const) or not isinstance(indices, Value) or table.rank != 2:
        raise wrong
    plain = (
        tuple(numbers.offset_dims) == (indices.rank - 1,)
        and tuple(numbers.collapsed_slice_dims) == (0,)
        and tuple(numbers.start_index_map) == (0,)
        and tuple(equation.params["slice_sizes"]) == (1, table.shape[1])
    )
    ids = indices.root
    if not plain or not _are_ids(ids, indices, table.shape[0]):
        raise wrong
    reference = builder.add(
        [Part(ir.Embed(), {"table": table})], [builder.reference(ids)], equation
    )
    shape = equation.output.first
    if (*ids.first, table.shape[1]) != shape:
        return builder.add([Part(ir.Reshape(shape))], [reference], equation)
    return reference


def _are_ids(ids: Value, indices: Value, rows: int) -> bool:
    """Whether indices are the ids of the rows, whatever is done with negative ones."""
    if ids is indices:
        return True
    equations = region(ids, indices)
    each = Span(ids, indices, tuple(equations))
    x = np.random.default_rng(0).integers(0, rows, (3, *ids.first))
    made = each.run(x, each.numbers(np.random.default_rng(0)))
    return bool(np.array_equal(made.reshape(3, -1), x.reshape(3, -1)))


ANCHORS |= {
    "conv_general_dilated": _convolution,
    "dot_general": _dot,
    "gather": _rows,
}
