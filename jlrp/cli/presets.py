"""`jlrp presets`: the presets and what they are."""

import inspect
import json
from typing import Any

from rich.table import Table

import jlrp
from jlrp.cli.program import InputError, Json, console, did_you_mean, tell


def presets(as_json: Json = False) -> None:
    """List the presets, each with what it does."""
    if as_json:
        tell(json.dumps({name: summary(name) for name in jlrp.PRESETS}, indent=1))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("preset", no_wrap=True, overflow="fold")
    table.add_column("what it does")
    for name in jlrp.PRESETS:
        table.add_row(name, summary(name))
    console().print(table)


def summary(name: str) -> str:
    """What a preset does, in one line: the first paragraph of its docstring."""
    return " ".join((inspect.getdoc(jlrp.PRESETS[name]) or "").partition("\n\n")[0].split())


def takes_bounds(name: str) -> bool:
    """Whether a preset is made from the least and the greatest input value."""
    return {"low", "high"} <= inspect.signature(jlrp.PRESETS[name]).parameters.keys()


def require_preset(name: str) -> None:
    """`InputError` that lists the presets where there is none of this name."""
    if name not in jlrp.PRESETS:
        raise InputError(
            f'There is no preset "{name}": choose from {", ".join(jlrp.PRESETS)}.{did_you_mean(name, jlrp.PRESETS)}'
        )


def composite(name: str, low: Any, high: Any) -> jlrp.Composite:
    """A preset's composite; `low` and `high` are for those presets that take them."""
    return jlrp.PRESETS[name](low=low, high=high) if takes_bounds(name) else jlrp.PRESETS[name]()
