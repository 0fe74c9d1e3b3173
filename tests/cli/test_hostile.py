"""What strangers' files, odd names, links, streams and places can do to a command.

Nothing but one sentence.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ir
import jlrp as library
from jlrp.datasets import DataError
from jlrp.datasets.files import require_apart, require_file, require_folder, write_together
from tests.cli.asserts import assert_fine, assert_refused

ROOT = Path(library.__file__).parents[1]
EVIL = "t\x1b[31m\x1b]0;owned\a\x9b2J\u202ehree\r"
LABELS = ("ant", "bee", "cat", "dog", "eel")


def run(*arguments: object, folder: Path, **options) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        **options.pop("env", {}),
    }
    environment = {name: value for name, value in environment.items() if value is not None}
    command = [sys.executable, "-m", "jlrp", *map(str, arguments)]
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run(command, cwd=folder, env=environment, check=False, timeout=300, **options)


def assert_plain(text: str) -> None:
    """Nothing that a terminal obeys."""
    assert all(line.isprintable() for line in text.split("\n")), text


@pytest.fixture
def evil_model(tmp_path) -> Path:
    """A model whose layers' names and source are no plain text."""
    graph = ir.Graph(
        [
            ir.Node(f"a{EVIL}", ir.Flatten(), ("x",)),
            ir.Node(f"b{EVIL}\nError: no", ir.Dense(), (f"a{EVIL}",), "fc"),
        ],
        ["x"],
        [f"b{EVIL}\nError: no"],
    )
    params = {"fc": {"kernel": np.ones((48, 5), np.float32)}}
    path = tmp_path / "evil.safetensors"
    ir.save(ir.Model(graph, params, ((None, 4, 4, 3),), {"format": EVIL, "name": EVIL}), path)
    return path


# --- what a terminal would obey


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "evil.safetensors"),
        ("inspect", "evil.safetensors", "--ledger"),
        ("explain", "evil.safetensors", "a.png", "--labels", "l.txt", "--ledger"),
        ("explain", "evil.safetensors", "a.png", "--output-layer", "b"),
        ("explain", "evil.safetensors", "a.png", "--labels", "l.txt", "--target", "tt"),
        ("explain", "evil.safetensors", "a.png", "--preset", EVIL),
        ("compare", "evil.safetensors", "a.png", "--labels", "l.json"),
        ("convert", "evil.safetensors", f"{EVIL}.h5"),
        ("presets", EVIL),
    ],
)
def test_text_from_files_and_arguments_is_shown_plainly(
    jlrp, evil_model, photo, tmp_path, arguments
):
    photo("a.png")
    (tmp_path / "l.txt").write_text("\n".join(f"{EVIL}{k}" for k in range(5)), "utf-8")
    (tmp_path / "l.json").write_text(json.dumps([f"{EVIL}\nError: {k}" for k in range(5)]), "utf-8")
    result = jlrp(*arguments)
    assert_plain(result.stdout)
    assert_plain(result.stderr)
    assert isinstance(result.exception, SystemExit | None)
    assert not any(line.startswith("Error") for line in result.stdout.splitlines())
    assert len([line for line in result.stderr.splitlines() if line]) == (result.exit_code == 2)


# --- files that are written


def test_no_link_is_followed_and_nothing_is_left(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "link").symlink_to("victim")
    write_together({tmp_path / "link": b"new"})
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "link").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["link", "victim"]


def test_of_files_that_belong_together_all_are_written_or_none(tmp_path):
    with pytest.raises(OSError, match="name too long"):
        write_together({tmp_path / "a": b"1", tmp_path / ("b" * 300): b"2"})
    assert os.listdir(tmp_path) == []


def test_what_killed_runs_have_left_goes(tmp_path):
    old, new, other = (
        tmp_path / name
        for name in (".jlrp-0123456789abcdef.part", ".jlrp-" + "a" * 16 + ".part", "b")
    )
    for path in (old, new, other):
        path.write_text("half")
    os.utime(old, (0, 0))
    os.utime(other, (0, 0))
    write_together({tmp_path / "c": b"whole"})
    assert sorted(os.listdir(tmp_path)) == sorted([new.name, "b", "c"])


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_no_input_is_written_over(jlrp, model, photo, tmp_path, force):
    photo("x.png", 1), photo("x.heatmap.png", 2)
    before = (tmp_path / "x.heatmap.png").read_bytes()
    said = jlrp("explain", model, "x.png", "x.heatmap.png", "-o", ".", *force)
    assert_refused(said, "x.heatmap.png")
    assert_refused(jlrp("compare", model, "x.png", "-o", "x.png", *force), "x.png")
    (tmp_path / "link.png").symlink_to("x.png")
    assert_refused(jlrp("compare", model, "x.png", "-o", "link.png", *force), "link.png")
    assert jlrp("convert", model, "m.safetensors").exit_code == 0
    assert_refused(jlrp("convert", "m.safetensors", "m.safetensors", *force), "m.safetensors")
    (tmp_path / "l.html").write_text("\n".join(LABELS))
    assert_refused(
        jlrp("explain", model, "x.png", "--labels", "l.html", "--report", "l.html", *force),
        "l.html",
    )
    assert (tmp_path / "x.heatmap.png").read_bytes() == before
    assert not list(tmp_path.glob("*.npz"))


def test_outputs_and_inputs_are_told_apart_by_what_they_are(tmp_path):
    (tmp_path / "a").write_text("")
    (tmp_path / "folder").symlink_to(tmp_path)
    require_apart([tmp_path / "b", tmp_path / "none/a"], [tmp_path / "a", None, "resnet50", "a\0"])
    with pytest.raises(DataError, match="would be written, and is the file"):
        require_apart([tmp_path / "folder" / "a"], [tmp_path / "a"])


@pytest.mark.parametrize("more", [(), ("--report", "report.html")])
def test_what_cannot_be_written_leaves_out_one_image(jlrp, model, photo, tmp_path, more):
    long = f"{'n' * 248}.png"
    photo("in/a.png", 1), photo(f"in/{long}", 2), photo("in/z.png", 3), photo("in/dir.png", 4)
    (tmp_path / "maps" / "dir.npz").mkdir(parents=True)
    result = jlrp("explain", model, "in", "-o", "maps", "--json", "--force", *more)
    assert result.exit_code == 2
    records = {Path(each["path"]).name: each for each in json.loads(result.stdout)["images"]}
    assert sorted(name for name, each in records.items() if "error" not in each) == [
        "a.png",
        "z.png",
    ]
    assert "File name too long" in records[long]["error"]
    assert "in/dir.png" in records["dir.png"]["error"]
    assert len(result.stderr.splitlines()) == 3
    found = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert found == sorted(
        [f"{k}{s}" for k in "az" for s in (".heatmap.png", ".overlay.png", ".npz")] + ["dir.npz"]
    )
    assert (tmp_path / "report.html").exists() == bool(more)


def test_a_report_that_cannot_be_written_is_told_and_the_rest_is_there(
    jlrp, model, photo, monkeypatch
):
    photo("a.png")
    assert_refused(
        jlrp("explain", model, "a.png", "--report", f"{'r' * 300}.html"), "File name too long"
    )

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jlrp.cli.gallery.write_whole", fail)
    result = jlrp("explain", model, "a.png", "--report", "r.html", "--json")
    assert result.exit_code == 2
    assert result.stderr == "Error: --report r.html cannot be written: No space left on device.\n"
    assert json.loads(result.stdout)["report"] is None
    assert "error" not in json.loads(result.stdout)["images"][0]


def test_places_are_checked_before_the_work(jlrp, photo, tmp_path):
    photo("a.png")
    (tmp_path / "loop").symlink_to("loop")
    for place in ("loop", "loop/x", "a.png/x"):
        assert_refused(jlrp("explain", "no.h5", "a.png", "-o", place), place.partition("/")[0])
        assert_refused(
            jlrp("explain", "no.h5", "a.png", "--report", f"{place}/r.html"),
            place.partition("/")[0],
        )
        assert_refused(
            jlrp("compare", "no.h5", "a.png", "-o", f"{place}/r.png"), place.partition("/")[0]
        )
        assert_refused(jlrp("convert", "no.h5", f"{place}/r.safetensors"), place.partition("/")[0])


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_folder_that_cannot_be_written_into(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(DataError, match="closed cannot be written into"):
        require_folder(tmp_path / "closed" / "maps")


def test_a_batch_that_fails_is_told_of_all_its_images(jlrp, model, photo, monkeypatch):
    photo("a.png", 1), photo("b.png", 2)

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr("jlrp.propagation.explainer.Bound.__call__", fail)
    result = jlrp("explain", model, "a.png", "b.png", "--json")
    assert result.exit_code == 2
    assert [each["error"] for each in json.loads(result.stdout)["images"]] == [
        "Not enough memory: give a smaller --batch-size."
    ] * 2


# --- files that are read


def test_pipes_are_not_waited_for(jlrp, model, photo, tmp_path):
    photo("a.png")
    os.mkfifo(tmp_path / "f.png")
    assert_refused(jlrp("explain", model, "f.png"), "f.png is no ordinary file")
    assert_refused(jlrp("compare", model, "f.png"), "f.png is no ordinary file")
    assert_refused(jlrp("explain", "f.png", "a.png"), "f.png")
    assert_refused(
        jlrp("explain", model, "a.png", "--labels", "f.png"), "f.png is no ordinary file"
    )
    with pytest.raises(DataError, match="is a folder"):
        require_file(tmp_path)


def test_only_the_promised_formats_are_opened(jlrp, model, tmp_path):
    marker = tmp_path / "ran"
    (tmp_path / "bin").mkdir()
    ghostscript = tmp_path / "bin" / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {marker}\n")
    ghostscript.chmod(0o755)
    (tmp_path / "photo.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"
    )
    result = run(
        "explain",
        model,
        "photo.png",
        folder=tmp_path,
        env={"PATH": f"{ghostscript.parent}:{os.environ['PATH']}"},
    )
    assert result.returncode == 2
    assert b"photo.png cannot be read" in result.stderr
    assert not marker.exists()


@pytest.mark.parametrize(
    "option",
    [
        "--target=--5",
        f"--target={'9' * 5000}",
        f"--target=-{'9' * 5000}",
        "--target=٣٣",
        f"--size={'9' * 5000}",
        f"--size=9x{'9' * 5000}",
        "--size=٢٢",
        "--target=\ud800",
        f"--output-layer={'x' * 5000}",
    ],
)
def test_odd_arguments(jlrp, model, photo, option):
    assert_refused(jlrp("explain", model, photo("a.png"), option))


def test_a_link_to_itself_is_no_image(jlrp, model, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    assert_refused(jlrp("explain", model, "loop"), "loop")


@pytest.mark.parametrize(
    "content", [b'["x\\ud800", "b", "c", "d", "e"]', b'[["\\udc00", "b"]]', b'{"0": NaN}']
)
def test_labels_that_are_no_text(jlrp, model, photo, tmp_path, content):
    (tmp_path / "l.json").write_bytes(content)
    for command in ("explain", "compare"):
        assert_refused(
            jlrp(command, model, photo("a.png"), "--labels", "l.json"), "l.json is no class index"
        )


def test_labels_without_end(jlrp, model, photo, tmp_path):
    with (tmp_path / "l.txt").open("wb") as file:
        file.truncate(1 << 40)
    assert_refused(
        jlrp("explain", model, photo("a.png"), "--labels", "l.txt"), "l.txt has more than"
    )


def test_a_model_that_cannot_be_computed_is_told_of(jlrp, model, photo, monkeypatch):
    def fail(*_, **__):
        raise TypeError("lax.odd got\n2 things")

    monkeypatch.setattr("jlrp.propagation.explainer.Bound.__call__", fail)
    assert_refused(
        jlrp("explain", model, photo("a.png")), "cannot be run: TypeError: lax.odd got 2 things"
    )


# --- streams and surroundings


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_output_in_other_encodings(model, photo, tmp_path, encoding):
    photo("bild_é日本.png")
    env = {"PYTHONIOENCODING": encoding}
    for arguments in (("presets",), ("explain", model, "bild_é日本.png", "--no-pictures")):
        result = run(*arguments, folder=tmp_path, env=env)
        assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [("presets",), ("--help",), ("presets", "--json"), ("explain", "no.h5", "no.png")]
)
@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_closed_streams(tmp_path, arguments, closed):
    shut = " ".join(f"{number}>&-" for number in closed)
    command = f"exec {shut}; exec {sys.executable} -m jlrp {' '.join(arguments)}"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=env, capture_output=True, check=False, timeout=300
    )
    assert result.returncode == (2 if "explain" in arguments else 0)
    assert b"Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == ("explain" in arguments and 2 not in closed)


@pytest.mark.slow
def test_readers_that_go_away(model, photo, tmp_path):
    photo("a.png"), photo("b.png")
    runs = [
        ("inspect", model),
        ("--help",),
        ("presets", "--json"),
        ("explain", model, "a.png", "b.png"),
    ]
    for arguments in runs:
        ours, its = os.pipe()
        os.close(ours)
        result = run(*arguments, folder=tmp_path, stdout=its)
        os.close(its)
        assert (result.returncode, result.stderr) == (0, b""), arguments
    assert len(list((tmp_path / "jlrp-relevance").iterdir())) == 6


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")
def test_output_on_a_full_disk_is_an_error(model, tmp_path):
    with open("/dev/full", "w") as full:
        for arguments in (("presets",), ("presets", "--json"), ("inspect", model)):
            result = run(*arguments, folder=tmp_path, stdout=full)
            assert (result.returncode, result.stderr) == (
                2,
                b"Error: No space left on device.\n",
            ), arguments


@pytest.mark.slow
def test_nobody_at_home(monkeypatch, model, photo, tmp_path):
    """A user without a home and without an entry in passwd, as in many containers."""
    code = (
        "import pwd, sys\n"
        "def none(*_): raise KeyError('getpwuid(): uid not found')\n"
        "pwd.getpwuid = none; sys.argv[0] = 'jlrp'\n"
        "from jlrp.__main__ import main; main()"
    )
    env = {
        k: v
        for k, v in os.environ.items()
        if k not in ("HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "USER")
    }
    command = [sys.executable, "-c", code, "explain", str(model), str(photo("a.png"))]
    result = subprocess.run(
        command,
        cwd=tmp_path,
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert (result.returncode, result.stderr) == (0, b"")


def test_large_pictures_bring_no_warnings(jlrp, model, tmp_path):
    Image.new("L", (10_000, 9_000)).save(tmp_path / "large.png")
    assert_fine(jlrp("explain", model, "large.png", "--no-pictures"))


def test_images_that_no_memory_holds(jlrp, photo):
    """The system would end the program without a word."""
    nodes = [ir.Node("y", ir.Conv(), ("x",), "y"), ir.Node("z", ir.GlobalAvgPool(), ("y",))]
    params = {"y": {"kernel": np.ones((3, 3, 3, 64), np.float32)}}
    ir.save(
        ir.Model(ir.Graph(nodes, ["x"], ["z"]), params, ((None, None, None, 3),)), "m.safetensors"
    )
    assert_refused(
        jlrp("explain", "m.safetensors", photo("a.png"), "--size", "65536"), "GB", "--size"
    )
    assert_fine(jlrp("explain", "m.safetensors", photo("a.png"), "--size", "8", "--no-pictures"))


def test_a_broken_picture_brings_one_sentence(model, tmp_path):
    """Also of those whose decoder prints for itself."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)).save(
        tmp_path / "a.tif", compression="tiff_lzw"
    )
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[8:200] = bytes(192)
    (tmp_path / "a.tif").write_bytes(content)
    result = run("explain", model, "a.tif", folder=tmp_path)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("bound", ["1e39", "nan", "-1e999"])
def test_bounds_beyond_float32(jlrp, model, photo, bound):
    options = ("--preset", "epsilon_gamma_box", f"--high={bound}")
    assert_refused(jlrp("explain", model, photo("a.png"), *options), "--high")


def test_a_sentence_is_not_longer_than_anybody_reads(jlrp, model, photo):
    result = jlrp("inspect", model, "--preset", "9" * 5000)
    assert_refused(result, "There is no preset")
    assert len(result.stderr) < 1200
    result = jlrp("explain", model, "x" * 5000, photo("a.png"))
    assert result.exit_code == 2
    assert all(len(line) < 1200 for line in result.stderr.splitlines())
