"""`jlrp explain`: relevance maps of images under a model from a file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

import jlrp
from jlrp import plot
from jlrp.cli.arrays import Given, are_arrays, explain_arrays
from jlrp.cli.choices import Contrast, Preprocess, Resize, Start
from jlrp.cli.files import output_files, output_names, require_apart, require_folder, require_new
from jlrp.cli.gallery import Gallery
from jlrp.cli.images import find, frame_of
from jlrp.cli.job import Job, Record
from jlrp.cli.labels import read_labels, target_index
from jlrp.cli.model import load, require_finite, require_room
from jlrp.cli.outputs import Output, output_of
from jlrp.cli.preprocess import bounds, chosen, note
from jlrp.cli.presets import require_preset
from jlrp.cli.program import WRONG, InputError, console, running, shown, tell
from jlrp.cli.rules import explainer_of, output_note, preset_names, rules_of, start_of
from jlrp.cli.start import region_of
from jlrp.cli.targets import Rank, Target, parsed
from jlrp.report import Report, layers

PAGES = (".html", ".htm")
"""What the name of a report ends in."""


def run(
    model: Path,
    images: list[Path],
    output: Path,
    preset: str,
    target: str,
    labels: Path | None,
    preprocess: Preprocess | None,
    resize: Resize,
    size: str | None,
    start: Start | None,
    contrast: Contrast | None,
    output_layer: str | None,
    region: str | None,
    low: float | None,
    high: float | None,
    batch_size: int,
    percentile: float,
    pictures: bool,
    ledger: bool,
    report: Path | None,
    presets: str | None,
    targets: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    architecture: str | None,
    variant: str | None,
    layer_file: Path | None,
) -> None:
    """What the command does; see `jlrp explain --help`."""
    compared = _compared(preset, presets, targets, report)
    picture = output if output.suffix.lower() in plot.SUFFIXES and not output.is_dir() else None
    require_folder(output if picture is None else picture.parent)
    if are_arrays(images):
        _refuse_for_arrays(report=report, preprocess=preprocess, size=size, ledger=ledger or None)
        require_folder(output)
        given = Given(model, preset, target, labels, start, contrast, output_layer, region, low, high, batch_size)
        read = load(model, architecture, variant, layer_file)
        explain_arrays(read, list(images), given, output, pictures, force, console(quiet or as_json), as_json)
        return
    paths = find(images)
    _require_single(picture, paths, pictures)
    files = _require_new(paths, output, picture, pictures, report, force)
    require_apart(files, [*paths, model, labels, architecture, region])
    loaded = load(model, architecture, variant, layer_file)
    require_finite(loaded, model)
    frame = frame_of(loaded, size)
    with running(model):
        explained = output_of(loaded, [(1, *frame.shape)], output_layer)
        require_room(loaded, (1, *frame.shape), min(batch_size, len(paths)))
    explained = replace(explained, labels=read_labels(labels, explained.units))
    classes, names = explained.classes, explained.labels
    chosen_class = target_index(target, classes, names)
    _require_class(explained, chosen_class, report)
    prepared = chosen(preprocess, loaded, frame)
    rules = rules_of((preset, *compared), lambda: bounds(prepared, frame), low, high)
    explainers = {
        name: explainer_of(loaded, name, each, start, explained, contrast=contrast, ledger=ledger or name in compared)
        for name, each in rules.items()
    }
    job = Job(
        model=loaded,
        source=model,
        explain=explainers[preset],
        frame=frame,
        preprocess=prepared,
        resize=resize,
        preset=preset,
        start=start_of(rules[preset], start),
        target=chosen_class,
        output=explained,
        batch_size=min(batch_size, len(paths)),
        folder=output if picture is None else picture,
        percentile=percentile,
        pictures=pictures,
        ledger=ledger,
        region=region_of(region, explained),
        picture=picture,
    )
    if report is not None:
        own = Rank(0) if job.target is None else job.target
        shown_classes = (own,) if targets is None else parsed(targets, classes, names)
        job = replace(job, gallery=_gallery(report, job, explainers, rules, compared, shown_classes))
    out = console(quiet=quiet or as_json)
    out.print(f"{len(paths)} image{'s' * (len(paths) != 1)}, preset {preset}{output_note(loaded.graph, explained)}")
    out.print(note(prepared, preprocess))
    records, written = job.run(paths, out, console(quiet, stderr=True) if as_json else out)
    if as_json:
        tell(json.dumps(_document(job, records, written), indent=1))
    if any("error" in record for record in records) or (report is not None and written is None):
        raise typer.Exit(WRONG)


def _compared(preset: str, presets: str | None, targets: str | None, report: Path | None) -> tuple[str, ...]:
    """The report's presets, none without a report; `InputError` for what is none or is for a report alone."""
    require_preset(preset)
    if report is None:
        if presets is not None or targets is not None:
            option = "--presets" if presets is not None else "--targets"
            raise InputError(f"{option} is for the report: give --report FILE.html too.")
        return ()
    if report.suffix.lower() not in PAGES:
        raise InputError(f"--report {shown(report)} should end in {PAGES[0]}, as that is what is written.")
    return (preset,) if presets is None else preset_names(presets)


def _refuse_for_arrays(**options: object) -> None:
    """`InputError` for an option that arrays do not have."""
    for name, value in options.items():
        if value is not None:
            raise InputError(f"--{name} is for images, and arrays were given: leave it out.")


def _require_class(output: Output, chosen: int | None, report: Path | None) -> None:
    """`InputError` where an output with positions is explained without a class, or in a report."""
    if output.positions and chosen is None:
        shape = " x ".join(map(str, output.positions))
        raise InputError(f'The output "{output.name}" says a class for each of {shape} positions: name one, --target.')
    if output.positions and report is not None:
        raise InputError(f'--report is for outputs with a score per class, and "{output.name}" has positions.')


def _require_single(picture: Path | None, paths: list[Path], pictures: bool) -> None:
    """`InputError` where one picture is asked for, and several images or none."""
    if picture is not None and len(paths) > 1:
        raise InputError(f"-o {shown(picture)} is one picture, and {len(paths)} images were given: name a folder.")
    if picture is not None and not pictures:
        raise InputError(f"-o {shown(picture)} is a picture, and --no-pictures wants none: name a folder.")


def _require_new(
    paths: list[Path], folder: Path, picture: Path | None, pictures: bool, report: Path | None, force: bool
) -> list[Path]:
    """All files that will be written; `InputError` where one is there, or the report cannot be one."""
    files = [path for name in output_names(paths) for path in output_files(folder, name, pictures).values()]
    files = files if picture is None else [picture]
    files += [] if report is None else [report]
    require_new(files, force)
    if report is not None and report.is_dir():
        raise InputError(f"--report {shown(report)} is a folder: give a file in it.")
    if report is not None:
        require_folder(report.parent)
    return files


def _gallery(
    path: Path,
    job: Job,
    explainers: dict[str, jlrp.Explainer],
    rules: dict[str, jlrp.Composite | None],
    presets: tuple[str, ...],
    targets: tuple[Target, ...],
) -> Gallery:
    facts = {
        "model": shown(job.source),
        "presets": ", ".join(presets),
        "start": job.start,
        "preprocess": f"{job.preprocess.name} ({job.preprocess.reason})",
        "full colour": f"from percentile {job.percentile:g} of |R|",
        "jlrp": jlrp.__version__,
    }
    composites = {name: each for name in presets if (each := rules[name]) is not None}
    table = layers(job.model, composites)
    return Gallery(
        path=path,
        report=Report(f"Relevance: {shown(job.source.name)}", facts, presets, table, job.output.probabilities),
        explainers={name: explainers[name] for name in presets},
        targets=targets,
        own=job.preset,
        output=job.output,
        channel_axis=job.frame.channel_axis,
        percentile=job.percentile,
    )


def _document(job: Job, records: list[Record], report: Path | None) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "jlrp": jlrp.__version__,
        "model": str(job.source),
        "preset": job.preset,
        "start": job.start,
        "preprocess": job.preprocess.name,
        "report": None if report is None else str(report),
        "images": records,
    }
