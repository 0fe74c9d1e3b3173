"""What people expect of a command.

--json, --quiet, --force, exit codes, Ctrl-C, colours, progress, completion.
"""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jlrp as library
from jlrp.cli.methods import NAMES
from tests.cli.asserts import assert_fine, assert_refused

ROOT = Path(library.__file__).parents[1]
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])\b[0-9;]*m")
COMMAND = [
    sys.executable,
    "-c",
    # a shell may have started the tests with Ctrl-C ignored
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "sys.argv[0] = 'jlrp'; from jlrp.__main__ import main; main()",
]


def environment(**more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "TERM": "xterm-256color",
        "COLUMNS": "120",
        **more,
    }


def on_a_terminal(*arguments: object, folder: Path, **more: str) -> tuple[int, str]:
    """Exit code of a run, and what it wrote to a terminal."""
    ours, its = pty.openpty()
    command = [*COMMAND, *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=folder, env=environment(**more), stdout=its, stderr=its, stdin=its
    ) as process:
        os.close(its)
        written = b""
        while True:
            try:
                written += (part := os.read(ours, 65536))
            except OSError:  # on Linux, the end
                break
            if not part:
                break
        os.close(ours)
    return process.returncode, written.decode()


# --- --json


def test_json_is_one_document_and_nothing_else(jlrp, model, photo, tmp_path):
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\ndog\neel\n")
    (tmp_path / "bad.jpg").write_text("no image")
    paths = [photo("in/a.png", 1), photo("in/b.png", 2)]
    options = (
        "--labels",
        "labels.txt",
        "--report",
        "report.html",
        "--ledger",
        "--preset",
        "epsilon",
    )
    result = jlrp("explain", model, paths[0], "bad.jpg", paths[1], *options, "--json")
    assert result.exit_code == 2
    found = json.loads(result.stdout)
    assert (found["model"], found["preset"], found["report"]) == (
        str(model),
        "epsilon",
        "report.html",
    )
    first, bad, second = found["images"]
    assert bad == {
        "path": "bad.jpg",
        "error": "bad.jpg cannot be read: it is no image of a known format.",
    }
    for image, path in ((first, paths[0]), (second, paths[1])):
        assert list(image) == [
            "path",
            "class",
            "label",
            "probability",
            "logit",
            "note",
            "ledger",
            "files",
        ]
        assert image["path"] == str(path)
        assert list(image["files"]) == ["relevance", "heatmap", "overlay"]
        with np.load(tmp_path / image["files"]["relevance"]) as kept:
            assert (image["class"], image["label"]) == (kept["class_index"], kept["label"])
            assert image["note"] is None
            assert (image["logit"], image["probability"]) == (kept["logit"], kept["probability"])


def test_json_has_no_label_and_no_report_where_there_is_none(jlrp, model, photo):
    result = jlrp("explain", model, photo("a.png"), "--json", "--no-pictures")
    assert_fine(result)
    found = json.loads(result.stdout)
    assert found["report"] is None
    assert found["images"][0]["label"] is None
    assert list(found["images"][0]["files"]) == ["relevance"]


def test_json_of_any_file_name(jlrp, model, photo, tmp_path):
    name = os.fsdecode(b"in/\xff\n\xe6\x97\xa5.png")
    photo("in/a.png").rename(tmp_path / name)
    result = jlrp("explain", model, "in", "--json", "--no-pictures")
    assert_fine(result)
    assert json.loads(result.stdout)["images"][0]["path"] == name


def test_json_is_silent_where_nothing_could_be_done(jlrp, model):
    result = jlrp("explain", model, "nowhere.png", "--preset", "epsilonn", "--json")
    assert_refused(result, "epsilonn")
    assert result.stdout == ""


def test_json_of_a_model_and_of_the_presets(jlrp, model):
    found = json.loads(jlrp("inspect", model, "--preset", "epsilon", "--ledger", "--json").stdout)
    assert found["preset"] == "epsilon"
    assert all(list(layer) == list(found["layers"][0]) for layer in found["layers"])
    last = found["layers"][-1]
    assert (last["op"], last["rule"], last["output_shape"]) == ("Softmax()", "stripped", [None, 5])
    assert any("bias" in layer["can_keep"] for layer in found["layers"])
    assert list(json.loads(jlrp("presets", "--json").stdout)) == list(NAMES)


# --- --quiet


@pytest.mark.parametrize("command", ["explain", "convert"])
def test_quiet_says_nothing_but_errors(jlrp, model, photo, tmp_path, command):
    what = (photo("a.png"), "--no-pictures") if command == "explain" else ("own.safetensors",)
    result = jlrp(command, model, *what, "--quiet")
    assert_fine(result)
    assert result.stdout == ""
    again = jlrp(command, model, *what, "-q")
    assert_refused(again, "is there already")
    assert again.stdout == ""


# --- --force


def test_no_output_is_replaced_unless_forced(jlrp, model, photo, tmp_path):
    paths = [photo("a.png", 1), photo("b.png", 2)]
    folder = tmp_path / "jlrp-relevance"
    folder.mkdir()
    (folder / "b.overlay.png").write_text("mine")
    result = jlrp("explain", model, *paths)
    assert_refused(
        result,
        "jlrp-relevance/b.overlay.png is there already: give another place, or --force to replace it.",
    )
    (tmp_path / "report.html").write_text("mine")
    (folder / "a.npz").write_text("mine")
    result = jlrp("explain", model, *paths, "--report", "report.html")
    assert_refused(
        result, "jlrp-relevance/a.npz is there already, and 2 more: ", "--force to replace them."
    )
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "a.npz": "mine",
        "b.overlay.png": "mine",
    }
    assert (tmp_path / "report.html").read_text() == "mine"
    assert_fine(jlrp("explain", model, *paths, "--report", "report.html", "--force"))
    assert (tmp_path / "report.html").read_text("utf-8").startswith("<!doctype html>")
    assert len(list(folder.iterdir())) == 6


def test_files_that_this_run_does_not_write_do_not_matter(jlrp, model, photo, tmp_path):
    path = photo("a.png")
    (tmp_path / "jlrp-relevance").mkdir()
    (tmp_path / "jlrp-relevance/a.overlay.png").write_text("mine")
    assert_fine(jlrp("explain", model, path, "--no-pictures"))
    assert (tmp_path / "jlrp-relevance/a.overlay.png").read_text() == "mine"


def test_the_demonstration_is_not_replaced_either(jlrp, tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps/digits.png").write_text("mine")
    assert_refused(jlrp("demo", "-o", "maps"), "maps/digits.png is there already", "--force")
    assert (tmp_path / "maps/digits.png").read_text() == "mine"


# --- exit codes, completion


def test_exit_codes_are_documented(jlrp):
    for arguments in (("--help",), ("explain", "--help")):
        text = " ".join(jlrp(*arguments).stdout.split())
        assert "Exit codes: 0 " in text
        assert {"2", "130"} <= set(re.findall(r"\d+", text.partition("Exit codes:")[2]))


def test_completion_is_offered(jlrp):
    text = jlrp("--help").stdout
    assert "--install-completion" in text
    assert "--show-completion" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["jlrp", "exp"], {"explain"}),
        (["jlrp", "explain", "--pre"], {"--preset", "--presets", "--preprocess"}),
        (
            ["jlrp", "explain", "--preset", "epsilon_a"],
            {"epsilon_alpha2_beta1", "epsilon_alpha2_beta1_flat"},
        ),
        (["jlrp", "inspect", "--preset", "guided"], {"guided_backprop"}),
        (["jlrp", "explain", "--resize", "b"], {"bilinear", "bicubic"}),
    ],
)
def test_completion(words, offered, tmp_path):
    more = {
        "_JLRP_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        COMMAND, env=environment(**more), cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert set(done.stdout.split()) == offered, done.stderr


# --- on a terminal


@pytest.fixture
def many(photo) -> str:
    """A folder with 24 images."""
    for number in range(24):
        photo(f"many/{number:02}.png", number)
    return "many"


@pytest.mark.slow
def test_progress_on_a_terminal(model, many, tmp_path):
    code, written = on_a_terminal("explain", model, many, folder=tmp_path)
    assert code == 0
    assert re.search(r"\d+\.\d images/s", written)
    assert "24/24" in written
    assert re.search(r"\d:\d\d:\d\d", written)
    assert COLOUR.search(written)


@pytest.mark.slow
def test_no_colour_where_it_is_not_wanted(model, many, tmp_path):
    code, written = on_a_terminal("explain", model, many, folder=tmp_path, NO_COLOR="1")
    assert code == 0
    assert "images/s" in written
    assert not COLOUR.search(written)


@pytest.mark.slow
def test_quiet_on_a_terminal(model, many, tmp_path):
    assert on_a_terminal("explain", model, many, "--no-pictures", "--quiet", folder=tmp_path) == (
        0,
        "",
    )


# --- Ctrl-C


def assert_whole(path: Path) -> None:
    """A file that its reader reads to the end."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            assert all(archive[name].size for name in archive.files)
    else:
        with Image.open(path) as picture:
            picture.load()


@pytest.mark.slow
def test_ctrl_c_leaves_whole_files_only(model, many, tmp_path):
    command = [
        *COMMAND,
        "explain",
        str(model),
        many,
        "--report",
        "report.html",
        "--json",
        "--batch-size",
        "1",
    ]
    folder = tmp_path / "jlrp-relevance"
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        end = time.monotonic() + 120
        while not list(folder.glob("*.npz")) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert errors.split("\n")[-2:] == ["Interrupted: what has been written is whole.", ""]
    assert "Traceback" not in errors
    assert out == ""
    files = list(folder.iterdir())
    assert 0 < len(files) < 72
    assert {file.suffix for file in files} <= {".npz", ".png"}
    for file in files:
        assert_whole(file)
    assert not (tmp_path / "report.html").exists()
