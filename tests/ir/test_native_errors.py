"""Files of the library's own format that cannot be read.

Each a `LoadError` that says what is wrong and where.
"""

import struct

import numpy as np
import pytest
import safetensors.numpy

import ir
from ir.formats.native import model as native
from ir.formats.native import tensors
from tests.native_files import Polynomial, assert_same, edited, network, one_op


def assert_refused(path, *words):
    with pytest.raises(ir.LoadError) as caught:
        ir.load(path)
    message = str(caught.value)
    assert message.startswith(f"The file {str(path)!r} ")
    assert message.isprintable()
    assert "not written by Keras" not in message, message
    for word in words:
        assert word in message, message


def node(content, name):
    return next(n for n in content["graph"]["nodes"] if n["name"] == name)


def _scale_without_end(content):
    """Whole numbers grow without end where floating-point ones become infinite."""
    first = content["graph"]["inputs"][0]
    last = first
    for index in range(20):
        attributes = {"low": 2**62, "high": 2**62} if index == 0 else {"scale": 2**62, "offset": 1}
        op = "Clip" if index == 0 else "Rescale"
        entry = {"name": f"s{index}", "op": op, "attributes": attributes, "inputs": [last]}
        content["graph"]["nodes"].insert(index, entry)
        last = entry["name"]
    content["graph"]["outputs"].append(last)


CHANGES = {
    "an unknown op": (
        lambda c: node(c, "add").update(op="Sum"),
        ["the op 'Sum' at node 'add'", "update jlrp"],
    ),
    "no op": (lambda c: node(c, "add").update(op="Shape"), ["the op 'Shape' at node 'add'"]),
    "a base of ops": (
        lambda c: node(c, "add").update(op="Convolution"),
        ["node 'add' (Convolution)"],
    ),
    "an unknown attribute": (
        lambda c: node(c, "conv1")["attributes"].update(bias=True),
        ["the attribute 'bias' of node 'conv1' (Conv)", "update jlrp"],
    ),
    "an attribute of another type": (
        lambda c: node(c, "conv1")["attributes"].update(strides="2"),
        ["the attribute 'strides' of node 'conv1' (Conv) as '2'", "tuple[int, ...]"],
    ),
    "a number in a string": (
        lambda c: node(c, "bn2")["attributes"].update(epsilon={"float": "1"}),
        ["the attribute 'epsilon' of node 'bn2'", "float"],
    ),
    "strides of nothing": (
        lambda c: node(c, "conv1")["attributes"].update(strides=[0, 0]),
        ["'conv1' (Conv) has strides of (0, 0): each should be 1 to 2,147,483,647"],
    ),
    "a function that is none": (
        lambda c: node(c, "relu1").update(op="Activation", attributes={"function": "eval"}),
        [
            "attributes at node 'relu1' that Activation refuses",
            "no function 'eval'",
            "sigmoid, tanh",
        ],
    ),
    "text with control characters": (
        lambda c: node(c, "relu1").update(
            op="Upsample", attributes={"interpolation": "a\n\x1b[31mb"}
        ),
        ["not by 'a"],
    ),
    "an attribute without end": (
        lambda c: node(c, "conv1")["attributes"].update(strides=[1] * 1001),
        ["'strides' of node 'conv1'", "1,000 numbers"],
    ),
    "values larger than any array": (
        lambda c: node(c, "conv1_pad")["attributes"].update(padding=[[2**16, 2**16], [2**16, 1]]),
        ["'conv1_pad' (ZeroPad) makes values of shape"],
    ),
    "padding larger than any array": (
        lambda c: node(c, "conv1_pad")["attributes"].update(padding=[[2**62, 2**62], [1, 1]]),
        [
            "'conv1_pad' (ZeroPad) has pairs of (4611686018427387904, 4611686018427387904, 1, 1): each should be"
        ],
    ),
    "values of many axes": (
        lambda c: node(c, "gap").update(op="Reshape", attributes={"shape": [1] * 70 + [-1]}),
        ["'gap' (Reshape) makes values of shape"],
    ),
    "a range larger than any number": (_scale_without_end, ["OverflowError"]),
    "attributes that are none": (
        lambda c: node(c, "add").update(attributes=[]),
        ["'attributes' of node 'add'"],
    ),
    "a node that is none": (lambda c: c["graph"]["nodes"].insert(0, 5), ["5 in place of a node"]),
    "a node without a name": (lambda c: node(c, "add").pop("name"), ["'name' of a node"]),
    "more of a node": (lambda c: node(c, "add").update(x=1), ["'x' in node 'add'"]),
    "more of the graph": (lambda c: c["graph"].update(x=1), ["'x' in the graph"]),
    "no graph": (lambda c: c.pop("graph"), ["'graph'"]),
    "no nodes": (lambda c: c["graph"].pop("nodes"), ["'nodes'"]),
    "no inputs": (lambda c: c["graph"].pop("inputs"), ["'inputs' of the graph"]),
    "inputs of another kind": (
        lambda c: c["graph"].update(inputs=[1]),
        ["[1] as 'inputs' of the graph"],
    ),
    "nodes in another order": (
        lambda c: c["graph"]["nodes"].reverse(),
        ["no input and no earlier node provides"],
    ),
    "a name twice": (
        lambda c: node(c, "relu2").update(name="add"),
        ["'add' stands for two values"],
    ),
    "an alias of nothing": (
        lambda c: c["graph"].update(aliases=[["a", "b"]]),
        ["'a' stands for 'b'"],
    ),
    "an alias in three parts": (
        lambda c: c["graph"].update(aliases=[["a", "b", "c"]]),
        ["'aliases'"],
    ),
    "weights that do not fit": (
        lambda c: node(c, "bn2").update(params="conv2"),
        ["do not fit", "'bn2'"],
    ),
    "weights that there are not": (
        lambda c: node(c, "bn2").update(params="none"),
        ["weights 'none' of node 'bn2'"],
    ),
    "images that do not fit": (
        lambda c: c.update(input_shapes=[[None, 8, 8, 4]]),
        ["do not fit", "'conv1'"],
    ),
    "two shapes of one input": (
        lambda c: c["input_shapes"].append([None]),
        ["1 inputs, but 2 input_shapes"],
    ),
    "a length below zero": (
        lambda c: c.update(input_shapes=[[None, -8, 8, 3]]),
        ["input_shapes ((None, -8"],
    ),
    "another preprocessing": (
        lambda c: c["preprocess"].update(gamma=2.0),
        ["'gamma' in preprocess", "update jlrp"],
    ),
    "numbers of another kind": (
        lambda c: c["preprocess"].update(mean=["a"]),
        ["['a'] as 'mean' of preprocess"],
    ),
    "a nameless preprocessing": (
        lambda c: c["preprocess"].pop("name"),
        ["preprocess that makes no sense", "name"],
    ),
    "a division by zero": (
        lambda c: c["preprocess"].update(divisor=[0.0]),
        ["makes no sense", "divide by 0"],
    ),
    "a list in place of preprocessing": (lambda c: c.update(preprocess=[]), ["'preprocess'"]),
    "a list in place of a source": (lambda c: c.update(source=[]), ["'source'"]),
    "a tensor not listed": (
        lambda c: c["params"]["conv1"].remove("bias"),
        ["'conv1/bias'", "do not list"],
    ),
    "a tensor listed twice": (
        lambda c: c["params"]["conv1"].append("bias"),
        ["'conv1/bias'", "twice"],
    ),
    "a tensor that is not there": (
        lambda c: c["params"].update(x=["y"]),
        ["lacks the tensor 'x/y'"],
    ),
    "roles that are none": (lambda c: c["params"].update(x=[1]), ["'x' of the params"]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_damaged_models(tmp_path, rng, what):
    change, words = CHANGES[what]
    assert_refused(edited(tmp_path / "m.safetensors", network(rng), change), *words)


def test_entries_that_are_not_known_are_left_to_later_versions(tmp_path, rng):
    model = network(rng)
    assert_same(
        ir.load(edited(tmp_path / "m", model, lambda c: c.update(license={"name": "none"}))), model
    )


def test_attributes_left_out_have_their_defaults(tmp_path, rng):
    def shorten(content):
        for entry in content["graph"]["nodes"]:
            entry["attributes"] = {
                k: v for k, v in entry["attributes"].items() if k in ("strides", "padding")
            }

    assert_same(
        ir.load(edited(tmp_path / "m", network(rng), shorten)), network(np.random.default_rng(0))
    )
    model = one_op(Polynomial((1.0,)), None, (None, 3))
    path = edited(tmp_path / "m", model, lambda c: node(c, "a")["attributes"].pop("coefficients"))
    assert_refused(path, "lacks the attribute 'coefficients' of node 'a'")


def test_other_safetensors_files(tmp_path):
    path = tmp_path / "m.safetensors"
    for metadata in (None, {"format": "pt"}, {"jlrp.format": "1"}, {"jlrp.model": "{}"}):
        safetensors.numpy.save_file({"a": np.ones(3)}, path, metadata)
        assert_refused(path, "weights alone", "ir.save")
    for version in ("2", "", "1.0"):
        tensors.write(path, {}, {"jlrp.format": version, "jlrp.model": "{}"})
        assert_refused(path, f"version {version!r}", "update jlrp")
    for text in ("", "[]", "{", '{"a": 1, "a": 2}', "NaN", "[" * 10_000):
        tensors.write(path, {}, {"jlrp.format": "1", "jlrp.model": text})
        assert_refused(path, "damaged", "'jlrp.model'")
    tensors.write(
        path, {}, {"jlrp.format": "1", "jlrp.model": '{"graph":' + "[" * 900 + "]" * 900 + "}"}
    )
    assert_refused(path, "'graph'")


def test_too_many_nodes(tmp_path, rng, monkeypatch):
    path = tmp_path / "m"
    ir.save(network(rng), path)
    monkeypatch.setattr(native, "MAX_EDGES", 12)
    assert_refused(path, "13 edges, of which 12 are allowed")
    monkeypatch.setattr(native, "MAX_NODES", 5)
    assert_refused(path, "12 nodes, of which 5 are allowed")


def test_a_whole_model_takes_no_architecture(tmp_path, rng):
    ir.save(network(rng), tmp_path / "m")
    with pytest.raises(ir.LoadError, match="holds a model with its graph"):
        ir.load(tmp_path / "m", architecture="resnet50")


def test_the_name_of_a_file_does_not_matter(tmp_path, rng):
    for length in (0x7B, 0x2020, 0x7B20):  # headers whose length looks like the beginning of JSON
        path = tmp_path / "m.h5"
        model = network(rng, note="")
        ir.save(model, path)
        (now,) = struct.unpack("<Q", path.read_bytes()[:8])
        wanted = length if length > now else 0x7B00 + length % 256
        content = path.read_bytes()
        content = (
            struct.pack("<Q", wanted)
            + content[8 : 8 + now]
            + b" " * (wanted - now)
            + content[8 + now :]
        )
        path.write_bytes(content)
        assert_same(ir.load(path), model)


def test_an_op_that_is_not_imported(tmp_path):
    def rename(content):
        content["graph"]["nodes"][0]["op"] = "swish.Swish"

    path = edited(tmp_path / "m.safetensors", one_op(Polynomial((1.0,)), None, (None, 3)), rename)
    assert_refused(path, "'swish.Swish'", "node 'a'", "import the module 'swish'")
