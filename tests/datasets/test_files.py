"""Output files: names and whole contents."""

import os
from pathlib import Path

import pytest

from jlrp.datasets import DataError
from jlrp.datasets.files import output_names, require_new, write_whole


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/1.png", "a/2.png"], ["1", "2"]),
        (["a/1.png", "b/1.png"], ["a-1", "b-1"]),
        (["a/1.png", "a/1.jpg"], ["a-1", "a-1-jpg"]),
        (["a/1.png", "x/a/1.png", "y/a/1.png"], ["a-1", "a-1-png", "a-1-png-2"]),
        (["a/1.png", "b/1.png", "c/a-1.png"], ["a-1-png", "b-1", "a-1"]),
        (["a/Cat.png", "b/cat.png"], ["a-Cat", "b-cat"]),
        (["a/no-suffix", "b/no-suffix"], ["a-no-suffix", "b-no-suffix"]),
    ],
)
def test_names_do_not_collide(paths, names):
    assert output_names([Path(path) for path in paths]) == names


def test_what_is_there_is_named_with_how_many_more(tmp_path):
    first, second, third = (tmp_path / name for name in "abc")
    require_new([first, second], force=False)
    second.write_text("")
    with pytest.raises(
        DataError, match=r"b is there already: give another place, or force=True to replace it\.$"
    ):
        require_new([first, second, third], force=False)
    third.symlink_to("nowhere")
    with pytest.raises(DataError, match=r"b is there already, and 1 more: .* to replace them\.$"):
        require_new([first, second, third], force=False)
    require_new([first, second, third], force=True)


def test_contents_are_replaced_whole(tmp_path):
    path = tmp_path / "new/folder/file"
    for content in (b"one", b"two"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert os.listdir(path.parent) == ["file"]


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_whole(path, b"before")

    def fail(*_):
        raise OSError(5, "broken")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="broken"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["file"]


def test_written_files_have_the_usual_permissions(tmp_path):
    write_whole(tmp_path / "file", b"")
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode
