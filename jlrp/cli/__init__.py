"""The command line, `program`; it needs the extra `jlrp[cli]`."""

from typing import Annotated

import typer

import jlrp
from jlrp.cli.commands import COMMANDS
from jlrp.cli.options import as_function
from jlrp.cli.program import Program

program = typer.Typer(
    cls=Program,
    name="jlrp",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in map(as_function, COMMANDS):
    program.command()(_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"jlrp {jlrp.__version__}")
        raise typer.Exit


@program.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
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
      0    all is well, also if nobody reads the output to its end
      1    a mistake in jlrp itself; one sentence on standard error says where
      2    wrong usage or input, or some images left out; one sentence on standard error says what
      130  interrupted (Ctrl-C): what has been written is whole

    `jlrp --install-completion` lets the shell complete commands, options and presets. NO_COLOR=1
    turns colours off. Compiled programs are kept in the user's folder for caches, so that a second
    run starts sooner; JAX_ENABLE_COMPILATION_CACHE=0 turns that off.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
