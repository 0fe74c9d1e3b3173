"""Runs that were stopped, and what happens to files meanwhile."""

import json
import shutil

import numpy as np
import pytest

import ir
from jlrp.datasets.files import write_together
from tests.cli.asserts import assert_fine, assert_refused

RUN = ("--preset", "epsilon", "-o", "out")


@pytest.fixture
def photos(photo, tmp_path):
    for seed, name in enumerate("abc"):
        photo(f"photos/{name}.png", seed)
    return tmp_path / "photos"


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_a_stopped_run_goes_on(jlrp, model, photos, tmp_path):
    assert_fine(jlrp("explain", model, photos, *RUN))
    (tmp_path / "out/a.npz").unlink()
    (tmp_path / "out/c.overlay.png").unlink()
    before = times(tmp_path / "out")
    result = jlrp("explain", model, photos, *RUN, "--skip-existing")
    assert_fine(result)
    assert "1 of 3 were explained before" in result.stdout
    assert "2 of 2 explained" in result.stdout
    after = times(tmp_path / "out")
    assert len(after) == 9
    assert {name for name in before if before[name] == after[name]} == {
        "b.npz",
        "b.heatmap.png",
        "b.overlay.png",
    }
    result = jlrp("explain", model, photos, *RUN, "--skip-existing", "--json")
    assert_fine(result)
    assert json.loads(result.stdout)["images"] == []
    assert times(tmp_path / "out") == after


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--preset", "zero"), ["with preset epsilon, and zero is given"]),
        (("--target", "2"), ["with target predicted, and 2 is given"]),
        (("--force",), ["--force replaces", "--skip-existing"]),
        (("--report", "r.html"), ["--report needs all images", "--skip-existing"]),
    ],
)
def test_what_cannot_be_gone_on_with(jlrp, model, photos, tmp_path, options, words):
    assert_fine(jlrp("explain", model, photos, *RUN, "--no-pictures"))
    before = times(tmp_path / "out")
    result = jlrp("explain", model, photos, *RUN, "--no-pictures", "--skip-existing", *options)
    assert_refused(result, *words)
    assert times(tmp_path / "out") == before


def test_a_stopped_run_over_arrays_goes_on(jlrp, tmp_path):
    graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    weights = {"fc": {"kernel": np.arange(6, dtype="f").reshape(3, 2)}}
    ir.save(ir.Model(graph, weights, ((None, 3),)), tmp_path / "m.safetensors")
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.ones((2, 3)))
    given = ("m.safetensors", "a.npy", "b.npy", *RUN)
    assert_fine(jlrp("explain", *given))
    (tmp_path / "out/a.npz").unlink()
    before = times(tmp_path / "out")
    result = jlrp("explain", *given, "--skip-existing")
    assert_fine(result)
    assert "1 of 2 were explained before" in result.stdout
    after = times(tmp_path / "out")
    assert after["b.npz"] == before["b.npz"]
    assert "a.npz" in after
    assert_refused(jlrp("explain", *given), "a.npz", "--force")


def test_files_that_are_gone_in_the_end_are_named(jlrp, model, photos, tmp_path, monkeypatch):
    """Somebody removes the folder in the middle: what comes after makes it anew."""
    written = []

    def write(contents):
        if len(written) == 1:
            shutil.rmtree(tmp_path / "out")
        write_together(contents)
        written.append(contents)

    monkeypatch.setattr("jlrp.cli.image_run.write_together", write)
    result = jlrp("explain", model, photos, *RUN, "--json")
    assert result.exit_code == 2
    first, *others = json.loads(result.stdout)["images"]
    assert "a.png is not explained: out/a.npz was written, and is gone" in first["error"]
    assert all("error" not in each for each in others)
    assert "1 of 3 images could not be explained" in result.stderr


def test_a_link_to_an_image_beside_it_is_named(jlrp, model, photos):
    (photos / "d.png").symlink_to("a.png")
    for command in (("explain", "-o", "out"), ("compare", "-o", "c.png", "--presets", "epsilon")):
        result = jlrp(command[0], model, photos, *command[1:])
        assert result.exit_code == 0
        link, first = photos / "d.png", photos / "a.png"
        assert result.stderr == f"{link} is the same file as {first}, which is taken once.\n"


def test_arrays_that_no_memory_holds(jlrp, tmp_path):
    """The values in the model are counted, not those of the file alone."""
    nodes = [
        ir.Node("up", ir.Upsample((500, 500)), ("x",)),
        ir.Node("y", ir.GlobalAvgPool(), ("up",)),
    ]
    graph = ir.Graph(nodes, ["x"], ["y"])
    ir.save(ir.Model(graph, {}, ((None, None, None, 3),)), tmp_path / "m.safetensors")
    np.save(tmp_path / "a.npy", np.ones((1, 50, 50, 3), "f"))
    np.save(tmp_path / "b.npy", np.ones((1, 2, 2, 3), "f"))
    result = jlrp("explain", "m.safetensors", "b.npy", "a.npy", *RUN, "--no-pictures")
    assert_refused(result, "8 images at a time make about", "GB", "--batch-size")
