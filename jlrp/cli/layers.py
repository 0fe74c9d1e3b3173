"""What the user says of layers that the library does not know: a Python file of theirs, imported before the model."""

import hashlib
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from jlrp.cli.program import InputError, shown

IN_OPTIONS = {
    "Say what it does before loading": "Say what it does in a Python file that is given as --layers FILE",
    "leave out `architecture` and `variant`": "leave out --architecture and --variant",
    "give the architecture as": "give --architecture,",
    "give architecture=": "give --architecture",
    "name it with variant=": "name it with --variant",
    "give kernels='theano'": "read it in Python with ir.load(…, kernels='theano')",
}
"""What errors about files advise in Python, and in the words of the command line."""


def in_options(sentence: str) -> str:
    """An error's sentence with options in place of Python's arguments.

    Example:
        >>> in_options("holds weights alone: give architecture=, a file with it.")
        'holds weights alone: give --architecture, a file with it.'
    """
    for python, option in IN_OPTIONS.items():
        sentence = sentence.replace(python, option)
    return sentence


def import_layers(path: Path) -> None:
    """Execute a user's Python file, once, so that what it registers is known.

    Args:
        path: The file that `--layers` names.

    Raises:
        InputError: If the file cannot be read or fails; one sentence that says where.
    """
    name = f"jlrp_layers_{hashlib.sha256(os.path.realpath(path).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return
    spec = spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InputError(f"--layers takes a Python file (.py), and {shown(path)} is none.")
    sys.modules[name] = module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:300].removesuffix(".")
        raise InputError(f"The file {shown(path)} of --layers fails{_line(error, path)}: {detail}.") from error


def _line(error: BaseException, path: Path) -> str:
    """Where in the file an error arose."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f" in line {error.lineno}"
    lines, trace = [], error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f" in line {lines[-1]}" if lines else ""
