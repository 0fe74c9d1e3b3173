"""`jlrp explain`: relevance maps of images, or of arrays."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

import ir
import jlrp
from ir.preprocessing import CONVENTIONS
from jlrp import plot
from jlrp.cli.commands import Explain
from jlrp.cli.gallery import Gallery
from jlrp.cli.image_run import ImageRun, image_files
from jlrp.cli.methods import explainer_of, output_note, parse_presets, require_preset, rules_of
from jlrp.cli.models import load, require_finite
from jlrp.cli.options import Preprocess
from jlrp.cli.program import WRONG, InputError, complain, console, tell
from jlrp.cli.questions import (
    Rank,
    find_frame,
    find_output,
    parse_region,
    parse_target,
    parse_targets,
)
from jlrp.cli.runs import ArrayRun, Run
from jlrp.datasets import Frame, Output, load_arrays
from jlrp.datasets.arrays import are_arrays
from jlrp.datasets.files import (
    output_names,
    require_apart,
    require_folder,
    require_new,
    require_place,
)
from jlrp.datasets.images import find_images
from jlrp.report import Report, layers
from jlrp.text import printable_path

PAGES = (".html", ".htm")
"""What the name of a report ends in."""

TRAINED_ON = {"unit": "0…1", "none": "0…255", "tf": "−1…1"}
"""The scale of the images that a model was trained on, by the convention for it."""


def run(given: Explain) -> None:
    """Do what `jlrp explain --help` says."""
    compared = _compared(given)
    if given.skip_existing and (given.force or given.report is not None):
        other = "--force replaces what is there" if given.force else "--report needs all images"
        raise InputError(f"{other}: leave out --skip-existing.")
    is_picture = given.output.suffix.lower() in plot.SUFFIXES and not given.output.is_dir()
    picture = given.output if is_picture else None
    require_folder(given.output if picture is None else picture.parent)
    out = console(given.quiet or given.as_json)
    if are_arrays(given.images):
        _refuse_for_arrays(given)
        require_folder(given.output)
        failed = _explain_arrays(given, out)
    else:
        failed = _explain_images(given, compared, picture, out)
    if failed:
        raise typer.Exit(WRONG)


def preprocess_note(preprocess: ir.Preprocessing, given: Preprocess | None) -> str:
    """Say what was done to the pixels, how that is known, and which option changes it.

    Args:
        preprocess: What was chosen.
        given: What `--preprocess` says, if it is there.

    Returns:
        One line without its end.

    Example:
        >>> print(preprocess_note(ir.Preprocessing("mine"), None))
        preprocess mine (as given; --preprocess overrides)
        >>> unsure = ir.Preprocessing("unit", reason="nothing tells", instead="none")
        >>> print(preprocess_note(unsure, None))
        preprocess unit, unsure (nothing tells; --preprocess none if it was trained on 0…255)
    """
    if given is not None:
        return f"preprocess {preprocess.name} ({preprocess.reason})"
    if preprocess.instead not in CONVENTIONS:
        return f"preprocess {preprocess.name} ({preprocess.reason}; --preprocess overrides)"
    scale = TRAINED_ON.get(preprocess.instead)
    advice = f"if it was trained on {scale}" if scale else "may be right"
    option = f"--preprocess {preprocess.instead} {advice}"
    return f"preprocess {preprocess.name}, unsure ({preprocess.reason}; {option})"


def _explain_images(
    given: Explain, compared: tuple[str, ...], picture: Path | None, out: Console
) -> bool:
    """Explain images; return whether something was left out."""
    paths = find_images(given.images, complain)
    _require_single(given, picture, paths)
    files = [
        file
        for name in output_names(paths)
        for file in image_files(given.output, name, given.pictures).values()
    ]
    _require_writable(
        given, [*(files if picture is None else [picture]), *filter(None, [given.report])], paths
    )
    model = load(given)
    require_finite(model, given.model)
    frame, batch_size = find_frame(given, model), min(given.batch_size, len(paths))
    output = find_output(given, model, [(1, *frame.shape)], batch_size)
    shared = _shared(given, model, output, batch_size, out, compared, frame)
    run = ImageRun(**vars(shared), frame=frame, picture=picture)
    if given.report is not None:
        run = replace(run, gallery=_gallery(given.report, run, compared))
    out.print(
        f"{len(paths)} image{'s' * (len(paths) != 1)}, preset {given.preset}"
        f"{output_note(model.graph, output)}"
    )
    out.print(preprocess_note(frame.preprocess, given.preprocess))
    names, bar = _left(run, paths), console(given.quiet, stderr=True) if given.as_json else out
    records, report = run.run(names, bar) if names else ([], None)
    if given.as_json:
        page = None if report is None else str(report)
        _tell(run, {"preprocess": frame.preprocess.name, "report": page, "images": records})
    return any("error" in record for record in records) or (
        given.report is not None and report is None
    )


def _explain_arrays(given: Explain, out: Console) -> bool:
    """Explain files of arrays; return whether something was left out."""
    model, paths = load(given), given.images
    require_finite(model, given.model)
    shapes = [(1, *array.shape[1:]) for array in load_arrays(model, paths[0])]
    output = find_output(given, model, shapes)
    run = ArrayRun(**vars(_shared(given, model, output, given.batch_size, out)))
    _require_writable(
        given, [file for name in output_names(paths) for file in run.files(name).values()], paths
    )
    out.print(
        f"{len(paths)} file{'s' * (len(paths) != 1)}, preset {given.preset}"
        f"{output_note(model.graph, output)}"
    )
    out.print("arrays are taken as they are: nothing is scaled")
    names = _left(run, paths)
    records = run.run(names) if names else []
    done = sum("error" not in record for record in records)
    if done:
        out.print(f"{done} of {len(records)} explained: see {printable_path(given.output)}")
    if given.as_json:
        _tell(run, {"files": records})
    return done < len(records)


def _left(run: Run, paths: Sequence[Path]) -> dict[Path, str]:
    """Find which files are still to be explained, with their output names."""
    names = dict(zip(paths, output_names(paths), strict=True))
    left = {path: name for path, name in names.items() if not run.is_done(name)}
    if len(left) < len(names):
        run.out.print(f"{len(names) - len(left)} of {len(names)} were explained before")
    return left


def _shared(
    given: Explain,
    model: ir.Model,
    output: Output,
    batch_size: int,
    out: Console,
    compared: Sequence[str] = (),
    frame: Frame | None = None,
) -> Run:
    """Make what runs over images and over arrays share."""
    target = _target(given, output)
    rules = rules_of(given, (given.preset, *compared), frame)
    explainers = {
        name: explainer_of(
            given, model, name, each, output, ledger=given.ledger or name in compared
        )
        for name, each in rules.items()
    }
    region = parse_region(given.region, output)
    return Run(
        given=given,
        model=model,
        rules=rules,
        explainers=explainers,
        output=output,
        target=target,
        region=region,
        batch_size=batch_size,
        out=out,
    )


def _target(given: Explain, output: Output) -> int | None:
    """Find the class to explain; raise `InputError` if an output with positions lacks one."""
    target = parse_target(given.target, output.classes, output.labels)
    if output.positions and target is None:
        shape = " x ".join(map(str, output.positions))
        raise InputError(
            f'The output "{output.name}" says a class for each of {shape} positions: name one, '
            "--target."
        )
    if output.positions and given.report is not None:
        raise InputError(
            f'--report is for outputs with a score per class, and "{output.name}" has positions.'
        )
    return target


def _compared(given: Explain) -> tuple[str, ...]:
    """List the report's presets; raise `InputError` for options that only a report has."""
    require_preset(given.preset)
    if given.report is None:
        if given.presets is not None or given.targets is not None:
            option = "--presets" if given.presets is not None else "--targets"
            raise InputError(f"{option} is for the report: give --report FILE.html too.")
        return ()
    if given.report.suffix.lower() not in PAGES:
        where = printable_path(given.report)
        raise InputError(f"--report {where} should end in {PAGES[0]}, as that is what is written.")
    return (given.preset,) if given.presets is None else parse_presets(given.presets)


def _refuse_for_arrays(given: Explain) -> None:
    """Raise `InputError` for an option that arrays do not have."""
    options = {
        "report": given.report,
        "preprocess": given.preprocess,
        "size": given.size,
        "ledger": given.ledger,
    }
    for name, value in options.items():
        if value:
            raise InputError(f"--{name} is for images, and arrays were given: leave it out.")


def _require_single(given: Explain, picture: Path | None, paths: Sequence[Path]) -> None:
    """Raise `InputError` if one picture is wanted, but several images are given, or no pictures."""
    if picture is None:
        return
    where = printable_path(picture)
    if len(paths) > 1:
        raise InputError(
            f"-o {where} is one picture, and {len(paths)} images were given: name a folder."
        )
    if not given.pictures:
        raise InputError(f"-o {where} is a picture, and --no-pictures wants none: name a folder.")


def _require_writable(given: Explain, files: Sequence[Path], read: Sequence[Path]) -> None:
    """Raise `InputError` if an output exists, or is a file that is read."""
    require_new(files, given.force or given.skip_existing)
    if given.report is not None:
        require_place(given.report, given.force, "--report")
    require_apart(files, [*read, given.model, given.labels, given.architecture, given.region])


def _gallery(path: Path, run: ImageRun, presets: tuple[str, ...]) -> Gallery:
    """Make the report, still without images."""
    given, output, preprocess = run.given, run.output, run.frame.preprocess
    own = Rank(0) if run.target is None else run.target
    targets = (
        (own,)
        if given.targets is None
        else parse_targets(given.targets, output.classes, output.labels)
    )
    facts = {
        "model": printable_path(given.model),
        "presets": ", ".join(presets),
        "start": run.start,
        "preprocess": f"{preprocess.name} ({preprocess.reason})",
        "full colour": f"from percentile {given.percentile:g} of |R|",
        "jlrp": jlrp.__version__,
    }
    table = layers(
        run.model, {name: each for name in presets if (each := run.rules[name]) is not None}
    )
    title = f"Relevance: {printable_path(given.model.name)}"
    return Gallery(
        path=path,
        report=Report(title, facts, presets, table, output.probabilities),
        explainers={name: run.explainers[name] for name in presets},
        targets=targets,
        own=given.preset,
        output=output,
        channel_axis=run.frame.channel_axis,
        percentile=given.percentile,
    )


def _tell(run: Run, more: Mapping[str, Any]) -> None:
    """Print what `--json` asks for."""
    document = {
        "jlrp": jlrp.__version__,
        "model": str(run.given.model),
        "preset": run.given.preset,
        "start": run.start,
        **more,
    }
    tell(json.dumps(document, indent=1))
