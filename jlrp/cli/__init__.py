"""The command line: one command per file, `program` is all of them. Needs the extra `jlrp[cli]`."""

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

import jlrp
from jlrp.cli.cache import keep_programs
from jlrp.cli.commands.compare import compare
from jlrp.cli.commands.convert import convert
from jlrp.cli.commands.demo import demo
from jlrp.cli.commands.explain import explain
from jlrp.cli.commands.inspect import inspect
from jlrp.cli.commands.presets import presets
from jlrp.cli.program import Program

program = typer.Typer(
    cls=Program,
    name="jlrp",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _computing(command: Callable[..., None]) -> Callable[..., None]:
    """A command that computes keeps its compiled programs."""

    @wraps(command)
    def kept(**given: Any) -> None:
        keep_programs()
        command(**given)

    return kept


_COMPUTING: tuple[Callable[..., None], ...] = (demo, explain, compare, inspect)
_READING: tuple[Callable[..., None], ...] = (convert, presets)
for _command in (*map(_computing, _COMPUTING), *_READING):
    program.command()(_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"jlrp {jlrp.__version__}")
        raise typer.Exit


@program.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Layer-wise relevance propagation: which pixels speak for a class, and which against it.

    \b
    Examples:
      jlrp demo                                 needs no file and no network
      jlrp explain resnet50.h5 cat.jpg
      jlrp inspect resnet50.h5
      jlrp convert resnet50.h5 resnet50.safetensors

    \b
    Exit codes:
      0    all is well
      1    a mistake in jlrp itself; one sentence on standard error says where
      2    wrong usage or input, or some images left out; one sentence on standard error says what
      130  interrupted (Ctrl-C): what has been written is whole

    `jlrp --install-completion` lets the shell complete commands, options and presets. NO_COLOR=1 turns colours off.
    Compiled programs are kept in the user's folder for caches, so that a second run starts sooner;
    JAX_ENABLE_COMPILATION_CACHE=0 turns that off.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
