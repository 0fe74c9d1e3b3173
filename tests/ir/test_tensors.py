"""The safetensors format: what is written, and which files are refused."""

import json
import os
import struct

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import safetensors
import safetensors.numpy

import ir
from ir.formats.native import tensors
from ir.formats.source import Memory, open_file


def taken_apart(content):
    """The header and the buffer of a file, by nothing but the format's definition."""
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def put_together(header, data=b""):
    """A file of this header, given as JSON or as text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def written(path, arrays, **metadata):
    tensors.write(path, arrays, metadata)
    return path


def read_back(path):
    with open_file(path) as source:
        return tensors.read(source)


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def assert_refused(content, *words):
    with pytest.raises(ir.LoadError) as caught:
        tensors.read(Memory(content))
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    for word in words:
        assert word in message, message


def values_of(dtype, rng):
    """Numbers of a dtype with its extremes among them."""
    if dtype == np.bool_:
        return rng.random((3, 4)) < 0.5
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, (3, 4), dtype, endpoint=True)
    return (
        np.append(rng.normal(size=8), [np.nan, np.inf, -np.inf, -0.0]).astype(dtype).reshape(3, 4)
    )


@pytest.mark.parametrize("code", tensors.DTYPES)
def test_every_dtype_keeps_its_bits(tmp_path, rng, code):
    array = values_of(tensors.DTYPES[code], rng)
    found, _ = read_back(written(tmp_path / "f", {"a": array}))
    assert found["a"].dtype == array.dtype
    assert found["a"].shape == array.shape
    assert found["a"].tobytes() == array.tobytes()
    header, data = taken_apart((tmp_path / "f").read_bytes())
    assert header["a"] == {"dtype": code, "shape": [3, 4], "data_offsets": [0, array.nbytes]}
    assert data == array.tobytes()


@pytest.mark.parametrize(
    "array",
    [
        np.array(2.5),
        np.float32(3),
        np.zeros((0,)),
        np.zeros((3, 0, 2), np.int8),
        np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
        np.arange(10)[::-2],
        np.arange(6, dtype=">f4"),
        np.array(7, ">i2"),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.broadcast_to(np.float32(1), (2, 3)),
        jnp.arange(3, dtype=jnp.bfloat16),
        jnp.ones((2, 2), jnp.float16),
    ],
    ids=lambda a: f"{a.dtype}-{a.shape}",
)
def test_layouts_byte_orders_and_sizes(tmp_path, array):
    found, _ = read_back(written(tmp_path / "f", {"a": array}))
    assert found["a"].shape == array.shape
    assert found["a"].dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found["a"], np.asarray(array))


def test_arrays_are_like_any_others(tmp_path, rng):
    arrays = {f"a{i}": rng.normal(size=i).astype(("f2", "f4", "f8")[i % 3]) for i in range(40)}
    for array in read_back(written(tmp_path / "f", arrays))[0].values():
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.ctypes.data % tensors.ALIGNMENT == 0
        array += 1  # of no other array
    (tmp_path / "f").write_bytes(b"")
    found, _ = read_back(written(tmp_path / "f", arrays))
    for name, array in arrays.items():
        found[name] *= 2
        np.testing.assert_array_equal(found[name], array * 2)


def test_an_array_keeps_little_memory_besides_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "BLOCK", 1024)
    arrays = {
        f"a{i}": np.full(size, i, np.uint8)
        for i, size in enumerate((1000, 5000, 24, 1, 0, 1024, 1025, 64))
    }
    found, _ = read_back(written(tmp_path / "f", arrays))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        block = found[name]
        while block.base is not None:
            block = block.base
        assert block.nbytes <= max(array.nbytes, 1024) + tensors.ALIGNMENT


def test_numbers_begin_at_multiples_of_their_width(tmp_path):
    arrays = {
        "a": np.zeros(3, np.int8),
        "b": np.zeros(3),
        "c": np.zeros(5, np.float16),
        "d": np.zeros(1, np.float32),
    }
    content = written(tmp_path / "f", arrays, key="value").read_bytes()
    header, data = taken_apart(content)
    assert (len(content) - len(data)) % 8 == 0
    assert header.pop("__metadata__") == {"key": "value"}
    for name, place in header.items():
        assert place["data_offsets"][0] % arrays[name].itemsize == 0


def test_a_machine_of_the_other_byte_order(tmp_path, monkeypatch, rng):
    """What this machine calls swapped there is what that one calls its own."""
    arrays = {code: values_of(dtype, rng) for code, dtype in tensors.DTYPES.items()}
    there = {
        code: a.view(f"u{a.itemsize}").byteswap().view(a.dtype) if a.itemsize > 1 else a
        for code, a in arrays.items()
    }
    here = written(tmp_path / "here", arrays).read_bytes()
    monkeypatch.setattr(tensors, "SWAPPED", True)
    assert written(tmp_path / "there", there).read_bytes() == here
    for code, array in read_back(tmp_path / "here")[0].items():
        assert array.tobytes() == there[code].tobytes()


def test_the_safetensors_package_reads_our_files(tmp_path, rng):
    arrays = {f"{code}/é": values_of(dtype, rng) for code, dtype in tensors.DTYPES.items()}
    arrays |= {"": np.array(1.5), "empty": np.zeros((2, 0))}
    path = written(tmp_path / "f.safetensors", arrays, name="é", other="")
    found = safetensors.numpy.load_file(path)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == {"name": "é", "other": ""}


def test_we_read_files_of_the_safetensors_package(tmp_path, rng):
    arrays = {
        f"{code}/é": values_of(dtype, rng)
        for code, dtype in tensors.DTYPES.items()
        if code != "BF16"
    }
    arrays |= {"one": np.array(1.5), "empty": np.zeros((2, 0))}
    safetensors.numpy.save_file(arrays, tmp_path / "f", metadata={"a": "é"})
    found, metadata = read_back(tmp_path / "f")
    assert metadata == {"a": "é"}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes()


# --- writing
# ------------------------------------------------------------------------------------------------------


def test_what_the_format_does_not_have(tmp_path, monkeypatch):
    for arrays, words in (
        ({"a": np.zeros(2, complex)}, "complex128"),
        ({"a": np.array(["x"])}, "<U1"),
        ({"a": np.array([None])}, "object"),
        ({"a": np.zeros(2, ml_dtypes.float8_e5m2)}, "float8_e5m2"),
        ({"__metadata__": np.zeros(2)}, "__metadata__"),
        ({"a\ud800": np.zeros(2)}, "UTF-8"),
    ):
        with pytest.raises(ValueError, match=words):
            written(tmp_path / "f", arrays)
    monkeypatch.setattr(tensors, "MAX_HEADER", 100)
    with pytest.raises(ValueError, match="header would take"):
        written(tmp_path / "f", {"a" * 100: np.zeros(2)})
    assert os.listdir(tmp_path) == []


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    path = written(tmp_path / "f", {"a": np.zeros(2)})
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensors, "_in_file_order", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        written(path, {"a": np.ones(2)})
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["f"]


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="none/f"):
        written(tmp_path / "none" / "f", {})
    with pytest.raises(IsADirectoryError):
        written(tmp_path, {})
    assert os.listdir(tmp_path) == []
    assert not list(tmp_path.parent.glob(".*.part"))


def test_written_files_have_the_usual_permissions(tmp_path):
    written(tmp_path / "f", {})
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "f").stat().st_mode == (tmp_path / "other").stat().st_mode


# --- files that are refused
# ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut off"),
        (b"\x10\0\0\0\0\0\0", "cut off"),
        (
            struct.pack("<Q", 10**15) + b"{}",
            "cut off: its header takes 1,000,000,000,000,000 bytes",
        ),
        (struct.pack("<Q", 3) + b"{}", "cut off"),
        (put_together(b""), "no valid JSON"),
        (put_together(b"{} {}"), "no valid JSON"),
        (put_together(b"[1]"), "no JSON object"),
        (put_together(b'{"a\xff": 1}'), "UTF-8"),
        (put_together('{"a": 1}'.encode("utf-16")), "UTF-8"),
        (put_together(b"\xef\xbb\xbf{}"), "no valid JSON"),
        (put_together(b'{"a": NaN}'), "NaN"),
        (put_together(b'{"a": 1e999}'), "1e999"),
        (put_together(b'{"a": ' + b"9" * 5000 + b"}"), "no valid JSON"),
        (put_together(b'{"a\\ud800": 1}'), "no valid JSON"),
        (put_together(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "nested too deeply"),
        (put_together(b'{"a": {}, "b": {}, "a": {}}'), "'a' stands twice"),
        (put_together({"__metadata__": {"a": 1}}), "text by name"),
        (put_together({"__metadata__": None}), "text by name"),
        (put_together({"a": [1]}), "needs dtype, shape and data_offsets"),
        (put_together({"a": {**entry(), "x": 1}}, bytes(8)), "needs dtype, shape and data_offsets"),
        (put_together({"a": entry("F8_E4M3", (8,))}, bytes(8)), "F8_E4M3"),
        (put_together({"a": entry(["F32"])}, bytes(8)), "dtype ['F32']"),
        (put_together({"a": entry(shape=(-2,))}, bytes(8)), "shape [-2]"),
        (put_together({"a": entry(shape=(2.0,))}, bytes(8)), "shape [2.0]"),
        (put_together({"a": entry(shape=(True, 2))}, bytes(8)), "shape [True, 2]"),
        (put_together({"a": entry(shape=(2, *[1] * 64))}, bytes(8)), "shape [2, 1"),
        (put_together({"a": entry(shape=(0, 10**30), offsets=(0, 0))}), "shape [0, 1000"),
        (put_together({"a": entry(shape=(0, 2**40, 2**40), offsets=(0, 0))}), "shape [0, 1099"),
        (put_together({"a": entry(shape=(3,))}, bytes(8)), "from byte 0 to 8"),
        (put_together({"a": entry(offsets=(8, 0))}, bytes(8)), "from byte 8 to 0"),
        (put_together({"a": entry(offsets=(0, 8, 8))}, bytes(8)), "data_offsets [0, 8, 8]"),
        (put_together({"a": entry(offsets=(-8, 0))}, bytes(8)), "data_offsets [-8, 0]"),
        (
            put_together({"a": entry(offsets=(8, 16))}, bytes(16)),
            "byte 78, but the one before it ends at 70",
        ),
        (put_together({"a": entry(), "b": entry()}, bytes(8)), "'b' begins at byte"),
        (
            put_together({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)),
            "'b' begins at byte",
        ),
        (
            put_together({"a": entry()}, bytes(7)),
            "cut off: its tensors end at byte 77, but it has 76",
        ),
        (put_together({"a": entry()}, bytes(9)), "the last 1 of its bytes"),
        (
            put_together({"a": entry("BOOL", (8,))}, b"\x01\x02" + bytes(6)),
            "other bytes than 0 and 1",
        ),
        (put_together({"a" * 10_000: entry(shape=(3,))}, bytes(8)), "aaa…"),
    ],
)
def test_damaged_files(content, words):
    assert_refused(content, words)


def test_long_headers(monkeypatch):
    content = put_together({"a" * 200: entry(offsets=(0, 8))}, bytes(8))
    assert tensors.read(Memory(content))[0]
    monkeypatch.setattr(tensors, "MAX_HEADER", 100)
    assert_refused(content, "of which 100 are allowed")


def test_a_file_cut_off_anywhere(tmp_path, rng):
    content = written(
        tmp_path / "f", {"a": rng.normal(size=3), "b": np.zeros(2, np.int8)}, key="value"
    ).read_bytes()
    for length in range(len(content)):
        assert_refused(content[:length], "cut off")


def test_memory_that_there_is_not(tmp_path, monkeypatch):
    def fail(*_):
        raise MemoryError

    content = written(tmp_path / "f", {"a": np.zeros(2)}).read_bytes()
    monkeypatch.setattr(tensors, "_array", fail)
    assert_refused(content, "more than there is")


def test_how_such_files_begin(tmp_path):
    assert tensors.begins(written(tmp_path / "f", {}).read_bytes())
    for start in (
        b"",
        b"{}",
        b'{"a": 12, "b": {}}',
        b'        {"a": 1}',
        b"\x89HDF\r\n\x1a\n{",
        b"PK\x03\x04",
    ):
        assert not tensors.begins(start)
