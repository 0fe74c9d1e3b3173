"""A run of `jlrp explain` over images, in batches."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

import jlrp
from jlrp import plot
from jlrp.cli.gallery import Gallery
from jlrp.cli.program import InputError, complain, expected, in_options, running, sentence_of
from jlrp.cli.runs import Record, Run, require_finite, rows_of
from jlrp.datasets import Frame, Images
from jlrp.datasets.files import write_together
from jlrp.datasets.images import read_batches
from jlrp.datasets.results import ledger_arrays, npz_bytes
from jlrp.propagation.ledger import COLUMNS
from jlrp.report import Map
from jlrp.text import printable_path


@dataclass(frozen=True)
class Result:
    """One image explained.

    Attributes:
        path: Its file.
        pixels: What the model saw, (height, width, channels) of 0…255.
        found: The explanation of this image alone.
        class_index: The class explained.
        value: The decision value of the class; `None` for an output with positions.
        probability: That of the class, `None` where the model gives none.
        verdict: The class and how likely it is, for people.
        note: Why the map shows nothing, empty where it shows something.
        starts: Of an output with positions, at how many relevance starts.
    """

    path: Path
    pixels: NDArray[np.uint8]
    found: jlrp.Explanation
    class_index: int
    value: float | None
    probability: float | None
    verdict: str
    note: str
    starts: int | None = None


@dataclass(frozen=True, kw_only=True)
class ImageRun(Run):
    """A run over images, with a record for each.

    Attributes:
        frame: What images the model takes.
        picture: The only file that is written, if one picture is asked for.
        gallery: The report, if there is one.
    """

    frame: Frame
    picture: Path | None = None
    gallery: Gallery | None = None

    def run(self, names: Mapping[Path, str], bar: Console) -> tuple[list[Record], Path | None]:
        """Explain and write images, then the report; show progress on `bar`.

        Args:
            names: The images, with their output names.
            bar: Where progress goes.

        Returns:
            A record for each image, in order, and the report's file if it was written.
        """
        paths = list(names)
        begun, records = time.perf_counter(), dict[Path, Record]()
        with _progress(bar) as progress:
            task = progress.add_task("compiling", total=len(paths))
            try:
                with running(self.given.model):
                    bound = self.explain.bind(self.model.params)
                    if self.gallery is not None:
                        self.gallery.bind(self.model.params, bound)
                for batch in read_batches(self.frame, paths, self.batch_size):
                    for path, record in self._records(bound, batch, names):
                        records[path] = record
                        progress.update(task, advance=1, description="explaining")
            except expected() as error:  # what stops one batch stops those after it
                complain(f"Error: {sentence_of(error)}")
                for path in paths:
                    records.setdefault(path, {"path": str(path), "error": sentence_of(error)})
        found = [self.confirm(records[path]) for path in paths]
        return found, self._conclude(found, time.perf_counter() - begun)

    def files(self, name: str) -> dict[str, Path]:
        """List what is written for an image of this output name: only `picture`, if given."""
        if self.picture is not None:
            return {"heatmap": self.picture}
        return image_files(self.given.output, name, self.given.pictures)

    def _records(
        self, bound: Any, batch: Images, names: Mapping[Path, str]
    ) -> Iterator[tuple[Path, Record]]:
        for path, sentence in batch.left_out.items():
            yield path, self.refuse(path, InputError(sentence))
        with running(self.given.model):
            results = list(self._results(bound, batch)) if len(batch) else []
        for result, maps in results:
            files = self.files(names[result.path])
            try:
                require_finite(result.path, result.found, *(each.values for each in maps))
                write_together(self._contents(result, files))
            except InputError as error:
                yield result.path, self.refuse(result.path, error)
                continue
            except OSError as error:
                where = printable_path(result.path)
                sentence = (
                    f"{where} is left out, as its files cannot be written: {sentence_of(error)}"
                )
                yield result.path, self.refuse(result.path, InputError(sentence))
                continue
            if self.gallery is not None:
                scores = self.output.scores(result.found).scores[0]
                self.gallery.add(printable_path(result.path), result.pixels, scores, maps)
            self._tell(result)
            yield result.path, self._record(result, files)

    def refuse(self, path: Path, error: Exception) -> Record:
        """Say why an image is left out, also in the report."""
        record = super().refuse(path, error)
        if self.gallery is not None:
            self.gallery.report.left_out.append(record["error"])
        return record

    def _results(self, bound: Any, batch: Images) -> Iterator[tuple[Result, tuple[Map, ...]]]:
        """Call the explainer once; yield each image with its maps for the report."""
        images = self.fill(batch.images)
        found = self.call(bound, images)
        maps = [()] * len(batch) if self.gallery is None else self.gallery.maps(images, found)
        for row, path in enumerate(batch.paths):
            yield self._result(path, batch.pixels[row], rows_of(found, [row])), maps[row]

    def _result(self, path: Path, pixels: NDArray[np.uint8], found: jlrp.Explanation) -> Result:
        output, index = self.output, int(found.target[0])
        (note,) = map(in_options, found.notes())
        if output.positions:
            starts = int(np.any(found.layers[output.name][0] != 0, axis=output.axis).sum())
            verdict = f"{output.title(index)}, {starts} of {math.prod(output.positions)} positions"
            note = note if starts else f"{output.name_of(index)} is predicted nowhere: see --region"
            return Result(path, pixels, found, index, None, None, verdict, note, starts)
        scores = output.scores(found)
        value, probability = float(scores.values[0, index]), scores.probability(0, index)
        verdict = output.verdict(index, probability, value)
        return Result(path, pixels, found, index, value, probability, verdict, note)

    def _tell(self, result: Result) -> None:
        note = f": {result.note}" if result.note else ""
        self.out.print(f"{printable_path(result.path)}: {result.verdict}{note}")
        if self.given.ledger and result.found.ledger is not None:
            for line in result.found.ledger.table().splitlines():
                self.out.print(line, soft_wrap=True)

    def _record(self, result: Result, files: Mapping[str, Path]) -> Record:
        """Describe a result as `--json` does."""
        ledger = result.found.ledger if self.given.ledger else None
        return {
            "path": str(result.path),
            "class": result.class_index,
            "label": self.output.labels[result.class_index] or None,
            "probability": result.probability,
            "logit": result.value,
            **({} if result.starts is None else {"positions": result.starts}),
            "note": result.note or None,
            **({} if ledger is None else {"ledger": _ledger_document(ledger)}),
            "files": {kind: str(path) for kind, path in files.items()},
        }

    def _contents(self, result: Result, files: Mapping[str, Path]) -> dict[Path, bytes]:
        """Make the files of an image."""
        contents: dict[Path, bytes] = {}
        if "heatmap" in files:
            values = plot.channel_sum(result.found.relevance[0], self.frame.channel_axis)
            percentile = self.given.percentile
            full = plot.limit(values, percentile)
            note = (
                f"{printable_path(result.path.name)}, {self.given.preset}, "
                f"full colour from percentile {percentile:g} of |R|"
            )
            heatmap = plot.heatmap(
                values, full, result.verdict, note, axes=("row", "column"), notes=[result.note]
            )
            contents[files["heatmap"]] = plot.encoded(heatmap, files["heatmap"].suffix)
            if "overlay" in files:
                contents[files["overlay"]] = plot.png(
                    plot.enlarged(plot.overlay(result.pixels, values, full))
                )
        if "relevance" in files:
            contents[files["relevance"]] = npz_bytes(self._arrays(result))
        return contents

    def _arrays(self, result: Result) -> dict[str, Any]:
        """Make the arrays of the `.npz`: numbers and strings, no objects."""
        found, ledger = result.found, result.found.ledger if self.given.ledger else None
        return {
            "relevance": found.relevance[0],
            "class_index": result.class_index,
            "label": self.output.labels[result.class_index],
            "logit": np.nan if result.value is None else result.value,
            "probability": np.nan if result.probability is None else result.probability,
            "output": found.output[0],
            "prediction": found.prediction[0],
            "note": result.note,
            **self.facts(
                preprocess=self.frame.preprocess.name,
                resize=self.frame.resize,
                layout="channels_first" if self.frame.channels_first else "channels_last",
                image=printable_path(result.path),
            ),
            **({} if ledger is None else _without_batch(ledger_arrays(ledger))),
        }

    def _conclude(self, records: list[Record], seconds: float) -> Path | None:
        """Write the report and say how the run went; return the report's file if it was written."""
        report, failed = None, sum("error" in record for record in records)
        done = len(records) - failed
        if done:
            rate = f"{seconds:.1f} s, {done / seconds:.1f} images/s"
            where = self.given.output if self.picture is None else self.picture
            self.out.print(
                f"{done} of {len(records)} explained in {rate}: see {printable_path(where)}"
            )
        if done and self.gallery is not None:
            try:
                size = self.gallery.write()
                report = self.gallery.path
                self.out.print(f"report: {printable_path(report)}, {size / 1e6:.1f} MB")
            except OSError as error:
                page = printable_path(self.gallery.path)
                complain(f"Error: --report {page} cannot be written: {error.strerror}.")
        if failed and len(records) > 1:
            complain(f"Error: {failed} of {len(records)} images could not be explained.")
        return report


def image_files(folder: Path, name: str, pictures: bool) -> dict[str, Path]:
    """List what `jlrp explain` writes for an image of this output name.

    >>> image_files(Path("maps"), "cat", pictures=False)["relevance"].as_posix()
    'maps/cat.npz'
    """
    suffixes = {"relevance": ".npz"} | (
        {"heatmap": ".heatmap.png", "overlay": ".overlay.png"} if pictures else {}
    )
    return {kind: folder / f"{name}{suffix}" for kind, suffix in suffixes.items()}


def _ledger_document(ledger: jlrp.Ledger) -> dict[str, Any]:
    """Describe one image's ledger as `--json` does."""
    rows = zip(
        ledger.layers, ledger.rules, np.asarray(ledger.entries)[..., 0].tolist(), strict=True
    )
    return {
        "start": float(ledger.start[0]),
        "inputs": float(ledger.inputs[0]),
        "layers": [
            {"layer": layer, "rule": rule, **dict(zip(COLUMNS, row, strict=True))}
            for layer, rule, row in rows
        ],
    }


def _without_batch(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Take the batch off a ledger's arrays."""
    numbers = ("ledger", "ledger_start", "ledger_inputs")
    return {name: array[..., 0] if name in numbers else array for name, array in arrays.items()}


class _Rate(ProgressColumn):
    """Images per second so far."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} images/s")


def _progress(out: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=out, transient=True, disable=out.quiet or not out.is_terminal)
