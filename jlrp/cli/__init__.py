"""The command line: one command per file, `program` is all of them. Needs the extra `jlrp[cli]`."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from jlrp.cli import demo, explain, inspect, presets
from jlrp.cli.program import Program

program = typer.Typer(
    cls=Program,
    name="jlrp",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (demo.demo, explain.explain, inspect.inspect, presets.presets):
    program.command()(_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        try:
            print(f"jlrp {version('jlrp')}")
        except PackageNotFoundError:
            print("jlrp, not installed: run from its source tree")
        raise typer.Exit


@program.callback()
def main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Layer-wise relevance propagation: which pixels speak for a class, and which against it.

    Start with [bold]jlrp demo[/bold], which needs no file and no network.
    """
