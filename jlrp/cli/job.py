"""One run of `jlrp explain`: batches of images through a compiled explainer, and what is written for each."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

import ir
import jlrp
from jlrp import plot
from jlrp.cli.choices import Resize
from jlrp.cli.files import output_files, output_names, write_together
from jlrp.cli.gallery import Gallery, in_options, of_image
from jlrp.cli.images import Frame, read
from jlrp.cli.labels import Labels
from jlrp.cli.outputs import Output
from jlrp.cli.program import InputError, complain, expected, running, sentence_of, shown
from jlrp.propagation.ledger import COLUMNS
from jlrp.report import Map

Record = dict[str, Any]
"""What became of an image: its path with class, label, probability, logit and files, or with what is wrong."""


@dataclass(frozen=True)
class Result:
    """One image explained: relevance in the model's layout.

    value: the decision value of the explained class; `None` for an output with positions. probability: that of the
    class, `None` where the model gives none. verdict: the class and how likely it is, for people. note: why the map
    shows nothing, empty where it shows something. starts: of an output with positions, at how many relevance starts.
    scores: what the model says of each class. ledger: of a batch of this image alone, if it was asked for. maps: what
    the report shows, if there is one.
    """

    path: Path
    pixels: NDArray[np.uint8]
    relevance: NDArray[np.floating[Any]]
    output: NDArray[np.floating[Any]]
    prediction: NDArray[np.floating[Any]]
    class_index: int
    value: float | None
    probability: float | None
    verdict: str
    note: str
    starts: int | None = None
    scores: NDArray[np.floating[Any]] | None = None
    ledger: jlrp.Ledger | None = None
    maps: tuple[Map, ...] = ()

    @property
    def finite(self) -> bool:
        """Whether output and relevance are numbers throughout."""
        arrays = (self.output, self.prediction, self.relevance, *(each.values for each in self.maps))
        return all(bool(np.isfinite(array).all()) for array in arrays)


@dataclass(frozen=True)
class Job:
    """A model, an explainer and everything else that all images of one run share; all of it has been checked."""

    model: ir.Model
    source: Path
    explain: Any
    frame: Frame
    preprocess: ir.Preprocessing
    resize: Resize
    preset: str
    start: str
    target: int | None
    output: Output
    batch_size: int
    folder: Path
    percentile: float
    pictures: bool
    ledger: bool = False
    gallery: Gallery | None = None
    region: Any = None
    picture: Path | None = None

    def files(self, name: str) -> dict[str, Path]:
        """What is written for an image of this output name: `picture` alone, if that is asked for."""
        if self.picture is not None:
            return {"heatmap": self.picture}
        return output_files(self.folder, name, self.pictures)

    @property
    def labels(self) -> Labels:
        """The classes' names."""
        return self.output.labels

    def run(self, paths: list[Path], out: Console, bar: Console) -> tuple[list[Record], Path | None]:
        """Explain and write all images, then the report; problems go to standard error.

        out: what people read; bar: where progress is shown. Returns what became of each image, in order, and the
        report's file if it was written.
        """
        names = dict(zip(paths, output_names(paths), strict=True))
        begun, records = time.perf_counter(), dict[Path, Record]()
        with _progress(bar) as progress:
            task = progress.add_task("compiling", total=len(paths))
            try:
                with running(self.source):
                    bound = self.explain.bind(self.model.params)
                    if self.gallery is not None:
                        self.gallery.bind(self.model.params, bound)
                for chunk in _chunks(paths, self.batch_size):
                    for path, outcome in self._outcomes(bound, chunk):
                        records[path] = self._told(path, outcome, names, out)
                        progress.update(task, advance=1, description="explaining")
            except expected() as error:  # what stops one batch stops those after it
                complain(f"Error: {sentence_of(error)}")
                for path in paths:
                    records.setdefault(path, {"path": str(path), "error": sentence_of(error)})
        found = [records[path] for path in paths]
        return found, self._conclude(found, time.perf_counter() - begun, out)

    def _conclude(self, records: list[Record], seconds: float, out: Console) -> Path | None:
        """The report, and how it went; the report's file if it was written."""
        report = None
        failed = sum("error" in record for record in records)
        done = len(records) - failed
        if done:
            rate = f"{seconds:.1f} s, {done / seconds:.1f} images/s"
            out.print(f"{done} of {len(records)} explained in {rate}: see {shown(self.folder)}")
        if done and self.gallery is not None:
            try:
                size = self.gallery.write()
                report = self.gallery.path
                out.print(f"report: {shown(report)}, {size / 1e6:.1f} MB")
            except OSError as error:
                complain(f"Error: --report {shown(self.gallery.path)} cannot be written: {error.strerror}.")
        if failed and len(records) > 1:
            complain(f"Error: {failed} of {len(records)} images could not be explained.")
        return report

    def _outcomes(self, bound: jlrp.Bound, paths: list[Path]) -> Iterator[tuple[Path, Result | InputError]]:
        """A result or what is wrong, for each of at most `batch_size` images."""
        images: dict[Path, NDArray[np.uint8]] = {}
        for path in paths:
            try:
                images[path] = read(path, self.frame, self.resize)
            except InputError as error:
                yield path, error
        with running(self.source):
            results = list(self._results(bound, images)) if images else []
        for result in results:
            problem = InputError(f"{shown(result.path)}: its output or relevance is not finite.")
            yield result.path, result if result.finite else problem

    def _results(self, bound: jlrp.Bound, images: dict[Path, NDArray[np.uint8]]) -> Iterator[Result]:
        """One call of the explainer; a batch that is not full is filled up, so that one program serves all batches."""
        pixels = np.stack([*images.values(), *[next(iter(images.values()))] * (self.batch_size - len(images))])
        inputs = self.frame.to_layout(self.preprocess(pixels))
        options = {} if self.region is None else {"region": self.region}
        found = jax.device_get(bound(inputs, target=self.target, **options))
        maps = self.gallery.maps(inputs, found) if self.gallery is not None else [()] * len(pixels)
        notes = found.notes()
        for row, path in enumerate(images):
            yield Result(
                path=path,
                pixels=images[path],
                relevance=found.relevance[row],
                output=found.output[row],
                prediction=found.prediction[row],
                class_index=int(found.target[row]),
                ledger=of_image(found.ledger, row) if self.ledger else None,
                maps=maps[row],
                **self._told_of(found, row, notes[row]),
            )

    def _told_of(self, found: jlrp.Explanation, row: int, note: str) -> dict[str, Any]:
        """The explained class of one image with its value, probability and verdict."""
        output, index = self.output, int(found.target[row])
        if output.positions:
            starts = int(np.any(found.layers[output.name][row] != 0, axis=output.axis).sum())
            verdict = f"{output.title(index)}, {starts} of {math.prod(output.positions)} positions"
            note = in_options(note) if starts else f"{output.name_of(index)} is predicted nowhere: see --region"
            return {"value": None, "probability": None, "verdict": verdict, "starts": starts, "note": note}
        said = output.said(found)
        value, probability = float(said.values[row, index]), said.probability(row, index)
        verdict = output.verdict(index, probability, value)
        found_of = {"value": value, "probability": probability, "verdict": verdict, "scores": said.scores[row]}
        return found_of | {"note": in_options(note)}

    def _told(self, path: Path, outcome: Result | InputError, names: dict[Path, str], out: Console) -> Record:
        """Write a result, or say what is wrong; the record of it."""
        files = self.files(names[path])
        if isinstance(outcome, Result):
            try:
                write_together(self._contents(outcome, files))
            except OSError as error:
                outcome = InputError(f"{shown(path)} is left out, as its files cannot be written: {sentence_of(error)}")
        if isinstance(outcome, InputError):
            complain(f"Error: {outcome}")
            if self.gallery is not None:
                self.gallery.report.left_out.append(str(outcome))
            return {"path": str(path), "error": str(outcome)}
        if self.gallery is not None:
            assert outcome.scores is not None  # a report is for scores of classes
            self.gallery.add(shown(path), outcome.pixels, outcome.scores, outcome.maps)
        out.print(f"{shown(path)}: {outcome.verdict}{f': {outcome.note}' if outcome.note else ''}")
        if outcome.ledger is not None:
            for line in outcome.ledger.table().splitlines():
                out.print(line, soft_wrap=True)
        return self._record(outcome, files)

    def _record(self, result: Result, files: dict[str, Path]) -> Record:
        """A result as `--json` gives it."""
        return {
            "path": str(result.path),
            "class": result.class_index,
            "label": self.labels[result.class_index] or None,
            "probability": result.probability,
            "logit": result.value,
            **({} if result.starts is None else {"positions": result.starts}),
            "note": result.note or None,
            **({} if result.ledger is None else {"ledger": _ledger_document(result.ledger)}),
            "files": {kind: str(path) for kind, path in files.items()},
        }

    def _contents(self, result: Result, files: dict[str, Path]) -> dict[Path, bytes]:
        """What is written for an image."""
        contents: dict[Path, bytes] = {}
        if "heatmap" in files:
            values = plot.channel_sum(result.relevance, self.frame.channel_axis)
            full = plot.limit(values, self.percentile)
            note = f"{shown(result.path.name)}, {self.preset}, full colour from percentile {self.percentile:g} of |R|"
            heatmap = plot.heatmap(values, full, result.verdict, note, axes=("row", "column"), notes=[result.note])
            contents[files["heatmap"]] = plot.encoded(heatmap, files["heatmap"].suffix)
        if "overlay" in files:
            contents[files["overlay"]] = plot.png(plot.enlarged(plot.overlay(result.pixels, values, full)))
        if "relevance" not in files:
            return contents
        buffer = BytesIO()
        np.savez(buffer, allow_pickle=False, **self._arrays(result))
        return {**contents, files["relevance"]: buffer.getvalue()}

    def _arrays(self, result: Result) -> dict[str, Any]:
        """What the .npz holds: numbers and strings, no objects."""
        return {
            "relevance": result.relevance,
            "class_index": result.class_index,
            "label": self.labels[result.class_index],
            "logit": np.nan if result.value is None else result.value,
            "probability": np.nan if result.probability is None else result.probability,
            "output": result.output,
            "prediction": result.prediction,
            "note": result.note,
            "preset": self.preset,
            "start": self.start,
            "target": "predicted" if self.target is None else str(self.target),
            "preprocess": self.preprocess.name,
            "resize": self.resize.value,
            "layout": "channels_first" if self.frame.channels_first else "channels_last",
            "image": shown(result.path),
            "model": shown(self.source),
            **({} if result.ledger is None else _ledger_arrays(result.ledger)),
        }


def _ledger_document(ledger: jlrp.Ledger) -> dict[str, Any]:
    """One image's ledger for `--json`."""
    rows = zip(ledger.layers, ledger.rules, np.asarray(ledger.entries)[..., 0].tolist(), strict=True)
    return {
        "start": float(ledger.start[0]),
        "inputs": float(ledger.inputs[0]),
        "layers": [{"layer": layer, "rule": rule, **dict(zip(COLUMNS, row, strict=True))} for layer, rule, row in rows],
    }


def _ledger_arrays(ledger: jlrp.Ledger) -> dict[str, Any]:
    """One image's ledger: (layers, columns) numbers with their headings."""
    return {
        "ledger": ledger.entries[..., 0],
        "ledger_layers": np.array(ledger.layers),
        "ledger_rules": np.array(ledger.rules),
        "ledger_columns": np.array(COLUMNS),
        "ledger_start": ledger.start[0],
        "ledger_inputs": ledger.inputs[0],
    }


class _Rate(ProgressColumn):
    """Images per second so far."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} images/s")


def _progress(out: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    return Progress(*columns, console=out, transient=True, disable=out.quiet or not out.is_terminal)


def _chunks(paths: list[Path], size: int) -> Iterator[list[Path]]:
    for begin in range(0, len(paths), size):
        yield paths[begin : begin + size]
