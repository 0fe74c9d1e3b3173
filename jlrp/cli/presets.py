"""`jlrp presets`: the presets and what they are."""

import inspect
import json
from typing import Any

from rich.table import Table

import jlrp
from jlrp.cli.methods import BASELINES, NAMES, summary
from jlrp.cli.program import InputError, console, did_you_mean, tell


def run(
    as_json: bool,
) -> None:
    """What the command does; see `jlrp presets --help`."""
    if as_json:
        tell(json.dumps({name: summary(name) for name in NAMES}, indent=1))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("preset", no_wrap=True, overflow="fold")
    table.add_column("what it does")
    for name in NAMES:
        if name == next(iter(BASELINES)):
            table.add_section()
        table.add_row(name, summary(name))
    console().print(table)


def takes_bounds(name: str) -> bool:
    """Whether a preset is made from the least and the greatest input value."""
    return name in jlrp.PRESETS and {"low", "high"} <= inspect.signature(jlrp.PRESETS[name]).parameters.keys()


def require_preset(name: str) -> None:
    """`InputError` that lists the presets where there is none of this name."""
    if name not in NAMES:
        raise InputError(f'There is no preset "{name}": choose from {", ".join(NAMES)}.{did_you_mean(name, NAMES)}')


def composite(name: str, low: Any, high: Any) -> jlrp.Composite:
    """A preset's composite; `low` and `high` are for those presets that take them."""
    return jlrp.PRESETS[name](low=low, high=high) if takes_bounds(name) else jlrp.PRESETS[name]()
