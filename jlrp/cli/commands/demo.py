"""`jlrp demo`: its arguments and options."""

from pathlib import Path
from typing import Annotated

import typer

from jlrp.cli.options import Force, Quiet


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")] = Path("jlrp-demo"),
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Explain shipped digits with a shipped model.

    Writes one picture. Each row is a handwritten digit; each pair of columns shows, under one preset, what speaks for
    the class that the model sees in it, and what for the runner-up.

    \b
    Example:
      jlrp demo -o maps
    """
    given = dict(locals())
    from jlrp.cli.demo import run  # only now, as it takes a second

    run(**given)
