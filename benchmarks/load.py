"""How long a model file takes to open, and how much memory.

    python -m benchmarks.load

It compares bare h5py, `ir.load` of Keras's file and `ir.load` of our own, in one run. The model is
a ResNet50 that Keras saved, kept in the system's folder for temporary files, and the same model
from `ir.save`. The arrays are compared first. The files stay in the system's cache.
"""

import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import ir
from benchmarks.measure import machine, seconds
from benchmarks.networks import file_of

REPEATS, FRESH = 15, 7
"""How often each runs in one process, and in separate processes."""

READ_BARE = """
found = []
with h5py.File(path, "r") as file:
    file["model_weights"].visititems(lambda _, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None)
"""
READ_MODEL = "found = ir.load(path)"

CHILD = """
import sys, time, h5py, numpy, ir, resource
path = sys.argv[1]
before = time.perf_counter()
{read}
took = time.perf_counter() - before
try:
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
print(took, peak)
"""
"""Seconds and peak memory in KiB of a fresh process. `ru_maxrss` may be that of its parent."""


def main() -> None:
    """Print the comparison."""
    print(f"Machine: {machine()}\n")
    keras, ours = files()
    check(keras, ours)
    size = keras.stat().st_size
    print(
        f"ResNet50 (keras.applications, random weights): {size / 1e6:.1f} MB as .h5, "
        f"{megabytes(ours)} as ours"
    )
    kinds = {
        "bare h5py, all arrays": (keras, lambda: bare(keras), READ_BARE),
        "ir.load, .h5": (keras, lambda: ir.load(keras), READ_MODEL),
        "ir.load, ours": (ours, lambda: ir.load(ours), READ_MODEL),
    }
    times = interleaved({kind: call for kind, (_, call, _) in kinds.items()})
    fresh = interleaved_fresh({kind: (path, read) for kind, (path, _, read) in kinds.items()})
    reference, reference_fresh = next(iter(times.values())), next(iter(fresh.values()))[0]
    print(
        "                          one process, repeated       a fresh process             peak "
        "memory over imports"
    )
    for kind, took in times.items():
        first, peak = fresh[kind]
        print(
            f"  {kind:<22}  {took * 1e3:7.1f} ms  {took / reference:5.2f} × bare    "
            f"{first * 1e3:7.1f} ms  "
            f"{first / reference_fresh:5.2f} × bare    {peak / 1e6:7.1f} MB  {peak / size:5.2f} × "
            "the file"
        )
    print(
        f"  medians of {REPEATS} and of {FRESH}, interleaved; checked first: the three read the "
        "same arrays"
    )


def files() -> tuple[Path, Path]:
    """Make Keras's file, unless it exists, and our own."""
    keras = file_of("resnet50")
    ours = keras.with_suffix(".safetensors")
    ir.save(ir.load(keras), ours)
    return keras, ours


def check(keras: Path, ours: Path) -> None:
    """Exit unless all ways of reading give the same arrays and the same graph."""
    arrays, model, converted = bare(keras), ir.load(keras), ir.load(ours)
    found = {
        (layer, role): array
        for layer, roles in model.params.items()
        for role, array in roles.items()
    }
    again = {
        (layer, role): array
        for layer, roles in converted.params.items()
        for role, array in roles.items()
    }
    same = arrays.keys() == found.keys() == again.keys() and all(
        np.array_equal(arrays[key], found[key]) and np.array_equal(arrays[key], again[key])
        for key in arrays
    )
    if not same or model.graph != converted.graph:
        raise SystemExit("The files give different models: nothing is timed.")


def bare(path: Path) -> dict[tuple[str, str], np.ndarray]:
    """Every array of a Keras file as h5py gives it, by layer and role."""
    found = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            layer, *_, role = name.split("/")
            found[layer, role.split(":")[0]] = item[()]

    with h5py.File(path, "r") as file:
        file["model_weights"].visititems(visit)
    return found


def interleaved(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The median seconds of each call, all of them in turn."""
    rounds = [{kind: seconds(call) for kind, call in calls.items()} for _ in range(REPEATS)]
    return {kind: statistics.median(r[kind] for r in rounds) for kind in calls}


def interleaved_fresh(kinds: dict[str, tuple[Path, str]]) -> dict[str, tuple[float, float]]:
    """Median seconds and peak memory beyond the imports, of fresh processes in turn."""
    everything = {"imports": (Path("-"), ""), **kinds}
    rounds = [
        {kind: _fresh(path, read) for kind, (path, read) in everything.items()}
        for _ in range(FRESH)
    ]
    medians = {
        kind: [statistics.median(r[kind][i] for r in rounds) for i in (0, 1)] for kind in everything
    }
    return {
        kind: (medians[kind][0], 1024 * (medians[kind][1] - medians["imports"][1]))
        for kind in kinds
    }


def _fresh(path: Path, read: str) -> tuple[float, float]:
    command = [sys.executable, "-c", CHILD.format(read=read), str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent
    )
    took, peak = map(float, done.stdout.split())
    return took, peak


def megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


if __name__ == "__main__":
    main()
