"""One run of `jlrp explain`: batches of images through a compiled explainer, and what is written for each."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from operator import itemgetter
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
from jlrp.cli.files import output_names, write_whole
from jlrp.cli.images import Frame, Resize, read
from jlrp.cli.labels import Labels
from jlrp.cli.program import InputError, complain, shown
from jlrp.ledger import COLUMNS


class Start(StrEnum):
    """What relevance starts as at the explained class."""

    logit = "logit"
    one = "one"


@dataclass(frozen=True)
class Result:
    """One image explained: relevance in the model's layout; `probability` is `None` where the model gives none.

    ledger: of a batch of this image alone, if it was asked for.
    """

    path: Path
    pixels: NDArray[np.uint8]
    relevance: NDArray[np.floating[Any]]
    output: NDArray[np.floating[Any]]
    class_index: int
    probability: float | None
    ledger: jlrp.Ledger | None = None

    @property
    def logit(self) -> float:
        """The explained output."""
        return float(self.output[self.class_index])

    @property
    def finite(self) -> bool:
        """Whether output and relevance are numbers throughout."""
        return bool(np.isfinite(self.output).all() and np.isfinite(self.relevance).all())

    def verdict(self, labels: Labels) -> str:
        """The class with its probability, or with its output where there is none, for people."""
        score = f"output {self.logit:.4g}" if self.probability is None else f"{100 * self.probability:.1f} %"
        return f"{labels.title(self.class_index)}, {score}"


@dataclass(frozen=True)
class Job:
    """A model, an explainer and everything else that all images of one run share; all of it has been checked."""

    model: ir.Model
    source: Path
    explain: jlrp.Explainer
    frame: Frame
    preprocess: ir.Preprocessing
    resize: Resize
    preset: str
    start: Start
    target: int | None
    labels: Labels
    batch_size: int
    folder: Path
    percentile: float
    pictures: bool

    def run(self, paths: list[Path], out: Console) -> int:
        """Explain and write all images; how many could not be, each reported on standard error."""
        bound = self.explain.bind(self.model.params)
        names = dict(zip(paths, output_names(paths), strict=True))
        begun, failed = time.perf_counter(), 0
        with _progress(out) as progress:
            task = progress.add_task("explaining", total=len(paths))
            for chunk in _chunks(paths, self.batch_size):
                for outcome in self._outcomes(bound, chunk):
                    failed += self._report(outcome, names, progress.console)
                    progress.advance(task)
        seconds, done = time.perf_counter() - begun, len(paths) - failed
        if done:
            rate = f"{seconds:.1f} s, {done / seconds:.1f} images/s"
            out.print(f"{done} of {len(paths)} explained in {rate}: see {shown(self.folder)}")
        if failed and len(paths) > 1:
            complain(f"Error: {failed} of {len(paths)} images could not be explained.")
        return failed

    def _outcomes(self, bound: jlrp.Bound, paths: list[Path]) -> Iterator[Result | InputError]:
        """A result or what is wrong, for each of at most `batch_size` images."""
        images: dict[Path, NDArray[np.uint8]] = {}
        for path in paths:
            try:
                images[path] = read(path, self.frame, self.resize)
            except InputError as error:
                yield error
        for result in self._results(bound, images) if images else ():
            problem = InputError(f"{shown(result.path)}: its output or relevance is not finite.")
            yield result if result.finite else problem

    def _results(self, bound: jlrp.Bound, images: dict[Path, NDArray[np.uint8]]) -> Iterator[Result]:
        """One call of the explainer; a batch that is not full is filled up, so that one program serves all batches."""
        pixels = np.stack([*images.values(), *[next(iter(images.values()))] * (self.batch_size - len(images))])
        found = jax.device_get(bound(self.frame.to_layout(self.preprocess(pixels)), target=self.target))
        chances = probabilities(self.model.graph, found.output)
        for row, path in enumerate(images):
            index = int(found.target[row])
            chance = None if chances is None else float(chances[row, index])
            ledger = (
                None if found.ledger is None else jax.tree.map(itemgetter((..., slice(row, row + 1))), found.ledger)
            )
            yield Result(path, images[path], found.relevance[row], found.output[row], index, chance, ledger)

    def _report(self, outcome: Result | InputError, names: dict[Path, str], out: Console) -> int:
        """Write a result, or say what is wrong; 1 for the latter."""
        if isinstance(outcome, InputError):
            complain(f"Error: {outcome}")
            return 1
        self._write(outcome, names[outcome.path])
        out.print(f"{shown(outcome.path)}: {outcome.verdict(self.labels)}")
        if outcome.ledger is not None:
            out.print(outcome.ledger.table(), soft_wrap=True)
        return 0

    def _write(self, result: Result, name: str) -> None:
        if self.pictures:
            values = plot.channel_sum(result.relevance, self.frame.channel_axis)
            full = plot.limit(values, self.percentile)
            note = f"{shown(result.path.name)}, {self.preset}, full colour from percentile {self.percentile:g} of |R|"
            heatmap = plot.heatmap(values, full, result.verdict(self.labels), note)
            overlay = plot.enlarged(plot.overlay(result.pixels, values, full))
            write_whole(self.folder / f"{name}.heatmap.png", plot.png(heatmap))
            write_whole(self.folder / f"{name}.overlay.png", plot.png(overlay))
        buffer = BytesIO()
        np.savez(buffer, allow_pickle=False, **self._arrays(result))
        write_whole(self.folder / f"{name}.npz", buffer.getvalue())

    def _arrays(self, result: Result) -> dict[str, Any]:
        """What the .npz holds: numbers and strings, no objects."""
        return {
            "relevance": result.relevance,
            "class_index": result.class_index,
            "label": self.labels[result.class_index],
            "logit": result.logit,
            "probability": np.nan if result.probability is None else result.probability,
            "output": result.output,
            "preset": self.preset,
            "start": self.start.value,
            "target": "predicted" if self.target is None else str(self.target),
            "preprocess": self.preprocess.name,
            "resize": self.resize.value,
            "layout": "channels_first" if self.frame.channels_first else "channels_last",
            "image": shown(result.path),
            "model": shown(self.source),
            **({} if result.ledger is None else _ledger_arrays(result.ledger)),
        }


def probabilities(graph: ir.Graph, output: NDArray[Any]) -> NDArray[Any] | None:
    """The probabilities that a graph ends in, from what was explained; `None` where it ends in something else.

    A softmax was stripped, and is applied here; a sigmoid is still part of `output`.
    """
    name = graph.outputs[0]
    last = graph[name].op if name in graph else None
    if isinstance(last, ir.Softmax):
        powers = np.exp(output.astype(np.float64) - output.max(-1, keepdims=True))
        return np.asarray(powers / powers.sum(-1, keepdims=True))
    sigmoid = isinstance(last, ir.HardSigmoid) or (isinstance(last, ir.Activation) and last.function == "sigmoid")
    return output if sigmoid else None


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
    return Progress(*columns, console=out, transient=True, disable=not out.is_terminal)


def _chunks(paths: list[Path], size: int) -> Iterator[list[Path]]:
    for begin in range(0, len(paths), size):
        yield paths[begin : begin + size]
