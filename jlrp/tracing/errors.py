"""The error of functions that cannot be brought into a graph."""


class TraceError(NotImplementedError):
    """A function does something that the graph has no op for.

    The message names the primitive, the line of the user's code that called it, and a way out.

    Example:
        >>> import jax.numpy as jnp, jlrp
        >>> jlrp.trace(lambda params, x: jnp.sort(x), {}, jnp.ones((1, 4)))
        Traceback (most recent call last):
        jlrp.TraceError: The primitive 'sort' has no rule for relevance, ...
    """

    __module__ = "jlrp"  # a traceback shows the name that users import


class BatchError(TraceError):
    """A function joins the batch with another axis, or goes over it: it may still be one image's.

    `trace` then tries the function on one image at a time.
    """


WAY_OUT = "Mark the function around it as one op with jlrp.traceable, and give that op a rule."
"""What always works."""


def at(line: str) -> str:
    """`, at model.py:41 (Net.__call__)`, or nothing where the line is not known."""
    return f", at {line}" if line else ""
