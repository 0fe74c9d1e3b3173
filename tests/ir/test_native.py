"""The library's own model files.

The same model comes back, and whatever else a file holds is refused.
"""

import json
import math
import re
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import ir
import jlrp
from ir.formats.native import tensors
from ir.formats.native.attributes import Ops, fits, op_name
from tests.keras_files import KERAS
from tests.native_files import Polynomial, again, assert_same, edited, network, one_op
from tests.networks import residual, two_inputs
from tests.ops import OTHERS, affine_cases

ROOT = Path(__file__).parent.parent.parent
DIGITS = ROOT / "jlrp/data/digits_resnet.h5"
FILES = [*sorted(KERAS.glob("*/*.full.h5")), DIGITS, *sorted(ROOT.glob("tests/data/zennit/*.h5"))]


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.name.split('.')[0]}")
def test_every_model_comes_back(tmp_path, path):
    model = ir.load(path)
    assert_same(again(tmp_path / "m.safetensors", model), model)


@pytest.mark.parametrize("path", ["keras3.15.1/mini_nested_deep", "keras2.2.4/mini_resnet"])
def test_it_computes_the_same_numbers(tmp_path, path):
    model = ir.load(KERAS / f"{path}.full.h5")
    images = np.load(KERAS / f"{path}.oracle.npz")["x"]
    found = again(tmp_path / "m.safetensors", model)
    expected = jlrp.forward(model.graph, model.params, images)
    np.testing.assert_array_equal(jlrp.forward(found.graph, found.params, images), expected)


@pytest.mark.parametrize("make", [residual, two_inputs])
def test_several_inputs_outputs_and_aliases(tmp_path, rng, make):
    model = network(rng, make, format="none", name='é "quoted" \\ \n')
    assert_same(again(tmp_path / "m.safetensors", model), model)


@pytest.mark.parametrize("name", [*affine_cases(np.random.default_rng(0)), *OTHERS])
def test_every_op_comes_back(tmp_path, rng, name):
    if name in OTHERS:
        op, shapes = OTHERS[name]
        model = one_op(op, None, *shapes)
    else:
        op, params, inputs = affine_cases(rng)[name]
        model = one_op(op, params, *(x.shape for x in inputs))
    assert_same(again(tmp_path / "m.safetensors", model), model)


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", "i1", "i8", "u2", "?", ">f4", ">i8", ml_dtypes.bfloat16]
)
def test_weights_of_every_dtype(tmp_path, dtype):
    model = one_op(
        ir.Dense(), {"kernel": np.eye(3, 2).astype(dtype), "bias": np.zeros(2, dtype)}, (None, 3)
    )
    assert_same(again(tmp_path / "m.safetensors", model), model)


def test_weights_that_no_array_is_like(tmp_path):
    extra = {
        "one": np.array(3.5),
        "empty": np.zeros((0, 4), np.int8),
        "turned": np.arange(6.0).reshape(2, 3).T,
    }
    model = one_op(ir.Dense(), {"kernel": np.ones((3, 2)), **extra}, (None, 3))
    model = replace(
        model,
        params={**model.params, "unused": {}, "": {"": np.ones(2)}, "a/b//": {"c": np.zeros(1)}},
    )
    assert_same(again(tmp_path / "m.safetensors", model), model)


def test_weights_on_devices_and_lists(tmp_path):
    values = {
        "kernel": jnp.ones((3, 2), jnp.bfloat16),
        "bias": jax.device_put(np.arange(2.0, dtype="f")),
    }
    model = one_op(ir.Dense(), values, (None, 3))
    assert_same(again(tmp_path / "m.safetensors", model), model)
    found = again(
        tmp_path / "m.safetensors", replace(model, params={"a": {"kernel": [[1.0], [2.0], [3.0]]}})
    )
    np.testing.assert_array_equal(found.params["a"]["kernel"], [[1.0], [2.0], [3.0]])


def test_equal_names_of_different_things(tmp_path, rng):
    """`"a/b"` with the role `"c"` is no other than `"a"` with what looks like `"b/c"`."""
    nodes = [
        ir.Node(n, ir.Dense(), (x,), n)
        for n, x in (("a", "x"), ("a/b", "a"), ("a/b/kernel", "a/b"))
    ]
    params = {node.name: {"kernel": rng.normal(size=(2, 2))} for node in nodes}
    model = ir.Model(ir.Graph(nodes, ["x"], ["a/b/kernel"]), params, ((None, 2),))
    assert_same(again(tmp_path / "m.safetensors", model), model)


@pytest.mark.parametrize(
    ("op", "shown"),
    [
        (ir.Relu(max_value=math.inf, threshold=-math.inf), "Relu(max_value=inf, threshold=-inf)"),
        (ir.Relu(max_value=6), "Relu(max_value=6)"),
        (
            ir.Relu(-0.0, 5e-324, 1e308),
            "Relu(max_value=-0.0, negative_slope=5e-324, threshold=1e+308)",
        ),
        (ir.Elu(0.1 + 0.2), "Elu(alpha=0.30000000000000004)"),
        (ir.Elu(np.float32(0.1)), "Elu(alpha=0.10000000149011612)"),
        (ir.Softmax(np.int64(1)), "Softmax(axis=1)"),
    ],
)
def test_numbers_are_exact(tmp_path, op, shown):
    found = again(tmp_path / "m.safetensors", one_op(op, None, (None, 3))).graph["a"].op
    assert found == op
    assert hash(found) == hash(op)
    assert str(found) == shown


def test_the_preprocessing_comes_back(tmp_path, rng):
    own = ir.Preprocessing("own", (0.1, 1 / 3, 255), (np.float32(0.1),), reverse=True, reason="é")
    model = replace(network(rng), preprocess=own)
    found = again(tmp_path / "m", model)
    assert_same(found, model)
    assert found.preprocess == own


def test_a_file_that_does_not_say_the_preprocessing(tmp_path, rng):
    model = network(rng)
    assert_same(ir.load(edited(tmp_path / "m", model, lambda c: c.pop("preprocess"))), model)


# --- ops of other packages
# ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table(ir.ActivationOp):
    entries: frozenset[int] = frozenset()


def test_an_op_that_a_user_defined(tmp_path):
    op = Polynomial((1.0, 2, -math.inf), "odd", ((1, 2), "same"))
    model = one_op(op, None, (None, 3))
    assert_same(again(tmp_path / "m.safetensors", model), model)
    assert op_name(Polynomial) == "tests.native_files.Polynomial"


def test_a_class_that_has_been_defined_anew(tmp_path):
    def define(default):
        @dataclass(frozen=True)
        class Redefined(ir.ActivationOp):
            a: float = default

        return Redefined

    old, new = define(1.0), define(2.0)
    assert_same(
        again(tmp_path / "m", one_op(new(), None, (None, 3))), one_op(new(), None, (None, 3))
    )
    with pytest.raises(ValueError, match=r"node 'a'.*as it is defined now"):
        ir.save(one_op(old(), None, (None, 3)), tmp_path / "m")


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, int, True),
        (1, float, True),
        (1.0, int, False),
        (True, int, False),
        (1, bool, False),
        (2**63, int, False),
        (-(2**63), float, True),
        (math.nan, float, False),
        (None, float | None, True),
        ("a", float | None, False),
        ((), tuple[int, ...], True),
        ((), tuple[()], True),
        ((1,), tuple[int, int], False),
        ([1], tuple[int, ...], False),
        (("a", 1), tuple[str, int], True),
        (((1, 2), (3, 4)), str | tuple[tuple[int, int], ...], True),
        (((1, 2), (3,)), str | tuple[tuple[int, int], ...], False),
        ("x", Literal["x", 1], True),
        (True, Literal["x", 1], False),
        ({"a": 1}, dict[str, int], False),
        (1, object, False),
    ],
)
def test_types_of_attributes(value, hint, expected):
    assert fits(value, hint) is expected


# --- models that cannot be saved
# ----------------------------------------------------------------------------------


def test_models_that_cannot_be_saved(tmp_path, monkeypatch):
    good = one_op(ir.Dense(), {"kernel": np.ones((3, 2))}, (None, 3))

    def assert_not_saved(model, match):
        with pytest.raises(ValueError, match=match) as caught:
            ir.save(model, tmp_path / "m")
        assert str(caught.value)[0].isupper()
        assert "\n" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    assert_not_saved(
        replace(good, params={"a": {"kernel": np.ones((3, 2), complex)}}), "'a/kernel'.*complex128"
    )
    assert_not_saved(
        replace(good, params={**good.params, "b": {"c/d": np.ones(1)}}), "'c/d' of layer 'b'"
    )
    assert_not_saved(replace(good, params={**good.params, 5: {"c": np.ones(1)}}), "layer 5")
    assert_not_saved(replace(good, params={**good.params, "\ud800": {"c": np.ones(1)}}), "UTF-8")
    assert_not_saved(replace(good, params={"a": {}}), "'a'.*needs the weight 'kernel'")
    assert_not_saved(replace(good, params={}), "'a' needs the weights 'a'")
    assert_not_saved(replace(good, source={"a": 1}), "source")
    assert_not_saved(replace(good, input_shapes=((None, 3), (None, 3))), "2 shapes")
    assert_not_saved(
        one_op(ir.Relu(max_value=math.nan), None, (None, 3)), "'max_value' of node 'a'.*nan"
    )
    assert_not_saved(one_op(ir.Repeat(2**80), None, (None, 3)), "'a' .* has a count of")
    assert_not_saved(
        one_op(Polynomial([1.0]), None, (None, 3)),
        r"'coefficients' of node 'a'.*tuple\[float, ...\]",
    )
    assert_not_saved(one_op(Table(), None, (None, 3)), "'entries' of node 'a'.*frozenset")
    monkeypatch.setattr("ir.formats.native.model.MAX_NODES", 0)
    assert_not_saved(good, "1 nodes, of which 0 are allowed")


def test_the_file_that_was_there_stays_when_saving_fails(tmp_path):
    path = tmp_path / "m"
    good = one_op(ir.Dense(), {"kernel": np.ones((3, 2))}, (None, 3))
    ir.save(good, path)
    with pytest.raises(ValueError, match="complex"):
        ir.save(replace(good, params={"a": {"kernel": np.ones((3, 2), complex)}}), path)
    assert_same(ir.load(path), good)


# --- the documentation
# --------------------------------------------------------------------------------------------


def read_by_the_documentation(path):
    """A reader from docs/formats.md alone.

    Arrays by layer and role, and the model's description.
    """
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    metadata = header.pop("__metadata__")
    assert metadata["jlrp.format"] == "1"
    model = json.loads(metadata["jlrp.model"])
    codes = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I8": "<i1", "BOOL": "?"}
    params = {}
    for layer, roles in model["params"].items():
        for role in roles:
            place = header.pop(f"{layer}/{role}")
            begin, stop = place["data_offsets"]
            array = np.frombuffer(content[end + begin : end + stop], codes[place["dtype"]]).reshape(
                place["shape"]
            )
            params.setdefault(layer, {})[role] = array
    assert not header
    return params, model


def test_a_reader_written_after_the_documentation(tmp_path, rng):
    model = network(rng, name="small")
    ir.save(model, tmp_path / "m")
    params, described = read_by_the_documentation(tmp_path / "m")
    for layer, roles in model.params.items():
        for role, array in roles.items():
            np.testing.assert_array_equal(params[layer][role], array)
    assert described["source"] == {"name": "small"}
    assert described["input_shapes"] == [[None, 8, 8, 3]]
    assert described["graph"]["aliases"] == [["drop", "pool"]]
    assert described["graph"]["nodes"][1] == {
        "name": "conv1",
        "op": "Conv",
        "attributes": {
            "strides": [1, 1],
            "padding": "valid",
            "dilation": [1, 1],
            "data_format": "channels_last",
            "groups": 1,
        },
        "inputs": ["conv1_pad"],
        "params": "conv1",
    }


def test_the_example_of_the_documentation(tmp_path, rng):
    """It is a model, and saving that writes the same."""
    text = (ROOT / "docs/formats.md").read_text(encoding="utf-8").partition("### The model")[2]
    example = text.partition("```json\n")[2].partition("```")[0]
    arrays = {"fc/kernel": rng.normal(size=(3, 2)), "fc/bias": np.zeros(2)}
    tensors.write(tmp_path / "m", arrays, {"jlrp.format": "1", "jlrp.model": example})
    model = ir.load(tmp_path / "m")
    assert model.shapes["classes"] == (None, 2)
    assert model.graph.values["dropout"] == "fc"
    ir.save(model, tmp_path / "again")
    assert read_by_the_documentation(tmp_path / "again")[1] == json.loads(example)


def test_the_documentation_lists_every_op_with_its_attributes():
    ops = Ops()
    text = (ROOT / "docs/formats.md").read_text(encoding="utf-8").partition("### Ops")[2]
    rows = {
        row[1]: row[2].strip()
        for row in re.finditer(r"^\| `(\w+)` \| (.*?) \|", text, re.MULTILINE)
    }
    leaves = {
        name: op
        for name in ir.ops.__all__
        if isinstance(op := getattr(ir, name), type)
        and issubclass(op, ir.Op)
        and not op.__module__.endswith("base")
        and not isinstance(op.__dict__.get("unsaved"), str)  # no file can hold it
        if not [below for below in op.__subclasses__() if below.__module__.startswith("ir.")]
    }
    assert rows.keys() == leaves.keys()
    for name, op in leaves.items():
        expected = [_documented(field, ops._types(op)[field.name]) for field in fields(op)]
        assert rows[name] == ("; ".join(expected) or "none"), name


def _documented(field, hint):
    """An attribute as the table has it."""
    kind = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    default = "" if field.default is MISSING else f" = {field.default!r}"
    return f"`{field.name}: {kind}{default}`".replace("|", r"\|")
