"""One model in all formats that a version of Keras writes.

Every file holds the same graph and the same weights.
"""

import json
import shutil

import h5py
import numpy as np
import pytest

import ir
from tests.keras_files import KERAS

FORMATS = (".keras", ".weights.h5", ".legacyweights.h5")
OTHERS = sorted(path for form in FORMATS for path in KERAS.glob(f"*/*{form}"))
ALONE = [path for path in OTHERS if path.name.endswith("weights.h5")]


def beside(path, form):
    """The file of the same model in another format."""
    return path.with_name(f"{path.name.split('.')[0]}{form}")


def named(path):
    return f"{path.parent.name}-{path.name}"


def assert_same_weights(found, expected):
    assert list(found) == list(expected)
    for key, arrays in expected.items():
        assert set(found[key]) == set(arrays), key
        for role, array in arrays.items():
            np.testing.assert_array_equal(found[key][role], array, err_msg=f"{key} {role}")
            assert found[key][role].dtype == array.dtype


def assert_same_model(found, expected):
    assert found.graph == expected.graph
    assert found.input_shapes == expected.input_shapes
    assert_same_weights(found.params, expected.params)


def test_there_is_a_file_of_every_format_and_generation():
    versions = {form: {p.parent.name for p in KERAS.glob(f"*/*{form}")} for form in FORMATS}
    assert versions[".keras"] >= {"tfkeras2.12.1", "tfkeras2.15.1", "keras3.15.1"}
    assert versions[".weights.h5"] >= {
        "keras1.2.2",
        "keras2.2.4",
        "tfkeras1.13.2",
        *versions[".keras"],
    }
    assert len(OTHERS) >= 90


@pytest.mark.parametrize("path", OTHERS, ids=named)
def test_every_format_holds_the_same_model(path):
    whole = ir.load(beside(path, ".full.h5"))
    if path.suffix == ".keras":
        assert_same_model(ir.load(path), whole)
        return
    for architecture in (beside(path, ".json"), beside(path, ".full.h5"), beside(path, ".keras")):
        if architecture.exists():
            assert_same_model(ir.load(path, architecture=architecture), whole)


@pytest.mark.parametrize("path", [p for p in ALONE if "inmodel" not in p.name], ids=named)
def test_weights_are_matched_to_a_graph(path):
    whole = ir.load(beside(path, ".full.h5"))
    if "sequential_vgg" in path.name and path.parent.name[:2] in ("ke", "tf") and _numbered(path):
        with pytest.raises(
            ir.LoadError, match=r"3 arrays for the graph's layer 'batch_normalization'"
        ):
            ir.load(
                path, architecture=whole.graph
            )  # a scale or a centre: the file does not say which
        return
    loaded = ir.load(path, architecture=whole.graph)
    assert loaded.graph is whole.graph
    assert_same_weights(loaded.params, whole.params)
    assert loaded.shapes.keys() == whole.shapes.keys()


def _numbered(path):
    """Whether the arrays in a file are numbered and not named."""
    with h5py.File(path) as file:
        return "layer_names" not in file.attrs and "layer_names0" not in file.attrs


def test_a_graph_does_not_hold_constants_of_the_configuration():
    path = KERAS / "keras3.15.1" / "mini_inmodel_preprocessing.weights.h5"
    graph = ir.load(beside(path, ".full.h5")).graph
    with pytest.raises(
        ir.LoadError, match=r"the graph's layer 'subtract'.*give the architecture as a \.json"
    ):
        ir.load(path, architecture=graph)


def test_what_a_file_is_is_told_from_its_content(tmp_path):
    for source, name in (
        ("mini_resnet.full.h5", "m.keras"),
        ("mini_resnet.keras", "m.h5"),
        ("mini_resnet.json", "a.h5"),
    ):
        shutil.copy(KERAS / "keras3.15.1" / source, tmp_path / name)
    assert ir.load(tmp_path / "m.keras").source["format"] == "Keras HDF5"
    assert ir.load(tmp_path / "m.h5").source["format"] == "Keras archive"
    shutil.copy(KERAS / "keras3.15.1" / "mini_resnet.weights.h5", tmp_path / "w.keras")
    assert (
        ir.load(tmp_path / "w.keras", architecture=tmp_path / "a.h5").source["format"]
        == "Keras .weights.h5"
    )


def test_weights_of_other_models_are_refused():
    folder = KERAS / "keras3.15.1"
    with pytest.raises(ir.LoadError, match=r"mini_resnet\.weights\.h5.* of another model"):
        ir.load(folder / "mini_resnet.weights.h5", architecture=folder / "mini_nested_deep.json")
    with pytest.raises(ir.LoadError, match=r"mini_nested_deep\.weights\.h5.* of another model"):
        ir.load(folder / "mini_nested_deep.weights.h5", architecture=folder / "mini_resnet.json")
    with pytest.raises(
        ir.LoadError, match=r"mini_sequential_vgg\.weights\.h5.* is not of vgg16 \(keras\)"
    ):
        ir.load(folder / "mini_sequential_vgg.weights.h5", architecture="vgg16")


def test_what_is_wrong_with_an_architecture_names_its_file(tmp_path):
    weights = KERAS / "keras3.15.1" / "mini_resnet.weights.h5"
    (tmp_path / "a.json").write_text(json.dumps({"class_name": "Functional"}))
    with pytest.raises(ir.LoadError, match=r"a\.json' is damaged: its model configuration lacks"):
        ir.load(weights, architecture=tmp_path / "a.json")
    with pytest.raises(ir.LoadError, match=r"mini_resnet\.weights\.h5' holds no architecture"):
        ir.load(weights, architecture=weights)
    with pytest.raises(ir.LoadError, match="variant='keras1' is for a network by name"):
        ir.load(weights, architecture=tmp_path / "a.json", variant="keras1")
    with pytest.raises(ir.LoadError, match=r"mini_resnet\.keras' is not of resnet50"):
        ir.load(beside(weights, ".keras"), architecture="resnet50")
