"""HDF5 files: what Keras writes is read as h5py reads it, what strangers write harms nobody."""

import contextlib
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import ir
from ir.formats import hdf5, source
from ir.formats.hdf5 import separate
from tests.keras_files import KERAS

FILES = sorted(path.relative_to(KERAS).as_posix() for path in KERAS.rglob("*.h5"))
ROOT = Path(__file__).parents[2]


def assert_same(path):
    """Everything in a file is what h5py reads: members, attributes that hold text, and arrays."""
    with h5py.File(path) as file, hdf5.open_root(path) as root:
        waiting = [(file, root)]
        while waiting:
            theirs, ours = waiting.pop()
            assert ours.members() == sorted(theirs)
            assert ours.path == theirs.name
            assert_same_attributes(theirs, ours)
            for name, item in theirs.items():
                assert ours.is_group(name) == isinstance(item, h5py.Group)
                if ours.is_group(name):
                    waiting.append((item, ours.group(name)))
                else:
                    assert_same_arrays(item, ours, name)


def assert_same_attributes(theirs, ours):
    for name, stored in theirs.attrs.items():
        values = np.asarray(stored)
        assert ours.has_attribute(name)
        if values.size and values.dtype.kind not in "SUO":
            with pytest.raises(ir.LoadError, match="should hold text"):
                ours.names(name)
            continue
        texts = [
            value.decode() if isinstance(value, bytes) else value
            for value in values.reshape(-1).tolist()
        ]
        assert ours.names(name) == texts
        if len(texts) == 1:
            assert ours.text(name) == texts[0]


def assert_same_arrays(dataset, ours, name):
    array = ours.array(name)
    assert ours.shape(name) == array.shape == dataset.shape
    assert array.dtype == (
        np.float32 if dataset.dtype.str[1:] == "f2" else dataset.dtype.newbyteorder("=")
    )
    assert array.flags.owndata
    assert array.flags.c_contiguous
    assert array.dtype.isnative
    np.testing.assert_array_equal(array, dataset[()])


def assert_refused(origin, *words, read=lambda root: None):
    """Opening, and then `read(root)`, ends in a `LoadError` with all of `words`, in two seconds."""
    start = time.monotonic()
    with pytest.raises(ir.LoadError) as caught, hdf5.open_root(origin) as root:
        read(root)
    assert time.monotonic() - start < 2
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.h5"


@pytest.fixture
def alone(monkeypatch):
    """The HDF5 library may not be called for help."""

    def never(origin):
        raise AssertionError("the HDF5 library was needed")

    monkeypatch.setattr("ir.formats.hdf5.group.rewrite", never)


# --- what Keras writes
# --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("file", FILES)
def test_files_of_keras_are_read_as_h5py_reads_them(file):
    assert_same(KERAS / file)


NUMBERS = [
    f"{order}{kind}"
    for order in "<>"
    for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u4", "u8")
]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("dtype", NUMBERS)
def test_numbers(path, dtype):
    values = (np.arange(24).reshape(2, 3, 4) * 5).astype(dtype)
    with h5py.File(path, "w") as file:
        file["array"], file["scalar"], file["empty"] = values, values[1, 2, 3], values[:, :0]
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space, kind = h5py.h5s.create_simple(values.shape), h5py.h5t.py_create(values.dtype)
        h5py.h5d.create(file.id, b"compact", kind, space, compact).write(
            h5py.h5s.ALL, h5py.h5s.ALL, values
        )
    assert_same(path)


@pytest.mark.usefixtures("alone")
def test_texts(path):
    long = "ä" * 100_000
    with h5py.File(path, "w") as file:
        group = file.create_group("vars")
        group.attrs["name"] = "conv1"
        group.attrs["fixed"] = np.array([b"a", b"bc", b""], "S7")
        group.attrs["varying"] = ["a", "", long]
        group.attrs["none"] = h5py.Empty("S1")
        group.attrs["no_numbers"] = []
        group.attrs["pieces0"], group.attrs["pieces1"] = [b"p", b"q"], [b"r"]
    with hdf5.open_root(path) as root:
        group = root.group("vars")
        assert group.text("name") == "conv1"
        assert group.names("fixed") == ["a", "bc", ""]
        assert group.names("varying") == ["a", "", long]
        assert group.names("none") == group.names("no_numbers") == []
        assert group.names("pieces") == ["p", "q", "r"]
        assert group.text("absent") is None
        assert not root.has_attribute("name")
        for name in ("fixed", "pieces", "none"):
            with pytest.raises(ir.LoadError, match=f"'{name}' of '/vars' should be one string"):
                group.text(name)


def bfloat16(values):
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


@pytest.mark.parametrize("options", [{}, {"chunks": (2, 1), "compression": "gzip"}])
def test_bfloat16_is_what_an_attribute_says(path, options):
    values = np.array([[1.5, -2.0], [0.25, 1024.0]])
    with h5py.File(path, "w") as file:
        for name, stored in (
            ("opaque", bfloat16(values).view("V2")),
            ("unsigned", bfloat16(values)),
        ):
            file.create_dataset(name, data=stored, **options).attrs["dtype"] = "bfloat16"
        file.create_dataset("plain", data=bfloat16(values), **options).attrs["dtype"] = 3
    with hdf5.open_root(path) as root:
        for name in ("opaque", "unsigned"):
            np.testing.assert_array_equal(root.array(name), values, strict=False)
            assert root.shape(name) == (2, 2)
        np.testing.assert_array_equal(root.array("plain"), bfloat16(values))


def test_a_source_is_read_as_a_file_is(path):
    inner = (KERAS / FILES[0]).read_bytes()
    path.write_bytes(b"x" * 100 + inner + b"y" * 100)
    with source.open_file(path) as file, hdf5.open_root(KERAS / FILES[0]) as expected:
        for origin in (source.Window(file, 100, len(inner)), source.Memory(inner)):
            with hdf5.open_root(origin) as root:
                assert root.members() == expected.members()
                assert root.text("model_config") == expected.text("model_config")


def test_loading_what_keras_wrote_imports_no_h5py():
    code = f"import sys, ir; ir.load({str(KERAS / FILES[0])!r}); print('h5py' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "False"


# --- what only the HDF5 library reads
# -----------------------------------------------------------------------------


def copied(path, origin, libver=None, **options):
    """The content of a file written otherwise."""
    with h5py.File(origin) as given, h5py.File(path, "w", libver=libver) as file:

        def copy(name, item):
            if isinstance(item, h5py.Group):
                target = file.require_group(name)
            else:
                target = file.create_dataset(
                    name, data=item[()], **(options if item.size and item.ndim else {})
                )
            target.attrs.update(item.attrs)

        given.visititems(copy)
        file.attrs.update(given.attrs)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": True},
        {"compression": "gzip", "shuffle": True},
        {"compression": "lzf"},
        {"fletcher32": True},
        {"libver": "latest"},
    ],
)
@pytest.mark.parametrize(
    "file", ["keras3.15.1/mini_resnet.full.h5", "keras2.2.4/chunked_attrs.full.h5"]
)
def test_other_structures_are_read_by_the_library(path, file, options):
    copied(path, KERAS / file, **options)
    assert_same(path)
    with source.open_file(path) as opened:
        content = opened.read(0, opened.size)
    with hdf5.open_root(source.Memory(content)) as root:
        assert "model_weights" in root


def test_long_lists_are_split_when_rewritten(path):
    names = [f"layer_{index}" * 5 for index in range(9000)]
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["fixed"] = np.array(names, "S")
        file.attrs["varying"] = names
    with hdf5.open_root(path) as root:
        assert root.names("fixed") == root.names("varying") == names


def test_groups_that_contain_each_other_are_rewritten_once(path):
    with h5py.File(path, "w") as file:
        group = file.create_group("a/b")
        group["up"], group["link"] = file["a"], h5py.SoftLink("/a")
        group["text"] = "no number"
        file.create_dataset("x", data=np.arange(9), chunks=(3,))
        file["same"] = file["x"]
    with hdf5.open_root(path) as root:
        np.testing.assert_array_equal(root.array("x"), np.arange(9))
        assert root.group("a/b/up/b/up").members() == ["b"]
        assert root.shape("same") == (9,)
        with pytest.raises(ir.LoadError, match="link to another place at '/a/b/link'"):
            root.array("a/b/link")
        with pytest.raises(ir.LoadError, match="'/a/b/text' should hold numbers, but holds text"):
            root.array("a/b/text")


def test_rewriting_keeps_the_bounds(path):
    rows = np.zeros((2**13, 2**12), np.float32)
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "bomb", data=rows, chunks=rows.shape, compression="gzip", compression_opts=9
        )
    assert_refused(path, "claims", "bytes", read=lambda root: root.array("bomb"))
    with h5py.File(path, "w") as file:
        file.create_dataset("unwritten", (10**5, 10**5), "f4", chunks=(100, 100))
    assert_refused(path, "claims", "bytes", read=lambda root: root.array("unwritten"))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("while True: pass", ["crashed or did not finish within 0.3 seconds"]),
        ("import os; os.kill(os.getpid(), 11)", ["crashed"]),
        ("import os; os.abort()", ["crashed"]),
        ("x = bytearray(2**34)", ["crashed"]),
        ("[open('/etc/passwd').read(), 1 / 0]", ["crashed"]),
        ("print('is\\n\\x1b[31m damaged: ' + 10**6 * 'x')", ["is [31m damaged: x"]),
        ("pass", ["cannot be read"]),
    ],
)
def test_whatever_the_library_does_is_an_error(path, tmp_path, monkeypatch, program, words):
    limited = (separate.PROGRAM.read_text()).split("\nif __name__")[0]
    stand_in = tmp_path / "program.py"
    stand_in.write_text(f"{limited}\n_limit(0.3, 2**20)\n{program}\n")
    monkeypatch.setattr(separate, "PROGRAM", stand_in)
    monkeypatch.setattr(separate, "MIN_SECONDS", 0.3)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.arange(9), chunks=(3,))
    assert_refused(path, *words, read=lambda root: root.array("x"))


def test_the_library_gets_nothing_of_this_process(path, tmp_path, monkeypatch):
    stand_in = tmp_path / "program.py"
    stand_in.write_text(
        "import os, sys; print(sorted(os.environ), sys.flags.isolated, sys.stdin.read(), len(os.listdir()))"
    )
    monkeypatch.setattr(separate, "PROGRAM", stand_in)
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with h5py.File(path, "w", libver="latest"):
        pass
    with pytest.raises(ir.LoadError) as caught, hdf5.open_root(path):
        pass
    assert "HDF5_PLUGIN_PRELOAD" in str(caught.value)
    assert str(caught.value).endswith("] 1 2"), (
        "isolated, no input, the given file and its own output"
    )
    assert "SECRET" not in str(caught.value)
    assert "PYTHONPATH" not in str(caught.value)


# --- the switch that keeps the library out
# ------------------------------------------------------------------------


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "options", [{"chunks": True}, {"compression": "gzip"}, {"libver": "latest"}]
)
def test_own_refuses_what_only_the_library_reads(path, tmp_path, options):
    copied(path, KERAS / "keras3.15.1/mini_resnet.full.h5", **options)
    with pytest.raises(ir.LoadError, match=r"only the HDF5 library reads.*hdf5='any'") as caught:
        ir.load(path, hdf5="own")
    assert str(path) in str(caught.value)
    weights = copied(tmp_path / "w.h5", KERAS / "keras3.15.1/mini_resnet.weights.h5", **options)
    with pytest.raises(ir.LoadError, match="only the HDF5 library reads"):
        ir.load(weights, architecture=KERAS / "keras3.15.1/mini_resnet.json", hdf5="own")


@pytest.mark.usefixtures("alone")
def test_own_holds_for_the_file_with_the_architecture_too(path):
    copied(path, KERAS / "keras3.15.1/mini_resnet.full.h5", libver="latest")
    with pytest.raises(ir.LoadError, match="only the HDF5 library reads"):
        ir.load(KERAS / "keras3.15.1/mini_resnet.weights.h5", architecture=path, hdf5="own")


@pytest.mark.usefixtures("alone")
def test_own_refuses_it_in_an_archive_too(path, tmp_path):
    copied(path, KERAS / "keras3.15.1/mini_resnet.weights.h5", compression="gzip")
    archive = tmp_path / "m.keras"
    with (
        zipfile.ZipFile(KERAS / "keras3.15.1/mini_resnet.keras") as given,
        zipfile.ZipFile(archive, "w") as changed,
    ):
        for name in given.namelist():
            changed.writestr(
                name, path.read_bytes() if name == "model.weights.h5" else given.read(name)
            )
    with pytest.raises(ir.LoadError, match="only the HDF5 library reads"):
        ir.load(archive, hdf5="own")


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", ["mini_resnet.full.h5", "mini_resnet.keras"])
def test_own_reads_what_keras_writes(name):
    file = KERAS / "keras3.15.1" / name
    own, any_ = ir.load(file, hdf5="own"), ir.load(file)
    assert own.graph == any_.graph
    assert own.source == any_.source


def test_there_are_two_ways():
    with pytest.raises(ir.LoadError, match="hdf5='safe': it is 'any' or 'own'"):
        ir.load(KERAS / FILES[0], hdf5="safe")


# --- what strangers write
# -----------------------------------------------------------------------------------------


def test_what_is_no_file(tmp_path):
    assert_refused(tmp_path, "is no regular file")
    assert_refused(tmp_path / "none", "cannot be read: No such file")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert_refused(tmp_path / "pipe", "is no regular file")


def test_a_file_of_holes(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.ones(3)
    with path.open("r+b") as file:
        file.truncate(2**40)
    if path.stat().st_blocks * 512 < 2**30:
        assert_refused(path, "were ever written")


def test_a_file_that_shrinks_meanwhile(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.ones(10_000)

    def shrunk(root):
        os.truncate(path, 1000)
        root.array("x")

    assert_refused(path, "became shorter while it was read", read=shrunk)


def written(path, write):
    """A file as bytes that can be changed."""
    with h5py.File(path, "w") as file:
        write(file)
    return bytearray(path.read_bytes())


def replaced(content, start, *numbers):
    """Eight bytes each, from `start` on."""
    for index, number in enumerate(numbers):
        content[start + 8 * index : start + 8 * index + 8] = number.to_bytes(8, "little")
    return source.Memory(content)


def test_a_tree_that_contains_itself(path):
    content = written(path, lambda file: file.create_group("a"))
    tree = content.index(b"TREE")
    assert_refused(replaced(content, tree + 32, tree), "its start cannot be read", "tree")
    content[tree + 5] = 1
    assert_refused(replaced(content, tree + 32, tree), "tree")


def test_a_header_that_continues_itself(path):
    content = written(path, lambda file: file.create_group("a"))
    header = 96
    content[header + 16 : header + 24] = bytes([0x10, 0, 16, 0, 0, 0, 0, 0])
    assert_refused(replaced(content, header + 24, header + 16, 24), "continues without end")
    assert_refused(replaced(content, header + 24, 2**64 - 8, 16), "beyond the end of the file")


def test_groups_in_each_other_without_end(path):
    def write(file):
        file["a"] = file["/"]

    def down(root):
        while True:
            root = root.group("a")

    assert_refused(source.Memory(written(path, write)), "more than 128 groups deep", read=down)


def test_one_text_under_many_references(path):
    text = "x" * 2**20
    content = written(
        path, lambda file: file.attrs.update(names=[text, *("y" for _ in range(3000))])
    )
    heaps = [match.start().to_bytes(8, "little") for match in re.finditer(b"GCOL", content)]
    first = max(content.find((2**20).to_bytes(4, "little") + heap) for heap in heaps)
    content[first : first + 16 * 3001] = content[first : first + 16] * 3001
    assert_refused(
        source.Memory(content), "more text than can be true", read=lambda root: root.names("names")
    )


def test_one_name_in_many_places(path):
    content = written(path, lambda file: [file.create_group(f"name{index}") for index in range(4)])
    table = content.index(b"SNOD") + 8
    for index in range(4):
        content[table + 40 * index : table + 40 * index + 8] = content[table : table + 8]
    assert_refused(source.Memory(content), "list of members", "'name0'")


@pytest.mark.parametrize("value", [2**16, 2**32, 2**62, 2**63, 2**64 - 8, 2**64 - 1])
def test_extreme_sizes(path, value):
    content = written(
        path, lambda file: file.create_dataset("x", data=np.arange(5 * 7, dtype="f4").reshape(5, 7))
    )
    shape = content.index((5).to_bytes(8, "little") + (7).to_bytes(8, "little"))
    for start, *numbers in [(shape, value, 7), (shape, value, value), (shape, 0, value)]:
        changed = replaced(bytearray(content), start, *numbers)
        assert_refused(changed, "'/x'", "claims", read=lambda root: root.array("x"))
    place = content.index((140).to_bytes(8, "little"), shape) - 8
    assert_refused(
        replaced(bytearray(content), place, value), "'/x'", read=lambda root: root.array("x")
    )


@pytest.mark.parametrize("value", [0, 1, 127, 255])
def test_every_byte_changed(path, monkeypatch, value):
    """Each byte of a small file set to another value: content, or a `LoadError`."""

    def write(file):
        file.attrs.update(names=["x", "yz"], fixed=np.array([b"q"]))
        file["x"] = np.arange(6.0)

    def refused(origin):
        raise ir.LoadError("is for the library")

    monkeypatch.setattr("ir.formats.hdf5.group.rewrite", refused)
    content = written(path, write)
    for start in range(len(content)):
        changed = bytearray(content)
        changed[start] = value
        with contextlib.suppress(ir.LoadError), hdf5.open_root(source.Memory(changed)) as root:
            assert all(
                isinstance(text, str)
                for text in [*root.members(), *root.names("names"), *root.names("fixed")]
            )
            assert root.array("x").shape == root.shape("x")
