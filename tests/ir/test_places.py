"""Places where no model can be read from."""

import os

import pytest

import ir


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * 300, "cannot be read: File name too long."),
        ("none", "does not exist."),
        ("file/none", "does not exist."),
        ("a\0b", "does not exist."),
        ("loop", "cannot be read: Too many levels of symbolic links."),
        ("pipe", "is no ordinary file."),
    ],
)
def test_places_without_a_file(tmp_path, name, words):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ir.LoadError) as caught:
        ir.load(tmp_path / name)
    assert str(caught.value) == f"The file {str(tmp_path / name)!r} {words}"


@pytest.mark.parametrize("architecture", ["a" * 300, "a\0b", "none"])
def test_architectures_that_are_none(data, architecture):
    with pytest.raises(ir.LoadError, match="architecture"):
        ir.load(data / "keras/keras3.15.1/mini_shared_multi.weights.h5", architecture=architecture)


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")
def test_a_folder_that_is_closed(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(ir.LoadError, match="cannot be read: Permission denied"):
        ir.load(tmp_path / "closed" / "m.h5")
