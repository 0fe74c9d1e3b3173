"""The program around the commands: errors as one sentence on standard error, and where ordinary output goes."""

import difflib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from jax.errors import JaxRuntimeError
from rich.console import Console
from typer.core import TyperGroup

import ir


class InputError(ValueError):
    """Something wrong with what the user gave; its message is one sentence for people."""


WRONG, INTERRUPTED = 2, 130
"""Exit codes: wrong usage or input, or part of it left out; stopped by Ctrl-C."""

EXPECTED = (
    InputError,
    ir.LoadError,
    ir.ShapeError,
    ir.GraphError,
    OSError,
    NotImplementedError,
    MemoryError,
    JaxRuntimeError,
)
"""Errors that are about the input or the machine and not about the program: shown without a traceback."""


Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on standard output; errors are still told.")]


class Program(TyperGroup):
    """The commands, with exit code 2 and one sentence on standard error for wrong usage or input."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, report what is wrong, and exit: 0, 2 for wrong usage or input, 130 when interrupted."""
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except EXPECTED as error:
            code = _failed(_sentence(error))
        except typer.Abort:
            code = INTERRUPTED
        except Exception as error:
            if not hasattr(error, "format_message"):  # typer's own errors have it, under any of its base classes
                raise
            code = _failed(_usage(error))
        if code == INTERRUPTED:
            complain("Interrupted: what has been written is whole.")
        sys.exit(code or 0)


def console(quiet: bool = False, stderr: bool = False) -> Console:
    """Standard output (or error) as rich sees it. Text is shown as given; without a terminal no line is cut or broken.

    Nothing is written where it is `quiet`. Colours come on a terminal only, and not where `NO_COLOR` is set.
    """
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else 10_000
    return Console(width=width, markup=False, highlight=False, emoji=False, quiet=quiet, stderr=stderr)


def complain(sentence: str) -> None:
    """One line on standard error."""
    print(sentence, file=sys.stderr)


def shown(path: Path | str) -> str:
    """A path for people, on one line: what cannot be printed is replaced."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean "…"?` with a leading space, or nothing where no known word is close."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f' Did you mean "{close[0]}"?' if close else ""


def _failed(sentence: str) -> int:
    complain(f"Error: {sentence}")
    return WRONG


def _sentence(error: Exception) -> str:
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return "Not enough memory: give a smaller --batch-size."
    if isinstance(error, OSError) and error.strerror:
        return f"{shown(error.filename)}: {error.strerror}." if error.filename else f"{error.strerror}."
    return " ".join(str(error).split())


def _usage(error: Any) -> str:
    """What typer has to say, in one line, with the place to read on."""
    message = " ".join(error.format_message().split()).removesuffix(".")
    context = getattr(error, "ctx", None)
    return f"{message} (see {context.command_path} --help)." if context else f"{message}."
