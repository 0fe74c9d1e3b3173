"""`jlrp convert`: any model file as one of the library's own, which opens in milliseconds."""

from pathlib import Path

import ir
from jlrp.cli.files import require_apart, require_folder, require_new
from jlrp.cli.model import load
from jlrp.cli.program import InputError, console, shown

SUFFIX = ".safetensors"


def run(
    model: Path,
    out: Path,
    architecture: str | None,
    variant: str | None,
    layer_file: Path | None,
    force: bool,
    quiet: bool,
) -> None:
    """What the command does; see `jlrp convert --help`."""
    _check(out, force)
    require_apart([out], [model, architecture])
    loaded = load(model, architecture, variant, layer_file)
    try:
        ir.save(loaded, out)
    except ValueError as error:
        raise InputError(f"{shown(model)}: {error}") from error
    console(quiet).print(f"Wrote {shown(out)}: {_summary(loaded)}, {out.stat().st_size / 1e6:,.1f} MB.")


def _check(out: Path, force: bool) -> None:
    """Refuse an output of another name or one that is there, before the time to read the model is spent."""
    if out.suffix.lower() != SUFFIX:
        raise InputError(f"{shown(out)} should end in {SUFFIX}, as that is the format that is written.")
    if out.is_dir():
        raise InputError(f"{shown(out)} is a folder: give a file in it.")
    require_new([out], force)
    require_folder(out.parent)


def _summary(model: ir.Model) -> str:
    return f"{len(model.graph.nodes)} nodes, {len(model.params)} layers with weights, {model.parameter_count:,} numbers"
