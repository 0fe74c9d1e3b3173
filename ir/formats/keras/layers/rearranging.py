"""Functions that move, copy, add or drop cells: slices, transposes, splits, copies, padding."""

from typing import Any

from ir.formats.keras.layers.arguments import (
    MAX_COPIES,
    axes_of,
    axis_of,
    in_shape,
    option,
    whole,
    wholes,
)
from ir.formats.keras.layers.registry import LayerCall, Outputs, Part, refusal
from ir.formats.keras.spec import entry
from ir.ops import Concatenate, Permute, Reshape, Slice, Upsample, ZeroPad

WHOLE = (None, None, None)
"""A slice of all cells."""


def get_item(call: LayerCall) -> list[Part]:
    """`x[…]` with slices, whole numbers, new axes and an ellipsis, for the whole batch."""
    given = option(call, "slice_spec", 1, option(call, "key", 1, None))
    spec = tuple(given) if isinstance(given, tuple | list) else (given,)
    rank = len(call.shapes[0])
    marks = [i for i, entry in enumerate(spec) if _is_ellipsis(entry)]
    taken = [entry for entry in spec if entry is not None and not _is_ellipsis(entry)]
    if len(marks) > 1 or len(taken) > rank:
        raise refusal(call.spec, f"takes a part of a value of {rank} axes by {len(spec)} indices")
    at = marks[0] if marks else len(spec)
    rest = [WHOLE] * (rank - len(taken))
    entries = [
        *(entry if entry is None else _entry(call, entry) for entry in spec[:at]),
        *rest,
        *(entry if entry is None else _entry(call, entry) for entry in spec[at + 1 :]),
    ]
    if entries[0] not in (WHOLE, (None, None, 1), (0, None, None), (0, None, 1)):
        raise refusal(call.spec, "takes some images of the batch, which is not supported")
    index = tuple(entry for entry in entries[1:] if entry is not None)
    if None not in entries:
        return [Part(Slice(index))]
    parts = [] if all(entry == WHOLE for entry in index) else [Part(Slice(index), "part")]
    shape = Slice(index).output_shape({}, call.shapes[0])
    lengths = iter(shape[1:])
    new = [1 if entry is None else next(lengths) for entry in entries[1:] if type(entry) is not int]
    return [*parts, in_shape(call, (None, *new))]


def _is_ellipsis(entry: Any) -> bool:
    return entry is Ellipsis or (
        isinstance(entry, dict) and entry.get("class_name") == "__ellipsis__"
    )


def _entry(call: LayerCall, entry: Any) -> Any:
    if isinstance(entry, dict) and isinstance(entry.get("config"), dict):
        entry = entry["config"]
    if type(entry) is int:
        return entry
    if isinstance(entry, dict) and all(
        entry.get(k) is None or type(entry[k]) is int for k in ("start", "stop", "step")
    ):
        return tuple(entry.get(k) for k in ("start", "stop", "step"))
    raise refusal(
        call.spec,
        f"takes a part of a value by {str(entry)[:80]}; slices and whole numbers can be loaded",
    )


def transpose(call: LayerCall) -> list[Part]:
    rank, value = len(call.shapes[0]), option(call, "axes", 1, option(call, "perm", 1, None))
    if (
        not isinstance(value, tuple | list)
        or sorted(map(str, value)) != sorted(map(str, range(rank)))
        or value[0] != 0
    ):
        raise refusal(call.spec, f"puts axes in the order {value}; the batch has to stay first")
    return [Part(Permute(tuple(value[1:])))]


def swap_axes(call: LayerCall) -> list[Part]:
    """Swap two axes."""
    a, b = (axis_of(call, option(call, f"axis{n}", n, None)) for n in (1, 2))
    order = list(range(len(call.shapes[0])))
    order[a], order[b] = b, a
    return [Part(Permute(tuple(order[1:])))]


def move_axes(call: LayerCall) -> list[Part]:
    """Move some axes, and keep the others in their order."""
    rank, places = len(call.shapes[0]), []
    for key, position in (("source", 1), ("destination", 2)):
        found = wholes(call, option(call, key, position, None), f"the {key}")
        places.append([axis_of(call, axis) for axis in found])
    if len(places[0]) != len(places[1]) or any(len(set(each)) < len(each) for each in places):
        raise refusal(call.spec, "moves axes to places of another number")
    order = [axis for axis in range(rank) if axis not in places[0]]
    for destination, source in sorted(zip(places[1], places[0], strict=True)):
        order.insert(destination, source)
    return [Part(Permute(tuple(order[1:])))]


def reshape(call: LayerCall) -> list[Part]:
    value = option(call, "newshape", 1, option(call, "shape", 1, None))
    if (
        not isinstance(value, tuple | list)
        or len(value) < 2
        or not all(n is None or type(n) is int for n in value)
    ):
        raise refusal(
            call.spec,
            f"brings values into the shape {str(value)[:80]}, which is no list of lengths",
        )
    if value[0] not in (-1, None):
        raise refusal(
            call.spec, "fixes the number of images, which is not supported: use -1 for the batch"
        )
    return [Part(Reshape(tuple(-1 if n is None else n for n in value[1:])))]


def concatenate(call: LayerCall) -> list[Part]:
    value = option(call, "axis", 1, -1)
    if type(value) is not int:
        raise refusal(
            call.spec, f"joins along the axis {str(value)[:80]}, which is no whole number"
        )
    return [] if len(call.shapes) == 1 else [Part(Concatenate(value))]


def stack(call: LayerCall) -> list[Part]:
    """Stack values along a new axis. `preprocess_input` turns RGB into BGR with it."""
    rank = len(call.shapes[0])
    axis = axis_of(call, option(call, "axis", 1, 0), rank + 1)
    parts = [
        in_shape(call, (*shape[:axis], 1, *shape[axis:]), f"expanded_{i}", (i,))
        for i, shape in enumerate(call.shapes)
    ]
    return [
        *parts,
        Part(Concatenate(-1 if axis == rank else axis), reads=tuple(part.name for part in parts)),
    ]


def split(call: LayerCall) -> list[Part]:
    """Split a value into parts along one axis."""
    axis = axis_of(call, option(call, "axis", 2, 0))
    given = option(call, "indices_or_sections", 1, option(call, "num_or_size_splits", 1, None))
    length = call.shapes[0][axis]
    if length is None:
        raise refusal(call.spec, "divides an axis of unknown length")
    if type(given) is int and 0 < given <= min(length, MAX_COPIES) and length % given == 0:
        ends = [length // given * n for n in range(1, given + 1)]
    elif call.spec.class_name in ("Split", "ArraySplit") and isinstance(given, tuple | list):
        ends = [*wholes(call, given, "the index"), length]
    elif isinstance(given, tuple | list):
        sizes = wholes(call, given, "the size")
        sizes = tuple(length - sum(n for n in sizes if n > 0) if n == -1 else n for n in sizes)
        ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    else:
        raise refusal(call.spec, f"divides {length} cells into {str(given)[:80]} equal parts")
    starts = [0, *ends[:-1]]
    if (
        ends[-1] != length
        or len(ends) > MAX_COPIES
        or not all(a < b for a, b in zip(starts, ends, strict=True))
    ):
        raise refusal(
            call.spec,
            f"divides {length} cells at {str(ends[:10])[:80]}, which leaves parts without any",
        )
    return _cut(axis, [(start, end, None) for start, end in zip(starts, ends, strict=True)])


def unstack(call: LayerCall) -> list[Part]:
    """Split a value into cells along one axis, and drop that axis."""
    axis = axis_of(call, option(call, "axis", 2, 0))
    length = call.shapes[0][axis]
    if length is None or length > MAX_COPIES:
        raise refusal(call.spec, f"makes a value of each of {length or 'unknown many'} cells")
    return _cut(axis, list(range(length)))


def _cut(axis: int, entries: list[Any]) -> Outputs:
    whole_axes = (WHOLE,) * (axis - 1)
    return Outputs(
        Part(Slice((*whole_axes, entry)), str(i), reads=(0,)) for i, entry in enumerate(entries)
    )


def take(call: LayerCall) -> list[Part]:
    """Take cells along one axis, in any order."""
    axis = axis_of(call, option(call, "axis", 2, None))
    indices = option(call, "indices", 1, None)
    if isinstance(indices, dict):
        indices = entry(indices, "config", "value")
    before = (WHOLE,) * (axis - 1)
    if type(indices) is int:
        return [Part(Slice((*before, indices)))]
    found = wholes(call, indices, "the index")
    length = call.shapes[0][axis]
    if (
        length is None
        or not 0 < len(found) <= MAX_COPIES
        or not all(-length <= i < length for i in found)
    ):
        raise refusal(call.spec, f"takes cells {str(indices)[:80]} of {length or 'unknown many'}")
    parts = [
        Part(Slice((*before, (i % length, i % length + 1, None))), f"cell_{n}", reads=(0,))
        for n, i in enumerate(found)
    ]
    return [*parts, Part(Concatenate(axis), reads=tuple(part.name for part in parts))]


def repeat(call: LayerCall) -> list[Part]:
    """Repeat every cell along one axis."""
    axis, count = (
        axis_of(call, option(call, "axis", 2, None)),
        _copies(call, option(call, "repeats", 1, None)),
    )
    shape = call.shapes[0]
    if count == 1:
        return []
    if 2 < len(shape) < 6 and axis < len(shape) - 1:  # along an axis of images: nearest neighbours
        return [Part(Upsample(tuple(count if a == axis else 1 for a in range(1, len(shape) - 1))))]
    length = shape[axis]
    if length is None:
        raise refusal(call.spec, "repeats cells along an axis of unknown length")
    return [
        in_shape(call, (*shape[: axis + 1], 1, *shape[axis + 1 :]), "apart"),
        Part(Concatenate(axis + 1), "copies", reads=("apart",) * count),
        in_shape(call, (*shape[:axis], length * count, *shape[axis + 1 :])),
    ]


def tile(call: LayerCall) -> list[Part]:
    """Repeat the whole value along its axes."""
    counts = wholes(
        call, option(call, "repeats", 1, option(call, "multiples", 1, None)), "the number of copies"
    )
    rank = len(call.shapes[0])
    counts = (1,) * (rank - len(counts)) + counts
    if len(counts) > rank or counts[0] != 1:
        raise refusal(
            call.spec,
            f"copies values {str(counts)[:80]} times along the axes, the batch or new ones too",
        )
    parts: list[Part] = []
    for axis, count in enumerate(counts):
        if _copies(call, count) > 1:
            before: str | int = parts[-1].name if parts else 0
            parts.append(Part(Concatenate(axis), f"copies_{axis}", reads=(before,) * count))
    return _name_last(parts)


def _copies(call: LayerCall, count: Any) -> int:
    found = wholes(call, count, "the number of copies")
    if len(found) != 1 or not 0 < found[0] <= MAX_COPIES:
        raise refusal(
            call.spec, f"makes {str(count)[:80]} copies; from 1 to {MAX_COPIES} can be loaded"
        )
    return found[0]


def flip(call: LayerCall) -> list[Part]:
    """Reverse values along some axes."""
    axes = axes_of(call, option(call, "axis", 1, None))
    return [
        Part(
            Slice(tuple((None, None, -1) if a in axes else WHOLE for a in range(1, max(axes) + 1)))
        )
    ]


def roll(call: LayerCall) -> list[Part]:
    """Move values along one axis. What leaves at the end comes in at the start."""
    axis, shift = (
        axis_of(call, option(call, "axis", 2, None)),
        whole(call, option(call, "shift", 1, None), "the shift"),
    )
    length, before = call.shapes[0][axis], (WHOLE,) * (axis - 1)
    if length is None:
        raise refusal(call.spec, "moves cells along an axis of unknown length")
    at = -shift % length
    if at == 0:
        return []
    ends = ((at, None, None), (None, at, None))
    parts = [
        Part(Slice((*before, end)), name, reads=(0,))
        for name, end in zip(("end", "start"), ends, strict=True)
    ]
    return [*parts, Part(Concatenate(axis), reads=("end", "start"))]


def depth_to_space(call: LayerCall) -> list[Part]:
    """Spread channels over blocks of pixels."""
    height, width, channels, size = _blocks(call)
    if channels % size**2:
        raise refusal(call.spec, f"spreads {channels} channels over blocks of {size}·{size} pixels")
    return [
        Part(Reshape((height, width, size, size, channels // size**2)), "blocks"),
        Part(Permute((1, 3, 2, 4, 5)), "side_by_side"),
        Part(Reshape((height * size, width * size, channels // size**2))),
    ]


def space_to_depth(call: LayerCall) -> list[Part]:
    """Gather blocks of pixels as channels."""
    height, width, channels, size = _blocks(call)
    if height % size or width % size:
        raise refusal(
            call.spec, f"gathers blocks of {size}·{size} pixels of images of {height}·{width}"
        )
    return [
        Part(Reshape((height // size, size, width // size, size, channels)), "blocks"),
        Part(Permute((1, 3, 2, 4, 5)), "gathered"),
        Part(Reshape((height // size, width // size, channels * size**2))),
    ]


def _blocks(call: LayerCall) -> tuple[int, int, int, int]:
    """Height, width and channels of the images, and the size of a block."""
    size, layout = (
        option(call, "block_size", 1, None),
        option(call, "data_format", 2, None) or "channels_last",
    )
    lengths = [n for n in call.shapes[0][1:] if n is not None]
    if (
        type(size) is not int
        or not 0 < size <= MAX_COPIES
        or len(lengths) != 3
        or len(call.shapes[0]) != 4
    ):
        raise refusal(
            call.spec,
            f"takes blocks of pixels of values of shape {call.shapes[0]}, which is not supported",
        )
    if layout not in ("channels_last", "NHWC"):
        raise refusal(
            call.spec, f"takes blocks of pixels of {layout} images; channels_last can be loaded"
        )
    return lengths[0], lengths[1], lengths[2], size


def pad(call: LayerCall) -> list[Part]:
    """Pad the image with zeros."""
    pairs = option(call, "pad_width", 1, option(call, "paddings", 1, None))
    rank, mode = len(call.shapes[0]), str(option(call, "mode", 2, "constant")).lower()
    value = option(call, "constant_values", 3, 0)
    each = tuple(pairs) if isinstance(pairs, tuple | list) else ()
    if len(each) != rank or not all(map(_is_pair, each)):
        raise refusal(call.spec, f"pads by {str(pairs)[:80]}, which is not one pair per axis")
    found = tuple((low, high) for low, high in each)
    if mode != "constant" or value not in (0, 0.0, None) or any(found[0]):
        raise refusal(call.spec, f"pads in the mode {mode!r}; zeros around the image can be loaded")
    if not any(found[-1]):
        return [Part(ZeroPad(found[1:-1]))]
    if not any(found[1]):
        return [Part(ZeroPad(found[2:], "channels_first"))]
    raise refusal(call.spec, "pads the channels, which is not supported")


def _is_pair(value: Any) -> bool:
    """Whether a value is a pair of whole numbers, not below zero."""
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and all(type(n) is int and n >= 0 for n in value)
    )


def expand_dims(call: LayerCall) -> list[Part]:
    """Insert axes of length 1."""
    shape, value = call.shapes[0], option(call, "axis", 1, None)
    rank = len(shape) + (len(value) if isinstance(value, tuple | list) else 1)
    axes, lengths = axes_of(call, value, rank), iter(shape)
    return [in_shape(call, tuple(1 if axis in axes else next(lengths) for axis in range(rank)))]


def squeeze(call: LayerCall) -> list[Part]:
    """Drop axes of length 1: the given ones, or all."""
    shape = call.shapes[0]
    value = option(call, "axis", 1, option(call, "squeeze_dims", None, None))
    if value is None:
        value = [axis for axis, n in enumerate(shape) if axis and n == 1]
        if None in shape[1:] or not value:
            raise refusal(
                call.spec,
                f"drops the axes of length 1 of a value of shape {shape}, which are not all known",
            )
    axes = axes_of(call, value)
    if any(shape[axis] != 1 for axis in axes):
        raise refusal(
            call.spec,
            f"drops the axes {value} of a value of shape {shape}, which are not of length 1",
        )
    if sum(n is None for n in shape[1:]) > 1:
        return [
            Part(Slice(tuple(0 if axis in axes else WHOLE for axis in range(1, max(axes) + 1))))
        ]
    return [in_shape(call, tuple(n for axis, n in enumerate(shape) if axis not in axes))]


def _name_last(parts: list[Part]) -> list[Part]:
    """Give the last part the layer's own name."""
    if parts:
        last = parts[-1]
        parts[-1] = Part(last.op, "", last.weights, last.reads, last.constants)
    return parts
