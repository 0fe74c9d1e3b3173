"""`jlrp convert`: one of the library's own files from any other."""

import h5py
import numpy as np

import ir
from tests.cli.asserts import assert_fine, assert_refused


def test_a_model_is_written_and_every_command_takes_it(jlrp, model, tmp_path):
    result = jlrp("convert", model, "own.safetensors")
    assert_fine(result)
    (line,) = result.stdout.splitlines()
    original, own = ir.load(model), ir.load(tmp_path / "own.safetensors")
    assert line.startswith("Wrote own.safetensors: ")
    assert f"{len(original.graph.nodes)} nodes" in line
    assert f"{original.parameter_count:,} numbers" in line
    assert own.graph == original.graph
    assert own.source == original.source
    result = jlrp("inspect", "own.safetensors")
    assert_fine(result)
    assert result.stdout.splitlines()[1:] == jlrp("inspect", model).stdout.splitlines()[1:]


def test_explanations_are_the_same(jlrp, model, photo, tmp_path):
    image = photo("cat.png")
    assert_fine(jlrp("convert", model, "own.safetensors"))
    for name, file in (("before", model), ("after", "own.safetensors")):
        result = jlrp("explain", file, image, "--output", name, "--no-pictures")
        assert result.exit_code == 0, result.output
    with (
        np.load(tmp_path / "before" / "cat.npz") as before,
        np.load(tmp_path / "after" / "cat.npz") as after,
    ):
        assert before.files == after.files
        for name in set(before.files) - {"model"}:
            np.testing.assert_array_equal(before[name], after[name], name)


def test_our_own_files_may_be_written_again(jlrp, model, tmp_path):
    assert_fine(jlrp("convert", model, "a.safetensors"))
    assert_fine(jlrp("convert", "a.safetensors", "b.SAFETENSORS"))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.SAFETENSORS").read_bytes()


def test_nothing_is_replaced_unless_forced(jlrp, model, tmp_path):
    out = tmp_path / "own.safetensors"
    out.write_text("precious")
    assert_refused(jlrp("convert", model, out), "is there already", "--force")
    assert out.read_text() == "precious"
    assert_fine(jlrp("convert", model, out, "--force"))
    assert ir.load(out).graph == ir.load(model).graph


def test_bad_input(jlrp, model, tmp_path):
    (tmp_path / "text.h5").write_text("no model")
    (tmp_path / "folder.safetensors").mkdir()
    assert_refused(jlrp("convert", "text.h5", "own.safetensors"), "text.h5")
    assert_refused(jlrp("convert", "nowhere.h5", "own.safetensors"), "nowhere.h5", "does not exist")
    assert_refused(jlrp("convert", model, "own.h5"), "own.h5", "should end in .safetensors")
    assert_refused(jlrp("convert", model, "folder.safetensors"), "is a folder")
    assert_refused(
        jlrp("convert", model, "none/own.safetensors"),
        "none/own.safetensors",
        "No such file or directory",
    )
    assert_refused(jlrp("convert", model, "own.safetensors", "--variant", "x"), "--architecture")
    assert_refused(
        jlrp("convert", model, "own.safetensors", "--architecture", "resnet50"), "does not tell"
    )
    assert_refused(jlrp("convert", model), "OUT")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.safetensors", "text.h5"]


def test_a_model_that_cannot_be_saved(jlrp, model, monkeypatch):
    def fail(*_):
        raise ValueError("The model cannot be saved: it is made of air.")

    monkeypatch.setattr(ir, "save", fail)
    assert_refused(jlrp("convert", model, "own.safetensors"), str(model), "made of air")


def test_it_is_in_the_list_of_commands(jlrp):
    assert "convert" in jlrp("--help").stdout


def test_the_hdf5_library_can_be_kept_out(jlrp, model, tmp_path):
    with h5py.File(model) as given, h5py.File(tmp_path / "new.h5", "w", libver="latest") as changed:
        given.copy("model_weights", changed)
        changed.attrs.update(given.attrs)
    assert_refused(
        jlrp("convert", "new.h5", "own.safetensors", "--hdf5", "own"),
        "--hdf5 own keeps it out",
        "--hdf5 any",
    )
    assert_refused(jlrp("convert", "new.h5", "own.safetensors", "--hdf5", "safe"), "--hdf5")
    assert not (tmp_path / "own.safetensors").exists()
    assert_fine(jlrp("convert", "new.h5", "own.safetensors"))
    assert_fine(jlrp("convert", model, "other.safetensors", "--hdf5", "own"))
