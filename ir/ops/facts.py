"""What is true of an op: facts that rules, analyses and passes ask for instead of listing classes.

An op states a fact as a class attribute (`sums = True`), or as a property where its numbers decide.
What an op does not state has the cautious value given here: nothing is promised.
"""

import math

from ir.ops.interval import ANYTHING, Interval

TINY = math.nextafter(0.0, 1.0)
"""The smallest positive number."""


class OpFacts:
    """Facts about an op. Each holds whatever the weights are, unless its description says more.

    Example:
        >>> import ir
        >>> ir.Add().sums, ir.MaxPool().selects, ir.Relu().rectifies, ir.Relu().sums
        (True, True, True, False)
    """

    # How outputs depend on inputs.

    @property
    def monotone(self) -> bool:
        """Whether each output value only rises, or only falls, with each input value."""
        return False

    @property
    def elementwise(self) -> bool:
        """Whether each output value depends on one value of each input, at the same place."""
        return False

    @property
    def keeps_shape(self) -> bool:
        """Whether the op has one input, and an output of its shape."""
        return False

    @property
    def keeps_order(self) -> bool:
        """Whether a larger output value says the same as a larger input value.

        An op with several inputs is asked as if it were given one value several times.
        """
        return False

    @property
    def has_kernel(self) -> bool:
        """Whether the op is a layer `W·x + b` with a trained kernel.

        Such layers are what "first", "last" and "depth" count.
        """
        return False

    @property
    def sums(self) -> bool:
        """Whether the op is a sum or mean of values, without weights."""
        return False

    @property
    def selects(self) -> bool:
        """Whether each output value is the largest, or the smallest, of several input values."""
        return False

    @property
    def multiplies(self) -> bool:
        """Whether the op multiplies its inputs, so that it is linear in each of them."""
        return False

    @property
    def needs(self) -> tuple[str, ...]:
        """The roles of the weights that the op cannot do without."""
        return ()

    @property
    def unsaved(self) -> str:
        """Why no file can hold the op, as the end of a sentence that names its layer; else ""."""
        return ""

    # Where values go.

    @property
    def moves(self) -> bool:
        """Whether the op takes values to other places, by weights that are fixed.

        Constants may stand beside or in place of them, as in padding.
        """
        return False

    @property
    def copies(self) -> bool:
        """Whether the op moves values, and each output value is one of them or zero."""
        return False

    @property
    def pools(self) -> bool:
        """Whether the op makes one value of all values in a window, or along whole axes."""
        return False

    @property
    def pads(self) -> bool:
        """Whether the output may have cells of padding or other constants, or pool over them."""
        return False

    # What axes mean.

    @property
    def reduces(self) -> bool:
        """Whether the op makes one value of all values along some axes, without a kernel."""
        return False

    @property
    def reshapes(self) -> bool:
        """Whether the same values stand under another shape, so that axes lose their meaning."""
        return False

    @property
    def keeps_axes(self) -> bool:
        """Whether the output has the input's axes, possibly of other lengths.

        They stand in the input's order, unless `axis_order` says otherwise.
        """
        return True

    @property
    def axis_order(self) -> tuple[int, ...]:
        """For each axis of the output, the batch included, which of the input's axes it is.

        Empty where no axis moves.
        """
        return ()

    @property
    def channel_axis(self) -> int | None:
        """The axis that the op takes for its input's channels, negative if counted from the end.

        `None` where the op does not say.
        """
        data_format = getattr(self, "data_format", None)
        return None if data_format is None else 1 if data_format == "channels_first" else -1

    @property
    def positions(self) -> bool | None:
        """Whether the output has axes between the batch and the channels, such as rows and columns.

        `None` where it has them if some input has.
        """
        return None

    # What follows from the range.

    def bounds(self, *inputs: Interval) -> Interval:
        """Bound the output values.

        Args:
            *inputs: For each input, the interval (low, high) of its values.

        Returns:
            The interval in which every output value lies, for any weights. It is one of exact
            arithmetic: rounding may overstep it. `(-inf, inf)` where nothing is certain.
        """
        return ANYTHING

    @property
    def changes_sign(self) -> bool:
        """Whether an activation's value can have another sign than its input.

        The bounds decide. Where they promise nothing, the answer is no.
        """
        return False

    @property
    def saturates(self) -> bool:
        """Whether an activation is bounded on both sides, or constant on a half-line."""
        return False

    @property
    def squashes(self) -> bool:
        """Whether an activation changes signs or saturates.

        Squashed values say little of the values before them. A network's decision is read before
        the squashing activation that ends it.
        """
        return self.changes_sign or self.saturates

    @property
    def rectifies(self) -> bool:
        """Whether the op makes zero of every value that is not positive, as ReLU does.

        The bounds decide.
        """
        if not (self.elementwise and self.keeps_shape):
            return False
        return self.bounds((-math.inf, 0.0)) == (0.0, 0.0)
