"""How many images a second: the original algorithm in NumPy loops against the compiled, batched `explain`.

    python -m benchmarks.compare_original

Same networks, same preset (`crawford2019_original`, relevance starting at 1), one run. The answer is checked first.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

import ir
import jlrp
from benchmarks import original_loops
from benchmarks.measure import machine, median_seconds, seconds
from benchmarks.networks import caffe, file_of, photographs

PRESET = "crawford2019_original"
TOLERANCE = 1e-3
"""Of the largest relevance: both sides compute in float32, and the rules have no ε, so quotients near 0/0 differ."""


@dataclass(frozen=True)
class Compiled:
    """What the compiled side took: seconds to read the file and resolve the rules, to compile, and per batch."""

    build: float
    compile: float
    steady: float
    batch: int

    @property
    def rate(self) -> float:
        return self.batch / self.steady


def main() -> None:
    """Print the comparison."""
    print(f"Machine: {machine()}")
    print(f"Preset: {PRESET}, start 1, float32\n")
    digits()
    print()
    resnet50()


def digits() -> None:
    """The shipped digits network: the loops run whole images."""
    path = Path(jlrp.__file__).parent / "data" / "digits_resnet.h5"
    model = ir.load(path)
    images = np.random.default_rng(0).random((8, *model.input_shapes[0][1:]), np.float32)
    print(f"Digits ResNet, {shape_of(model)}")
    layers = original_loops.from_model(model)
    difference = largest_difference(model, layers, images[:2])
    whole = original_loops.time_whole(layers, images[0])
    report_loops(1 / whole, f"{whole:.2f} s per image, measured on a whole image")
    report_compiled(path, images, 1 / whole, difference)


def resnet50() -> None:
    """Keras's ResNet50: a whole image takes the loops minutes, so their time is summed over layers."""
    path = file_of("resnet50")
    model = ir.load(path)
    images = caffe(photographs(8))
    print(f"ResNet50 (keras.applications, random weights), {shape_of(model)}")
    layers = original_loops.from_model(model)
    difference = largest_difference(model, layers, images[:1, :32, :32])
    times = original_loops.time_per_layer(layers, images[0], positions=1000)
    total = sum(t.seconds for t in times)
    run = sum(t.seconds for t in times if t.measured)
    scaled = [t for t in times if not t.measured]
    share = sum(t.timed for t in scaled) / sum(t.positions for t in scaled)
    report_loops(
        1 / total,
        f"{total:.0f} s per image, SUMMED over {len(times)} layers: {len(scaled)} convolutions measured on 1000 "
        f"output positions each ({share:.2%} of all) and scaled up, the other {run:.2f} s measured whole",
    )
    report_compiled(path, images, 1 / total, difference)


def largest_difference(model: ir.Model, layers: list[original_loops.Layer], images: np.ndarray) -> float:
    """The largest difference between the two, relative to the largest relevance; an error above `TOLERANCE`."""
    ours = np.asarray(jlrp.explainer(model.graph, PRESET, start="one")(model.params, images).relevance)
    loops = np.stack([original_loops.explain(layers, image)[layers[0].name] for image in images])
    difference = float(np.abs(ours - loops).max() / np.abs(loops).max())
    if not difference <= TOLERANCE:
        raise SystemExit(f"The two sides disagree by {difference:.1e} of the largest relevance: nothing is timed.")
    return difference


def report_loops(rate: float, how: str) -> None:
    print(f"  original loops            {rate:12.4f} images/s   {how}")


def report_compiled(path: Path, images: np.ndarray, loops: float, difference: float) -> None:
    for batch in (1, len(images)):
        result = compiled(path, images[:batch])
        took = f"build {result.build:.2f} s, compile {result.compile:.2f} s, then {result.steady * 1e3:.1f} ms a batch"
        print(
            f"  explain, batch {batch:<2}         {result.rate:12.4f} images/s   "
            f"{result.rate / loops:,.0f} times the loops ({took})"
        )
    print(f"  checked first: the two sides differ by {difference:.0e} of the largest relevance")


def compiled(path: Path, images: np.ndarray) -> Compiled:
    """Build, compile and run, each timed."""
    before = time.perf_counter()
    model = ir.load(path)
    explain = jlrp.explainer(model.graph, PRESET, start="one")
    params: Any = jax.block_until_ready(jax.device_put(model.params))
    build = time.perf_counter() - before
    jax.clear_caches()
    first = seconds(lambda: explain(params, images))
    steady = median_seconds(lambda: explain(params, images))
    return Compiled(build, max(first - steady, 0.0), steady, len(images))


def shape_of(model: ir.Model) -> str:
    return f"input {model.input_shapes[0][1:]}, {model.parameter_count:,} weights"


if __name__ == "__main__":
    main()
