"""The program around the commands: errors as one sentence on standard error, and ordinary output.

All text for people leaves by `console` and `complain`, which show nothing that a terminal obeys.
`sentence_of` is the one place that puts the library's errors into the words of the command line.
"""

import errno
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from jlrp.__main__ import missing
from jlrp.cli.cache import heal
from jlrp.datasets.errors import DataError
from jlrp.text import printable, printable_path


class InputError(DataError):
    """Something wrong with what the user gave; its message is one sentence for people."""


MISTAKEN, WRONG, INTERRUPTED = 1, 2, 130
"""Exit codes: a mistake in jlrp; wrong usage or input, or a part left out; Ctrl-C."""

WHOLE = "JLRP_TRACEBACK"
"""The environment variable that makes errors show where they come from."""

UNKEPT = (
    "Error reading persistent compilation cache entry",
    "Error writing persistent compilation cache entry",
)
"""How JAX's warnings begin that tell of programs which were not kept whole."""

MAX_LETTERS = 1000
"""Of a sentence on standard error."""

IN_OPTIONS = {
    r"Say what it does before loading": (
        "Say what it does in a Python file that is given as --layers FILE"
    ),
    r"leave out `architecture` and `variant`": "leave out --architecture and --variant",
    r"give the architecture as": "give --architecture,",
    r"give kernels='theano'": "read it in Python with ir.load(…, kernels='theano')",
    r"the input: ledger=True says where it went": "the image: see --ledger",
    r"(?<!\S)force=True(?!\S)": "--force",
    r"(?<!\S)size=\((\d+), (\d+)\)": r"--size \1x\2",
    r"(?<!\S)(architecture|variant|size|preprocess|hdf5)="
    r"(?:'(\w*)'|(\d*))(?=[\s,:;]|\.?$)": r"--\1 \2\3",
}
"""What the library advises in Python, as patterns, and in the words of the command line."""

FROM_MODELS = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
)
"""What computing a model may raise that could be read, but is not one that can be computed."""


def expected() -> tuple[type[Exception], ...]:
    """Return the errors about the input or the machine; `running` adds those of a model."""
    from jax.errors import JaxRuntimeError

    import ir
    from jlrp.composites.composite import CompositeError

    own = (DataError, ir.LoadError, ir.ShapeError, ir.GraphError, CompositeError)
    return (*own, OSError, NotImplementedError, MemoryError, JaxRuntimeError)


class Program(TyperGroup):
    """The commands; wrong usage or input gives one sentence on standard error and exit code 2."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, report what is wrong, and exit: 0, 1, 2 or 130, as the command's help says.

        Letters that the output's encoding lacks become "?". If nobody reads the output any more,
        the rest of it is dropped, and the work goes on.
        """
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, ValueError):
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        with warnings.catch_warnings(record=not sys.warnoptions) as said:
            if not sys.warnoptions:
                warnings.simplefilter("default")
            try:
                code = super().main(
                    args, prog_name, complete_var, False, windows_expand_args, **extra
                )
            except SystemExit as stop:
                if stop.code != 1 or not hasattr(sys.stdout, "wrapped"):
                    raise
                code = 0  # typer's way of saying that nobody reads its help any more
                sys.stdout, sys.stderr = (
                    getattr(each, "wrapped", each) for each in (sys.stdout, sys.stderr)
                )
                _drop(sys.stdout)
            except typer.Abort:
                code = INTERRUPTED
            except Exception as error:
                code = _failed(error)
            try:
                _write(sys.stdout, "")
            except OSError as error:
                code = code or _failed(error)
            if any(str(each.message).startswith(UNKEPT) for each in said or ()):
                heal()
        if code == INTERRUPTED:
            complain("Interrupted: what has been written is whole.")
        sys.exit(code or 0)


class _Console(Console):
    """Shows text without what a terminal obeys, and drops it if nobody reads it any more."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        _drop(self.file)


def console(quiet: bool = False, stderr: bool = False) -> Console:
    """Return standard output (or error) as rich sees it; no line is broken without a terminal.

    Each text is one line, as `printable` makes it. Nothing is written if `quiet` is given or there
    is no such stream. Colours need a terminal, and `NO_COLOR` turns them off.
    """
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream is not None and stream.isatty() else 10_000
    return _Console(
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        quiet=quiet or stream is None,
        stderr=stderr,
    )


def complain(sentence: str) -> None:
    """Write one line to standard error, of a length that people read."""
    _write(sys.stderr, f"{printable(_short(sentence))}\n")


def tell(document: str) -> None:
    """Write a document for scripts to standard output, as it is."""
    _write(sys.stdout, f"{document}\n")


@contextmanager
def running(model: Path | str) -> Iterator[None]:
    """Turn what a model sets off while it is computed into an `InputError` that names its file."""
    try:
        yield
    except FROM_MODELS as error:
        if isinstance(error, expected()):
            raise
        heal()  # a program that was kept and is another one's may be the reason
        raise InputError(
            f"{printable_path(model)} was read but cannot be run: {_detail(error).rstrip('.')}."
        ) from error


def sentence_of(error: Exception) -> str:
    """Say what one of the `expected` errors is about, in the words of the command line."""
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return "Not enough memory: give a smaller --batch-size."
    if isinstance(error, OSError) and error.strerror:
        return (
            f"{printable_path(error.filename)}: {error.strerror}."
            if error.filename
            else f"{error.strerror}."
        )
    return _short(in_options(str(error)))


def in_options(sentence: str) -> str:
    """Replace Python's arguments in a sentence of the library by options.

    Example:
        >>> in_options("holds weights alone: give architecture=, a file with it.")
        'holds weights alone: give --architecture, a file with it.'
        >>> in_options("preprocess='caffe' is for RGB images; choose size=224 or size=(224, 320).")
        '--preprocess caffe is for RGB images; choose --size 224 or --size 224x320.'
        >>> in_options("photos/size=224/a.png cannot be read.")
        'photos/size=224/a.png cannot be read.'
    """
    for python, option in IN_OPTIONS.items():
        sentence = re.sub(python, option, sentence)
    return re.sub(r"(--[a-z0-9-]+) (?=[,:;])", r"\1", sentence)


def _failed(error: Exception) -> int:
    """Say what went wrong; return the exit code."""
    if os.environ.get(WHOLE):
        _write(sys.stderr, "".join(traceback.format_exception(error)))
    if hasattr(
        error, "format_message"
    ):  # typer's own errors have it, under any of its base classes
        complain(f"Error: {_usage(error)}")
        return WRONG
    if isinstance(error, ModuleNotFoundError) and (sentence := missing(error)):
        complain(sentence)
        return WRONG
    if isinstance(error, expected()):
        complain(f"Error: {sentence_of(error)}")
        return WRONG
    heal()
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{'/'.join(Path(place.filename).parts[-3:])}:{place.lineno}"
    complain(
        f"Error: This is a mistake in jlrp, please report it: {_detail(error)} ({where}; {WHOLE}=1 "
        "shows more)."
    )
    return MISTAKEN


def _detail(error: Exception) -> str:
    return _short(f"{type(error).__name__}: {error}")


def _short(text: str) -> str:
    """Put a text on one line that is not longer than anybody reads."""
    line = " ".join(text.split())
    return (
        line
        if len(line) <= MAX_LETTERS
        else f"{line[: MAX_LETTERS // 2]} … {line[-MAX_LETTERS // 2 :]}"
    )


def _usage(error: Any) -> str:
    """Say in one line what typer says, and where to read on."""
    message = _short(error.format_message()).removesuffix(".")
    context = getattr(error, "ctx", None)
    return f"{message} (see {context.command_path} --help)." if context else f"{message}."


def _write(stream: TextIO | None, text: str) -> None:
    """Write and flush, if there is a stream and somebody who reads it."""
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        _drop(stream)
        if stream is sys.stdout and error.errno != errno.EPIPE:
            raise


def _drop(stream: Any) -> None:
    """Drop whatever is written to a stream from now on."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
