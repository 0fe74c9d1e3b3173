"""`jlrp explain`: relevance maps of images under a model from a file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import jlrp
from jlrp.cli.files import output_files, output_names, require_apart, require_folder, require_new
from jlrp.cli.gallery import Gallery
from jlrp.cli.images import Resize, find, frame_of
from jlrp.cli.job import Job, Record
from jlrp.cli.labels import read_labels, target_index
from jlrp.cli.model import DEFAULT_PRESET, Architecture, ModelPath, Preset, Variant, load, require_finite
from jlrp.cli.options import (
    High,
    Images,
    LabelFile,
    Low,
    OutputLayer,
    Percentile,
    Preprocessing,
    Resizing,
    Size,
    StartAt,
)
from jlrp.cli.outputs import Output, output_of
from jlrp.cli.preprocess import chosen, note
from jlrp.cli.presets import require_preset
from jlrp.cli.program import WRONG, Force, InputError, Json, Quiet, console, running, shown, tell
from jlrp.cli.rules import explainer_of, output_note, preset_names, rules_of
from jlrp.cli.start import region_of
from jlrp.cli.targets import Rank, Target, parsed
from jlrp.report import Report, layers

PAGES = (".html", ".htm")
"""What the name of a report ends in."""


def explain(
    model: ModelPath,
    images: Images,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")] = Path(
        "jlrp-relevance"
    ),
    preset: Preset = DEFAULT_PRESET,
    target: Annotated[
        str, typer.Option(metavar="CLASS", help="The class to explain: its number, its label, or predicted.")
    ] = "predicted",
    labels: LabelFile = None,
    preprocess: Preprocessing = None,
    resize: Resizing = Resize.bilinear,
    size: Size = None,
    start: StartAt = None,
    output_layer: OutputLayer = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="T,L,B,R|FILE|all",
            help="Of a segmentation: where relevance starts, a box in the output or an image of a mask.",
            show_default="where the class is predicted",
        ),
    ] = None,
    low: Low = None,
    high: High = None,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Images per call.")] = 8,
    percentile: Percentile = 99.5,
    pictures: Annotated[bool, typer.Option(help="Write the PNG pictures, not the .npz files alone.")] = True,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Say for each layer where relevance went: a table, and in the .npz.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a report too: one page that opens in any browser.")
    ] = None,
    presets: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="The report's presets.", show_default="that of --preset"),
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option(
            metavar="CLASSES",
            help="The report's classes: top3, above0.5, or such as 3,tabby.",
            show_default="that of --target",
        ),
    ] = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    architecture: Architecture = None,
    variant: Variant = None,
) -> None:
    """Explain what a model sees in images.

    Writes NAME.heatmap.png, NAME.overlay.png and NAME.npz for each image; the last holds the relevance of every input
    value in the model's own layout, with class, label, logit and probability. Images are turned as their EXIF
    orientation says, put on white where they are transparent, and stretched to the model's size.

    With --report all images come in one page too, each with its best classes, a map for each of --presets and
    --targets, the relevance of each layer, and the model's graph; with --json what became of each image is printed
    for scripts. Files that are there are replaced with --force only.

    Exit codes: 0 where all is well, 2 where the input is wrong or images were left out (each is reported), 130 after
    Ctrl-C, which leaves whole files only.

    \b
    Examples:
      jlrp explain resnet50.h5 cat.jpg
      jlrp explain resnet50.h5 photos/ --labels class_index.json --target tench
      jlrp explain resnet50.h5 photos/ --report report.html --presets epsilon,epsilon_plus --targets top2
      jlrp explain weights.h5 cat.jpg --architecture resnet50 --preset epsilon --ledger
      jlrp explain resnet50.h5 photos/ --json | jq -r '.images[] | [.path, .class] | @tsv'
    """
    compared = _compared(preset, presets, targets, report)
    require_folder(output)
    paths = find(images)
    files = _require_new(paths, output, pictures, report, force)
    require_apart(files, [*paths, model, labels, architecture, region])
    loaded = load(model, architecture, variant)
    require_finite(loaded, model)
    frame = frame_of(loaded, size)
    with running(model):
        explained = output_of(loaded, frame, output_layer)
    explained = replace(explained, labels=read_labels(labels, explained.units))
    classes, names = explained.classes, explained.labels
    chosen_class = target_index(target, classes, names)
    _require_class(explained, chosen_class, report)
    prepared = chosen(preprocess, loaded, frame)
    rules = rules_of((preset, *compared), prepared, frame, low, high)
    explainers = {
        name: explainer_of(loaded.graph, each, start, explained, ledger or name in compared)
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
        start=rules[preset].start if start is None else start.value,
        target=chosen_class,
        output=explained,
        batch_size=min(batch_size, len(paths)),
        folder=output,
        percentile=percentile,
        pictures=pictures,
        ledger=ledger,
        region=region_of(region, explained),
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


def _require_class(output: Output, chosen: int | None, report: Path | None) -> None:
    """`InputError` where an output with positions is explained without a class, or in a report."""
    if output.positions and chosen is None:
        shape = " x ".join(map(str, output.positions))
        raise InputError(f'The output "{output.name}" says a class for each of {shape} positions: name one, --target.')
    if output.positions and report is not None:
        raise InputError(f'--report is for outputs with a score per class, and "{output.name}" has positions.')


def _require_new(paths: list[Path], folder: Path, pictures: bool, report: Path | None, force: bool) -> list[Path]:
    """All files that will be written; `InputError` where one is there, or the report cannot be one."""
    files = [path for name in output_names(paths) for path in output_files(folder, name, pictures).values()]
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
    rules: dict[str, jlrp.Composite],
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
    table = layers(job.model, {name: rules[name] for name in presets})
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
