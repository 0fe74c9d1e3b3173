"""Zip archives: entries are read as they are, and none of them can do harm."""

import contextlib
import struct
import time
import zipfile

import numpy as np
import pytest

import ir
from ir.formats import archive, source

CONTENT = np.random.default_rng(0).bytes(100_000)


def zipped(path, entries, compression=zipfile.ZIP_STORED):
    """An archive with `{name or ZipInfo: content}`."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.keras"


def assert_refused(path, *words, read=lambda opened: None):
    """Opening, and then `read(archive)`, ends in a `LoadError` with all of `words`, in two seconds."""
    start = time.monotonic()
    with pytest.raises(ir.LoadError) as caught, archive.open_archive(path) as opened:
        read(opened)
    assert time.monotonic() - start < 2
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def weights(opened):
    return opened.weights("model.weights.h5")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_entries_are_read(path, compression):
    zipped(
        path, {"config.json": '{"ä": 1}', "model.weights.h5": CONTENT, "assets/": ""}, compression
    )
    with archive.open_archive(path) as opened:
        assert opened.names == ["config.json", "model.weights.h5", "assets/"]
        assert opened.text("config.json") == '{"ä": 1}'
        found = weights(opened)
        assert found.size == len(CONTENT)
        assert found.read(500, 1000) == CONTENT[500:1500]
        assert isinstance(
            found, source.Window if compression == zipfile.ZIP_STORED else source.Memory
        )
        with pytest.raises(ir.LoadError, match="are needed"):
            found.read(99_999, 2)
    with archive.open_archive(source.Memory(b"in front" + path.read_bytes())) as opened:
        assert weights(opened).read(0, 9) == CONTENT[:9]


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../../x", "..", "C:/x", "c:x", "a\\..\\x", "a\\b"]
)
def test_names_that_point_outside(path, name):
    entry = zipfile.ZipInfo("x")
    entry.filename = name
    assert_refused(zipped(path, {entry: b"", "config.json": "{}"}), "points outside", repr(name))


def test_links_and_encryption(path):
    entry = zipfile.ZipInfo("x")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    assert_refused(zipped(path, {entry: b"/etc/passwd"}), "is a link", "'x'")
    content = bytearray(zipped(path, {"x": b"1"}).read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    assert_refused(source.Memory(content), "encrypted", "'x'")


def test_two_entries_of_one_name(path):
    content = zipped(path, {"a.json": "{}", "b.json": "{}"}).read_bytes()
    assert_refused(source.Memory(content.replace(b"b.json", b"a.json")), "two entries", "'a.json'")


def test_what_is_missing(path):
    assert_refused(
        zipped(path, {"model.weights.npz": b""}),
        "model.weights.npz",
        "pickled",
        'weights_format="h5"',
        read=weights,
    )
    assert_refused(
        zipped(path, {"config.json": b""}),
        "without 'model.weights.h5'",
        "it has 'config.json'",
        read=weights,
    )
    assert_refused(zipped(path, {}), "no entries", read=lambda opened: opened.text("config.json"))


def test_text_that_is_none(path):
    zipped(path, {"latin": b"\xff", "long": bytes(archive.MAX_TEXT + 1)}, zipfile.ZIP_DEFLATED)
    assert_refused(path, "'latin'", "UTF-8", read=lambda opened: opened.text("latin"))
    assert_refused(
        path,
        "'long'",
        f"claims {archive.MAX_TEXT + 1:,} bytes",
        read=lambda opened: opened.text("long"),
    )


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(path, compression):
    assert_refused(
        zipped(path, {"model.weights.h5": b"1"}, compression), "Keras never uses", read=weights
    )


def changed(content, mark, offset, layout, *values):
    """The archive with fields at `offset` of the first structure that begins with `mark` replaced."""
    content = bytearray(content)
    struct.pack_into(layout, content, content.index(mark) + offset, *values)
    return source.Memory(content)


def test_bombs(path):
    zeros = zipped(path, {"model.weights.h5": bytes(90 * 2**20)}, zipfile.ZIP_DEFLATED).read_bytes()
    assert_refused(source.Memory(zeros), "claims 94,371,840 bytes", read=weights)
    small = zipped(path, {"model.weights.h5": bytes(10_000)}, zipfile.ZIP_DEFLATED).read_bytes()
    for size in (2**31, 50_000, 9_999):
        claimed = changed(small, b"PK\1\2", 24, "<I", size)
        assert_refused(claimed, "'model.weights.h5'", read=weights)


def test_sizes_and_places_beyond_the_file(path):
    content = zipped(path, {"model.weights.h5": CONTENT, "config.json": "{}"}).read_bytes()
    for size in (len(CONTENT) + 10**4, 2**31):
        assert_refused(changed(content, b"PK\1\2", 20, "<II", size, size), "damaged", read=weights)
    assert_refused(changed(content, b"PK\1\2", 24, "<I", 5), "two different sizes", read=weights)
    assert_refused(changed(content, b"PK\1\2", 42, "<I", 2**31), "cut off or damaged", read=weights)
    assert_refused(changed(content, b"PK\1\2", 42, "<I", 1), "not where it should be", read=weights)
    assert_refused(
        changed(content, b"PK\3\4", 30, "<B", 65), "not where it should be", read=weights
    )
    assert_refused(changed(content, b"PK\5\6", 12, "<I", 2**31), "cut off or damaged")


def test_a_directory_that_is_too_long(path):
    entry = b"PK\1\2" + bytes(42)
    directory = entry * (2 * archive.MAX_DIRECTORY // len(entry))
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), 0, 0)
    assert_refused(source.Memory(directory + end), "directory of its zip archive claims")


def test_content_that_changed(path):
    content = zipped(path, {"model.weights.h5": b"abc" * 1000}, zipfile.ZIP_DEFLATED).read_bytes()
    assert_refused(changed(content, b"PK\1\2", 16, "<I", 1), "not what it was", read=weights)
    start = content.index(b"model.weights.h5") + 16
    for position in range(start, content.index(b"PK\1\2")):
        flipped = bytearray(content)
        flipped[position] ^= 255
        assert_refused(source.Memory(flipped), "'model.weights.h5'", read=weights)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_else_escapes(path, seed):
    rng = np.random.default_rng(seed)
    entries = {"config.json": '{"a": 1}', "model.weights.h5": CONTENT[:500]}
    whole = zipped(path, entries, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[seed % 2]).read_bytes()
    for _ in range(400):
        content = bytearray(whole[: rng.integers(1, len(whole)) if rng.random() < 0.2 else None])
        for _ in range(rng.integers(1, 5)):
            content[rng.integers(len(content))] = rng.choice([0, 1, 255, rng.integers(256)])
        with (
            contextlib.suppress(ir.LoadError),
            archive.open_archive(source.Memory(content)) as opened,
        ):
            assert all(isinstance(opened.text(name), str) for name in opened.names[:1])
            assert weights(opened).size <= len(whole)
