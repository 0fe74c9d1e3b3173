"""What goes wrong with data."""


class DataError(ValueError):
    """Files, or a model, that do not fit what is asked of them: one sentence says what, where and what to do.

    Example:
        >>> import jlrp
        >>> jlrp.datasets.load_labels("nowhere.txt")
        Traceback (most recent call last):
        jlrp.datasets.errors.DataError: The labels file nowhere.txt cannot be read: No such file or directory.
    """
