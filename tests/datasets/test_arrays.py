"""Arrays from files, as a model takes them."""

import io
import zipfile

import numpy as np
import pytest

import ir
from jlrp.datasets import DataError, load_arrays
from jlrp.datasets.arrays import are_arrays


def model_of(*shapes) -> ir.Model:
    names = [f"x{number}" for number in range(len(shapes))]
    nodes = [ir.Node(f"a{number}", ir.Flatten(), (name,)) for number, name in enumerate(names)]
    return ir.Model(ir.Graph(nodes, names, [node.name for node in nodes]), {}, shapes)


SERIES = model_of((None, 20, 2))


def test_the_array_of_the_only_input(tmp_path):
    values = np.arange(200, dtype=np.float64).reshape(5, 20, 2)
    np.save(tmp_path / "a.npy", values)
    np.savez(tmp_path / "a.npz", whatever=values)
    for name in ("a.npy", "a.npz"):
        (found,) = load_arrays(SERIES, tmp_path / name)
        np.testing.assert_array_equal(found, values)
        assert found.dtype == np.float64


def test_a_sample_without_the_batch(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((20, 2)))
    assert load_arrays(SERIES, str(tmp_path / "a.npy"))[0].shape == (1, 20, 2)


def test_several_inputs_by_name(tmp_path):
    model = model_of((None, 3), (None, None, 4))
    np.savez(tmp_path / "a.npz", x1=np.zeros((2, 7, 4)), x0=np.ones((2, 3)), more=np.zeros(9))
    assert [array.shape for array in load_arrays(model, tmp_path / "a.npz")] == [(2, 3), (2, 7, 4)]
    np.savez(tmp_path / "b.npz", x0=np.ones((2, 3)))
    with pytest.raises(
        DataError, match='has the arrays "x0", but the model has the inputs "x0", "x1"'
    ):
        load_arrays(model, tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", x1=np.zeros((3, 7, 4)), x0=np.ones((2, 3)))
    with pytest.raises(DataError, match="are batches of 2, 3 samples"):
        load_arrays(model, tmp_path / "c.npz")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((5, 21, 2)), r"has shape \(5, 21, 2\), but the input \"x0\" takes \(N, 20, 2\)"),
        (np.zeros(3), r"has shape \(3,\)"),
        (np.zeros((0, 20, 2)), "holds no sample"),
        (np.full((1, 20, 2), np.nan), "values that are not finite"),
        (np.zeros((1, 20, 2), complex), "of type complex128: the model takes real numbers"),
        (np.array([{"a": 1}], object), "cannot be read: it holds no arrays of numbers"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, array, words):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=words):
        load_arrays(SERIES, tmp_path / "x.npy")


def test_images_and_arrays_are_not_mixed(tmp_path):
    assert are_arrays([tmp_path / "a.npy", tmp_path / "b.NPZ"])
    assert not are_arrays([tmp_path / "a.png"])
    with pytest.raises(DataError, match=r"b\.png is no \.npy or \.npz file"):
        are_arrays([tmp_path / "a.npy", tmp_path / "b.png"])


def claiming(shape, values=b"", version=(1, 0)):
    """The content of a .npy file whose header claims a shape."""
    file = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    write = {
        (1, 0): np.lib.format.write_array_header_1_0,
        (2, 0): np.lib.format.write_array_header_2_0,
    }
    write[version](file, header)
    return file.getvalue() + values


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("shape", [(10**12, 20, 2), (2**62, 2**62, 2), (1, 20, 3)])
def test_headers_that_claim_too_much_allocate_nothing(tmp_path, shape, version):
    content = claiming(shape, bytes(160), version)
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x0.npy", content)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(
            DataError, match=f"{name} cannot be read: it holds no arrays of numbers"
        ):
            load_arrays(SERIES, tmp_path / name)


def test_the_newer_header_is_read(tmp_path):
    (tmp_path / "a.npy").write_bytes(claiming((1, 20, 2), bytes(160), (2, 0)))
    assert load_arrays(SERIES, tmp_path / "a.npy")[0].shape == (1, 20, 2)


def test_archives_that_no_memory_holds_are_not_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x0=np.zeros((9, 20, 2)), other=np.zeros(10**6))
    assert load_arrays(SERIES, tmp_path / "a.npz")[0].shape == (9, 20, 2)
    monkeypatch.setattr("jlrp.datasets.memory.memory", lambda: 6_000_000)
    monkeypatch.setattr("numpy.load", None)
    with pytest.raises(
        DataError, match=r"a\.npz holds about 0.0 GB .* 0.0 GB of memory: divide it"
    ):
        load_arrays(SERIES, tmp_path / "a.npz")


def test_a_system_that_does_not_say_its_memory(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.zeros((9, 20, 2)))
    monkeypatch.setattr("os.sysconf", lambda name: int("x"))
    assert load_arrays(SERIES, tmp_path / "a.npy")[0].shape == (9, 20, 2)
