"""The error of this package."""


class DataError(ValueError):
    """A file or a model that does not fit: one sentence says what, where and what to do.

    Example:
        >>> import jlrp
        >>> jlrp.datasets.load_labels("nowhere.txt")
        Traceback (most recent call last):
        jlrp.datasets.DataError: The labels file nowhere.txt cannot be read: No such file ...
    """

    __module__ = "jlrp.datasets"  # a traceback shows the name that users import
