"""What goes wrong when a file is read."""


class LoadError(ValueError):
    """A file that cannot be read as a model: one sentence with the file, what is wrong with it and what to do.

    >>> import ir
    >>> issubclass(ir.LoadError, ValueError)
    True
    """
