"""Window arithmetic that convolutions, pooling, padding and cropping share."""

from ir.ops.base import Shape, ShapeError, require_numbers

Pairs = tuple[tuple[int, int], ...]
"""One (low, high) pair per spatial axis."""

Padding = str | Pairs
"""`"valid"`, `"same"` (as TensorFlow pads: the odd cell at the end), or explicit pairs of zeros."""


def window_padding(
    padding: Padding, lengths: Shape, window: tuple[int, ...], strides: tuple[int, ...]
) -> Pairs:
    """Compute the explicit (low, high) padding of each axis.

    `"same"` on length n with stride s and window k pads max((⌈n/s⌉ - 1)·s + k - n, 0) cells in all,
    the smaller half first.

    Args:
        padding: `"valid"`, `"same"`, or explicit pairs.
        lengths: The input's length along each axis, which `"same"` needs to know.
        window: The window's reach along each axis.
        strides: The window's steps.

    Returns:
        The pairs.

    Raises:
        ShapeError: The padding has another name, or a length is unknown.

    Example:
        >>> window_padding("same", (7, 8), (3, 3), (2, 2))
        ((1, 1), (0, 1))
    """
    if not isinstance(padding, str):
        return padding
    if padding == "valid":
        return ((0, 0),) * len(window)
    if padding != "same":
        raise ShapeError(f"pads {padding!r}, which is none of 'same', 'valid' or pairs of numbers.")
    pairs = []
    for n, k, s in zip(lengths, window, strides, strict=True):
        if n is None:
            raise ShapeError("pads 'same' and so needs the image size.")
        total = max((-(-n // s) - 1) * s + k - n, 0)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def window_lengths(
    padding: Padding, lengths: Shape, window: tuple[int, ...], strides: tuple[int, ...]
) -> Shape:
    """Count the windows that fit along each axis.

    Args:
        padding: `"valid"`, `"same"`, or explicit pairs.
        lengths: The input's length along each axis; `None` where it is unknown.
        window: The window's reach along each axis.
        strides: The window's steps.

    Returns:
        The counts; `None` where the length is unknown.

    Raises:
        ShapeError: Not even one window fits, or the numbers make no sense.

    Example:
        >>> window_lengths("same", (7, None), (3, 3), (2, 2))
        (4, None)
    """
    require_numbers("windows", window, 1)
    require_numbers("strides", strides, 1)
    if not isinstance(padding, str):
        require_numbers("padding", (n for pair in padding for n in pair), 0)
        if len(padding) != len(window):
            raise ShapeError(f"pads {len(padding)} axes, but its windows have {len(window)}.")
    else:
        window_padding(padding, (1,) * len(window), window, strides)
    counts: list[int | None] = []
    for axis, (n, k, s) in enumerate(zip(lengths, window, strides, strict=True)):
        if n is None:
            counts.append(None)
            continue
        low, high = (
            window_padding(padding, (n,), (k,), (s,))[0]
            if isinstance(padding, str)
            else padding[axis]
        )
        count = (n + low + high - k) // s + 1
        if count < 1:
            raise ShapeError(
                f"has windows of {k} cells, more than the {n + low + high} of its input: give "
                "larger images."
            )
        counts.append(count)
    return tuple(counts)


def dilated(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """The reach of a kernel whose cells lie `dilation` apart."""
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))


def replaced(shape: Shape, axes: tuple[int, ...], lengths: Shape) -> Shape:
    """`shape` with new lengths at the given axes."""
    new = list(shape)
    for axis, length in zip(axes, lengths, strict=True):
        new[axis] = length
    return tuple(new)
