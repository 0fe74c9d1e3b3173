"""What else strangers give: images, labels, classes, arguments, models to commands.

Each input made from a number.

An input is fine, or is refused in one sentence; anything else is a failure: another exception, a
traceback, text that a terminal would obey, a file that is half there.
"""

import io
import json
import sys
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

import ir
from jlrp.cli import program
from jlrp.cli.questions import parse_target, parse_targets
from jlrp.datasets import DataError, Frame, Labels, load_arrays, load_labels
from jlrp.datasets.images import read_image
from tests.fuzz import bytes_level, json_level
from tests.fuzz.mutate import anyone
from tests.fuzz.reading import tried

FINE, REFUSED = "fine", "refused"
KERAS = Path(__file__).parents[1] / "data" / "keras"
SMALL = KERAS / "keras1.2.2" / "mini_sequential_k1.full.h5"
"""A model of 16×16 RGB images with 5 classes."""

FRAMES = (Frame(16, 16, 3), Frame(9, 20, 1), Frame(8, 8, 3, channels_first=True))
ODD = (
    "",
    " ",
    "\x1b[31m",
    "\ud800",
    "é日本",
    "a\nb",
    "\u202e",
    "%s",
    "{0}",
    "..",
    "/",
    "-",
    "--",
    "'",
    '"',
    "\\",
    "$\\frac{",
)
NUMBERS = (
    "0",
    "-1",
    "4",
    "5",
    "1e39",
    "-1e999",
    "nan",
    "inf",
    "9" * 5000,
    "٣",
    "0x10",
    "1.5",
    "2**9",
    "1_0",
    "+3",
    "",
)


class FailedError(Exception):
    """An input that did what none may do."""


# --- images


@cache
def images() -> dict[str, bytes]:
    """A file of every format and mode that is promised."""
    rng, found = np.random.default_rng(0), {}
    picture = Image.fromarray(rng.integers(0, 256, (20, 24, 3), np.uint8))
    kinds = [
        (mode, suffix)
        for suffix in ("png", "tiff", "gif", "bmp", "webp", "ppm")
        for mode in ("RGB", "L", "P", "1")
    ]
    kinds += [
        ("RGBA", "png"),
        ("LA", "png"),
        ("RGBA", "webp"),
        ("RGBA", "tiff"),
        ("CMYK", "jpeg"),
        ("CMYK", "tiff"),
    ]
    for mode, suffix in [*kinds, ("RGB", "jpeg"), ("L", "jpeg")]:
        buffer = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        options = {"exif": exif} if suffix in ("jpeg", "png", "webp", "tiff") else {}
        try:
            picture.convert(mode).save(buffer, suffix, **options)
        except (OSError, KeyError):
            continue  # a mode that the format does not have
        found[f"{suffix} {mode}"] = buffer.getvalue()
    for name, options in {
        "tiff jpeg": {"compression": "jpeg"},
        "tiff lzw": {"compression": "tiff_lzw"},
    }.items():
        buffer = io.BytesIO()
        picture.save(buffer, "tiff", **options)
        found[name] = buffer.getvalue()
    buffer = io.BytesIO()
    picture.save(buffer, "gif", save_all=True, append_images=[picture.rotate(90)])
    found["gif of two"] = buffer.getvalue()
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 2**16, (20, 24), np.uint16)).save(buffer, "png")
    return {**found, "png of 16 bits": buffer.getvalue()}


def image(rng: Random, folder: Path) -> str:
    """A changed image, read for one of several models."""
    path = folder / "image.png"
    path.write_bytes(bytes_level.mutated(images()[rng.choice(list(images()))], rng)[0])
    frame = rng.choice(FRAMES)
    try:
        pixels = read_image(path, frame)
    except DataError as error:
        return _sentence(error, "image.png")
    if pixels.shape != (frame.height, frame.width, frame.channels) or pixels.dtype != np.uint8:
        raise FailedError(f"made {pixels.dtype} {pixels.shape} of an image")
    return FINE


# --- arrays


def arrays(rng: Random, folder: Path) -> str:
    """A changed file of arrays, read for a model."""
    values = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
    buffer, kind = io.BytesIO(), rng.choice(("npy", "npz", "compressed"))
    {"npy": np.save, "npz": np.savez, "compressed": np.savez_compressed}[kind](buffer, values)
    path = folder / f"arrays.{kind[:3] if kind != 'compressed' else 'npz'}"
    content = buffer.getvalue()
    if rng.random() < 0.5:  # near the header
        content = bytes_level.mutated(content[:300], rng)[0] + content[300:]
    path.write_bytes(bytes_level.mutated(content, rng)[0])
    try:
        load_arrays(small(), path)
    except DataError as error:
        return _sentence(error, path.name)
    except MemoryError:
        return REFUSED
    return FINE


@cache
def small() -> ir.Model:
    """The model of `SMALL`."""
    return ir.load(SMALL)


# --- labels and classes


def labels(rng: Random, folder: Path) -> str:
    """A changed labels file, and a class by one of its names."""
    names = [rng.choice(("ant", "bee", "0", "n1", *ODD)) for _ in range(5)]
    as_json = rng.random() < 0.6
    path = folder / ("labels.json" if as_json else "labels.txt")
    if as_json:
        pairs = [[f"n{k}", name] for k, name in enumerate(names)]
        content = rng.choice((names, pairs, dict(enumerate(names)), dict(enumerate(pairs))))
        text = json_level.mutated(json.dumps(content), rng)[0].encode("utf-8", "surrogatepass")
    else:
        text = "\n".join(names).encode("utf-8", "surrogatepass")
    path.write_bytes(bytes_level.mutated(text, rng)[0] if rng.random() < 0.5 and text else text)
    try:
        found = load_labels(path, 5)
        classes(rng, folder, found)
    except DataError as error:
        return _sentence(error)
    return FINE


def classes(rng: Random, folder: Path, known: Labels | None = None) -> str:
    """A class, and several, as arguments say them."""
    word = "".join(
        rng.choice((*ODD, *NUMBERS, "top", "above", "predicted", ",", "%", "-"))
        for _ in range(rng.randint(1, 3))
    )
    try:
        known = known or Labels()
        index = parse_target(word, 5, known)
        if index is not None and not 0 <= index < 5:
            raise FailedError(f"took class {index} of 5")
        parse_targets(word, 5, known)
    except DataError as error:
        return _sentence(error)
    return FINE


# --- models


def model(rng: Random, folder: Path) -> str:
    """A changed model file of any format, read."""
    _, outcome = tried(anyone(rng), folder)
    if outcome.kind == "failed":
        raise FailedError(outcome.message)
    return FINE if outcome.kind == "model" else REFUSED


def native(rng: Random, folder: Path) -> str:
    """A changed model of the library's own format.

    What is read can be listed, and explained where it takes images.
    """
    case = anyone(rng, "safetensors")
    path = folder / "model.safetensors"
    path.write_bytes(case.made()[0])
    try:
        ir.load(path)
    except ir.LoadError:
        return REFUSED
    if not (folder / "a.png").exists():
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)).save(
            folder / "a.png"
        )
    out = "npz-only"
    command(["inspect", str(path), "--json"], folder)
    return command(
        [
            "explain",
            str(path),
            str(folder / "a.png"),
            "-o",
            str(folder / out),
            "--no-pictures",
            "--force",
            "--size",
            "16",
        ],
        folder,
    )


# --- commands


def arguments(rng: Random, folder: Path) -> str:
    """A command with arguments of any kind; few of them get as far as a model."""
    for name in ("a.png", "b.png"):
        if not (folder / name).exists():
            (folder / name).write_bytes(images()["png RGB"])
    return command(made_arguments(rng, folder), folder)


def made_arguments(rng: Random, folder: Path) -> list[str]:
    """The arguments themselves."""
    options = {
        "--preset": ("epsilon", "zero", "nothing", *ODD),
        "--presets": ("epsilon,zero", ",", "epsilon,,zero", *ODD),
        "--target": (*NUMBERS, "predicted", *ODD),
        "--targets": ("top3", f"top{'9' * 5000}", "above0.5", "above.", "top0", *NUMBERS, *ODD),
        "--labels": (str(folder / "a.png"), str(folder), "none.txt", *ODD),
        "--size": (*NUMBERS, "16x16", "x", "16x", f"{'9' * 5000}x1", "0x0"),
        "--batch-size": NUMBERS,
        "--percentile": NUMBERS,
        "--low": NUMBERS,
        "--high": NUMBERS,
        "--output": (
            str(folder / "out"),
            str(folder / "a.png"),
            str(folder / ("n" * 300)),
            "/proc/none",
            *ODD,
        ),
        "--output-layer": ("dense_1", "none", *ODD),
        "--region": ("all", "0,0,1,1", "1,1,0,0", f"{'9' * 5000},1", str(folder / "a.png"), *ODD),
        "--report": (str(folder / "r.html"), str(folder), "r.txt", *ODD),
        "--architecture": ("resnet50", "resnet51", "x" * 300, str(SMALL), *ODD),
        "--variant": ODD,
        "--hdf5": ("own", "any", *ODD),
        "--preprocess": ("caffe", "none", *ODD),
        "--start": ("one", *ODD),
        "--contrast": ("others", "runner_up", *ODD),
        "--scale": ("row", *ODD),
        "--colours": ("bwr", *ODD),
    }
    flags = (
        "--force",
        "--json",
        "--quiet",
        "--ledger",
        "--no-pictures",
        "--overlay",
        "--help",
        "-q",
        "--nonsense",
    )
    paths = (str(SMALL), str(folder / "a.png"), str(folder / "b.png"), str(folder), "none.h5", *ODD)
    name = rng.choice(("explain", "explain", "compare", "inspect", "convert", "presets", *ODD))
    given = [name, *(rng.choice(paths) for _ in range(rng.randint(0, 3)))]
    for _ in range(rng.randint(0, 4)):
        option = rng.choice((*options, *flags))
        given.append(option)
        if option in options and rng.random() < 0.95:
            given.append(rng.choice(options[option]))
    return [each.replace("\0", "") for each in given]


def command(given: list[str], folder: Path) -> str:
    """Run a command in this process, in a folder of its own; what came of it."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    before = set(folder.rglob("*"))
    code: object = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            program(given, prog_name="jlrp")
    except SystemExit as stop:
        code = stop.code
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    judge(code, *texts)
    for path in set(folder.rglob("*")) - before:
        require_whole(path)
        if path.is_file():
            path.unlink()
    return FINE if code == 0 else REFUSED


def judge(code: object, out: str, err: str) -> None:
    """Raise `FailedError` unless a command ended as it may."""
    if code not in (0, 2):
        raise FailedError(f"exit code {code}: {err[-2000:]!a}")
    if "Traceback" in err + out:
        raise FailedError(f"a traceback: {err[-2000:]!a}")
    for text in (out, err):
        if not all(
            line.isprintable()
            for line in text.replace("\u200c", "").replace("\u200d", "").split("\n")
        ):
            raise FailedError(f"text that a terminal obeys: {text[-2000:]!a}")
    if (code == 2) != bool(err) and "Usage:" not in out:
        raise FailedError(f"exit code {code}, and on standard error {err[-500:]!a}")
    if any(len(line) > 2500 for line in err.splitlines()):
        raise FailedError(f"a sentence of {max(map(len, err.splitlines()))} letters")


def require_whole(path: Path) -> None:
    """Raise `FailedError` where a file that was written is none of its kind."""
    if not path.is_file():
        return
    try:
        if path.suffix == ".png":
            with Image.open(path) as opened:
                opened.load()
        elif path.suffix in (".npz", ".zip"):
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        elif path.suffix == ".safetensors":
            ir.load(path)
        elif path.suffix == ".part":
            raise FailedError(f"{path.name} is left")
    except FailedError:
        raise
    except Exception as error:
        raise FailedError(f"{path.name} is not whole: {error!r}") from error


SURFACES: dict[str, Callable[[Random, Path], str]] = {
    "model": model,
    "image": image,
    "labels": labels,
    "arrays": arrays,
    "classes": classes,
    "arguments": arguments,
    "native": native,
}
SHARES = {
    "model": 38,
    "image": 28,
    "arrays": 4,
    "labels": 12,
    "classes": 6,
    "arguments": 11,
    "native": 1,
}
"""How often each is tried, in a hundred."""


def once(surface: str, number: int, folder: Path) -> str:
    """One input again, as it was made the first time."""
    return SURFACES[surface](Random(f"{surface} {number}"), folder)


def _sentence(error: Exception, *words: str) -> str:
    """That a refusal is one sentence with these words in it."""
    text = str(error)
    if not text.rstrip().endswith((".", "?", ")")) or len(text) > 12_000:
        raise FailedError(f"no sentence: {text[:2000]!a}")
    for word in words:
        if word not in text:
            raise FailedError(f"does not name {word}: {text[:2000]!a}")
    return REFUSED


if __name__ == "__main__":  # one input: python -m tests.fuzz.surfaces image 17
    with TemporaryDirectory(prefix="fuzz-") as place:
        print(once(sys.argv[1], int(sys.argv[2]), Path(place)))
