"""Files that cannot be read: each a `LoadError` that says what is wrong and what to do."""

import contextlib
import shutil

import h5py
import numpy as np
import pytest

import ir
from tests.keras_files import KERAS, edited, saved, sequential, weights_file

RESNET = "keras2.2.4/mini_resnet.full.h5"
KERAS3 = "keras3.15.1/mini_resnet.full.h5"


def assert_refused(path, *words, **options):
    """`ir.load` raises a `LoadError` that names the file and has all of `words`."""
    with pytest.raises(ir.LoadError) as caught:
        ir.load(path, **options)
    message = str(caught.value)
    assert str(path) in message
    for word in words:
        assert word in message, message
    assert "\n" not in message
    assert "not written by Keras" not in message, message


def layer_named(config, name):
    return next(
        layer for layer in config["config"]["layers"] if layer["config"].get("name") == name
    )


# --- what is no model
# ---------------------------------------------------------------------------------------------


def test_a_missing_file(tmp_path):
    assert_refused(tmp_path / "none.h5", "does not exist")


def test_a_directory(tmp_path):
    assert_refused(tmp_path, "is a directory", "model.save")
    (tmp_path / "saved_model.pb").touch()
    assert_refused(tmp_path, "SavedModel")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty"]),
        (b"PK\x03\x04rest", ["cut off or damaged", "zip archive"]),
        (b"<!DOCTYPE html>", ["is no model file", "<!DOCTYP", ".keras or .h5"]),
        (b'{"class_name": "Functional"}', ["architecture without weights", "architecture="]),
        (b"version https://git-lfs.github.com/spec/v1", ["Git LFS", "git lfs pull"]),
        (b"\x89HDF\r\n\x1a\nxxxx", ["cut off or damaged"]),
    ],
)
def test_other_content(tmp_path, content, words):
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    assert_refused(path, *words)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_off(tmp_path, share):
    whole = (KERAS / RESNET).read_bytes()
    path = tmp_path / "model.h5"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert_refused(path, "cut off or damaged")


def test_an_hdf5_file_without_a_model(tmp_path):
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["x"] = [1, 2]
    assert_refused(tmp_path / "m.h5", "without a model or weights")


def test_weights_alone_need_an_architecture(tmp_path):
    path = weights_file(tmp_path / "m.h5", {"d": {"d/kernel:0": np.ones((2, 2))}})
    assert_refused(path, "weights alone", "architecture=", "'resnet50'")


def test_the_weights_format_of_keras_3_needs_an_architecture(tmp_path):
    for group in ("layers", "_layer_checkpoint_dependencies"):
        with h5py.File(tmp_path / f"{group}.h5", "w") as file:
            file.create_group(group)
            file.create_group("vars")
        assert_refused(tmp_path / f"{group}.h5", "weights alone", "architecture=")
        assert_refused(tmp_path / f"{group}.h5", "no weights", architecture="resnet50")


def test_weights_of_keras_0(tmp_path):
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["nb_layers"] = 2
    assert_refused(tmp_path / "m.h5", "Keras 0.x")


def test_the_weights_of_a_whole_model_in_another_architecture():
    assert_refused(KERAS / RESNET, "is not of resnet50", architecture="resnet50")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"architecture": "resnet51"}, ["'resnet51'", "no file", "'resnet50'"]),
        (
            {"architecture": "resnet50", "variant": "x"},
            ["'x'", "'keras2.2.4', 'keras1', 'resnet_common'"],
        ),
        ({"architecture": "resnet101", "variant": "keras1"}, ["'keras1'", "'resnet_common'"]),
        ({"variant": "keras1"}, ["architecture="]),
    ],
)
def test_unknown_architectures_and_variants(tmp_path, options, words):
    with pytest.raises(ir.LoadError) as caught:
        ir.load(tmp_path / "none.h5", **options)
    assert all(word in str(caught.value) for word in words)


# --- configurations
# -----------------------------------------------------------------------------------------------


def replaced_layer(**entries):
    """A change that gives the layer `add_1` other entries."""
    return lambda config: layer_named(config, "add_1").update(entries)


def set_field(layer, **fields):
    return lambda config: layer_named(config, layer)["config"].update(fields)


LAYER_CHANGES = [
    (replaced_layer(class_name="LSTM"), ["'add_1'", "recurrent", "(LSTM)", "not supported"]),
    (
        replaced_layer(class_name="Attention"),
        ["'add_1'", "'Attention'", "not supported", "without it"],
    ),
    (
        replaced_layer(class_name="Lambda"),
        ["'add_1'", "Python code", "never executed", 'register("add_1"', "layer"],
    ),
    (replaced_layer(class_name="KerasLayer"), ["'add_1'", "TensorFlow Hub", "copy the weights"]),
    (
        replaced_layer(class_name="Gain"),
        ["'Gain'", "three lines", 'ir.keras.register("Gain", gain', 'like="…"'],
    ),
    (
        replaced_layer(module="mine.layers", class_name="Sum"),
        ["custom class 'Sum'", "'mine.layers'"],
    ),
    (
        set_field("conv1", activation="snake"),
        ["'conv1'", "'snake'", "relu", 'register("snake", snake, kind="act'],
    ),
    (
        set_field("conv1", activation={"class_name": "PowerUnit", "config": {}}),
        ["'conv1'", "'PowerUnit'"],
    ),
    (set_field("conv1", padding="full"), ["'conv1'", "padding=full", "'valid' and 'same'"]),
    (set_field("conv1", filters="many"), ["'conv1'", "filters=many"]),
    (set_field("conv1", data_format="NCHW"), ["'conv1'", "data_format=NCHW"]),
    (set_field("conv1", dtype={"config": {"name": "int8_from_float32"}}), ["'conv1'", "quantized"]),
    (set_field("conv1", lora_rank=4), ["'conv1'", "LoRA"]),
    (set_field("bn_conv1", mode=2), ["'bn_conv1'", "mode=2"]),
    (set_field("bn_conv1", renorm=True), ["'bn_conv1'", "renorm=True"]),
    (set_field("bn_conv1", axis=[1, 2]), ["'bn_conv1'", "one axis"]),
    (set_field("bn_conv1", epsilon="small"), ["'bn_conv1'", "epsilon=small"]),
    (set_field("conv1_pad", padding=[[1, 1]]), ["'conv1_pad'", "2 pairs"]),
    (set_field("input_1", batch_input_shape=None), ["'input_1'", "of what shape"]),
    (set_field("input_1", batch_input_shape=[None, -1, 3]), ["'input_1'", "(None, -1, 3)"]),
    (
        set_field("input_1", batch_input_shape=[None, 32, 32, 4]),
        ["do not fit", "'conv1'", "(N, 38, 38, 4)"],
    ),
    (replaced_layer(inbound_nodes=[]), ["layer 'add_1'"]),
    (replaced_layer(inbound_nodes=[[["nowhere", 0, 0, {}]]]), ["'nowhere'"]),
    (replaced_layer(inbound_nodes=[[["conv1", 3, 0, {}]]]), ["call 3", "'conv1'"]),
    (replaced_layer(inbound_nodes=[[["conv1", 0, 5, {}]]]), ["output 5", "'conv1'"]),
    (
        replaced_layer(inbound_nodes=[[["add_1", 0, 0, {}], ["conv1", 0, 0, {}]]]),
        ["reads its own output"],
    ),
    (
        replaced_layer(inbound_nodes=[[["add_3", 0, 0, {}], ["conv1", 0, 0, {}]]]),
        ["reads its own output"],
    ),
    (
        replaced_layer(inbound_nodes=[[["conv1", 0, 0, {}]]]),
        ["'add_1' (Add)", "two or more inputs"],
    ),
    (
        lambda c: layer_named(c, "bn_conv1")["inbound_nodes"][0][0].__setitem__(
            3, {"training": True}
        ),
        ["'bn_conv1'", "training=True", 'ir.keras.register("BatchNormalization", training=True)'],
    ),
    (
        replaced_layer(inbound_nodes=[[["input_1", 0, 0, {}], ["conv1", 0, 0, {}]]]),
        ["'add_1' (Add)", "broadcast to one"],
    ),
    (lambda c: layer_named(c, "conv1").pop("class_name"), ["lacks its name, class"]),
    (
        lambda c: c["config"]["layers"].append(c["config"]["layers"][1]),
        ["two layers of the name 'conv1_pad'"],
    ),
    (lambda c: c["config"].pop("output_layers"), ["'output_layers'"]),
    (lambda c: c["config"].update(output_layers=[]), ["no inputs or no outputs"]),
    (lambda c: c["config"].update(layers={}), ["no list of layers"]),
    (lambda c: c.update(class_name="MyModel"), ["'MyModel'", "Functional or Sequential"]),
    (lambda c: c.pop("config"), ["'class_name' and 'config'"]),
]


@pytest.mark.parametrize(
    ("change", "words"),
    LAYER_CHANGES,
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_configurations(tmp_path, change, words):
    assert_refused(edited(tmp_path / "m.h5", RESNET, change), *words)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"class_name": "Model"}', "[" * 100_000])
def test_json_that_is_none(tmp_path, text):
    shutil.copy(KERAS / RESNET, tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file.attrs["model_config"] = text
    assert_refused(tmp_path / "m.h5", "damaged", "model configuration")


def test_an_operator_with_something_else_than_values_and_numbers(tmp_path):
    def scale(config):
        add = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Add")
        add["inbound_nodes"][0]["args"] = [add["inbound_nodes"][0]["args"][0][0], "much"]

    assert_refused(
        edited(tmp_path / "m.h5", KERAS3, scale),
        "'add' (Add)",
        "values of the model and numbers alone",
    )


def test_a_tensor_without_history(tmp_path):
    def forget(config):
        add = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Add")
        add["inbound_nodes"][0]["args"][0][0]["config"]["keras_history"] = ["add"]

    assert_refused(edited(tmp_path / "m.h5", KERAS3, forget), "history")


def nested(depth, calls):
    """Models in each other, each calling the one inside it `calls` times in a row."""
    inner = {"class_name": "Flatten", "config": {"name": "f"}}
    for level in range(depth):
        name = inner["config"]["name"]
        start = {
            "class_name": "InputLayer",
            "name": "i",
            "config": {"name": "i", "batch_input_shape": [None, 4]},
            "inbound_nodes": [],
        }
        first = 1 if "layers" in inner["config"] else 0
        nodes = [[["i", 0, 0, {}]]] + [[[name, k + first, 0, {}]] for k in range(calls - 1)]
        layers = [start, {**inner, "name": name, "inbound_nodes": nodes}]
        ends = {"input_layers": [["i", 0, 0]], "output_layers": [[name, calls - 1 + first, 0]]}
        inner = {"class_name": "Model", "config": {"name": f"m{level}", "layers": layers, **ends}}
    return inner


def test_models_nested_too_deep(tmp_path):
    path = saved(tmp_path / "m.h5", nested(depth=40, calls=1), {}, keras_version="2.2.4")
    assert_refused(path, "nests models more than 32 deep")


def test_models_that_call_each_other_too_often(tmp_path):
    path = saved(tmp_path / "m.h5", nested(depth=25, calls=2), {}, keras_version="2.2.4")
    assert_refused(path, "more than 10,000 nodes")


def test_a_version_that_is_none(tmp_path):
    path = saved(
        tmp_path / "m.h5", sequential(("Flatten", {"name": "f"})), {"f": {}}, keras_version="latest"
    )
    assert_refused(path, "keras_version 'latest'")


# --- weights
# ------------------------------------------------------------------------------------------------------

DENSE = sequential(("Dense", {"name": "d", "units": 2, "batch_input_shape": [None, 3]}))
KERNEL, BIAS = np.ones((3, 2), np.float32), np.ones(2, np.float32)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({}, ["lacks the weights of the layer 'd'"]),
        ({"d": {}}, ["'d' (Dense)", "no arrays", "2 arrays (kernel, bias)"]),
        ({"d": {"d/kernel:0": KERNEL}}, ["1 array (d/kernel:0)", "2 arrays (kernel, bias)"]),
        ({"d": {"d/kernel:0": KERNEL.T, "d/bias:0": BIAS}}, ["kernel of shape (2, 3)", "(any, 2)"]),
        (
            {"d": {"d/kernel:0": KERNEL[:2], "d/bias:0": BIAS}},
            ["'d' (Dense)", "takes 2 features", "(N, 3)"],
        ),
        ({"d": {"d/kernel:0": KERNEL, "d/bias:0": BIAS[:1]}}, ["bias of shape (1,)", "(2,)"]),
        ({"d": {"d/gamma:0": KERNEL, "d/kernel:0": BIAS}}, ["'d/kernel:0'", "bias of 'd'"]),
        (
            {"d": {"d/kernel:0": KERNEL, "d/bias:0": BIAS}, "e": {"e/bias:0": BIAS}},
            ["the layer 'e'", "does not have"],
        ),
        ({"d": {"d/kernel:0": np.ones((3, 2), "S1"), "d/bias:0": BIAS}}, ["should hold numbers"]),
    ],
)
def test_weights_that_do_not_fit(tmp_path, layers, words):
    assert_refused(saved(tmp_path / "m.h5", DENSE, layers, keras_version="2.2.4"), *words)


def test_weights_announced_but_missing(tmp_path):
    path = saved(
        tmp_path / "m.h5",
        DENSE,
        {"d": {"d/kernel:0": KERNEL, "d/bias:0": BIAS}},
        keras_version="2.2.4",
    )
    with h5py.File(path, "r+") as file:
        del file["model_weights/d/d/bias:0"]
    assert_refused(path, "lacks '/model_weights/d/d/bias:0'")


# --- what HDF5 can hide
# -------------------------------------------------------------------------------------------


def replaced_kernel(path, replace):
    """A model whose kernel `replace(group, name)` has written anew."""
    saved(path, DENSE, {"d": {"d/kernel:0": KERNEL, "d/bias:0": BIAS}}, keras_version="2.2.4")
    with h5py.File(path, "r+") as file:
        group = file["model_weights/d/d"]
        del group["kernel:0"]
        replace(group, "kernel:0")
    return path


def test_links_are_not_followed(tmp_path):
    saved(tmp_path / "other.h5", DENSE, {"d": {"d/kernel:0": KERNEL, "d/bias:0": BIAS}})
    elsewhere = h5py.ExternalLink(str(tmp_path / "other.h5"), "/model_weights/d/d/kernel:0")
    for link in (elsewhere, h5py.SoftLink("/model_weights/d/d/bias:0"), h5py.SoftLink("/nowhere")):

        def replace(group, name, link=link):
            group[name] = link

        assert_refused(
            replaced_kernel(tmp_path / "m.h5", replace), "link to another place", "not followed"
        )


def test_storage_elsewhere_is_not_opened(tmp_path):
    raw = tmp_path / "raw.bin"
    raw.write_bytes(KERNEL.tobytes())

    def external(group, name):
        group.create_dataset(name, (3, 2), "f4", external=[(str(raw), 0, 24)])

    def virtual(group, name):
        layout = h5py.VirtualLayout((3, 2), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (3, 2))
        group.create_virtual_dataset(name, layout)

    for replace in (external, virtual):
        assert_refused(replaced_kernel(tmp_path / "m.h5", replace), "another file", "not opened")


def test_sizes_that_the_file_cannot_hold(tmp_path):
    def unwritten(group, name):
        group.create_dataset(name, (10**6, 10**6), "f4")

    def bomb(group, name):
        group.create_dataset(
            name, (2**12, 2**14), "f4", chunks=(2**12, 2**14), compression="gzip", fillvalue=0
        )

    for replace in (unwritten, bomb):
        assert_refused(replaced_kernel(tmp_path / "m.h5", replace), "claims", "bytes")


def test_every_byte_is_read_once(tmp_path):
    """One dataset under many names does not make a small file a large model."""
    size = 10_000
    norms = [
        ("BatchNormalization", {"name": f"b{i}", "batch_input_shape": [None, size]})
        for i in range(9)
    ]
    roles = ("gamma", "beta", "moving_mean", "moving_variance")
    layers = {c["name"]: {f"{c['name']}/{r}:0": [1.0] for r in roles} for _, c in norms}
    path = saved(tmp_path / "m.h5", sequential(*norms), layers, keras_version="2.2.4")
    with h5py.File(path, "r+") as file:
        for name, arrays in layers.items():
            for array in arrays:
                group = file[f"model_weights/{name}"]
                del group[array]
                if "ones" not in file:
                    file["ones"] = np.ones(size, np.float32)
                group[array] = file["ones"]
    assert_refused(path, "more than a file of")


def test_nothing_is_executed(tmp_path):
    """A Lambda's code and pickled attributes stay data."""
    code = {"function": ["not even base64", None, None], "function_type": "lambda"}
    config = sequential(("Lambda", {"name": "l", "batch_input_shape": [None, 3], **code}))
    assert_refused(
        saved(tmp_path / "m.h5", config, {"l": {}}, keras_version="2.2.4"), "never executed"
    )


def test_text_that_is_none(tmp_path):
    saved(tmp_path / "m.h5", DENSE, {"d": {}}, keras_version="2.2.4")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file["model_weights"].attrs["layer_names"] = np.array([b"\xff\xfe"])
    assert_refused(tmp_path / "m.h5", "'layer_names'", "UTF-8")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file["model_weights"].attrs["layer_names"] = [1.0, 2.0]
    assert_refused(tmp_path / "m.h5", "'layer_names'", "should hold text")


@pytest.mark.parametrize("seed", range(30))
def test_no_other_error_escapes(tmp_path, seed):
    """Configurations with entries removed or replaced at random: a model or a `LoadError`."""
    rng = np.random.default_rng(seed)
    junk = [None, 0, -1, 1.5, "x", "", [], {}, [1], ["a", 0, 0], True, [[1, 2], [3, 4]], 10**12]

    def spoil(config):
        for _ in range(3):
            place = config
            while isinstance(place, dict | list) and place:
                keys = list(place) if isinstance(place, dict) else list(range(len(place)))
                key = keys[rng.integers(len(keys))]
                if not isinstance(place[key], dict | list) or rng.random() < 0.1:
                    place[key] = junk[rng.integers(len(junk))]
                    break
                place = place[key]

    path = edited(
        tmp_path / "m.h5",
        (RESNET, KERAS3, "tfkeras2.15.1/mini_nested_deep.full.h5")[seed % 3],
        spoil,
    )
    with contextlib.suppress(ir.LoadError):
        assert ir.load(path).shapes
