"""What ops state as facts is so, for every op of the list that all contract tests run over."""

import ast
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from ir.formats.keras.layers.activation import NAMED
from ir.ops.facts import OpFacts
from ir.ops.functions import FUNCTIONS
from jlrp.ops import is_affine
from jlrp.ops.activation import OWN, computation
from tests.ir.test_bounds import VARIANTS
from tests.ops import NAMES, OTHERS, WEIGHTED, case

pytestmark = pytest.mark.usefixtures("x64")

OPS = (*NAMES, *OTHERS, *WEIGHTED)
ROOT = Path(__file__).parents[2]
FACTS = {name for name, value in vars(OpFacts).items() if isinstance(value, property)}


@pytest.fixture(params=OPS)
def given(request, rng):
    """An op with its weights and inputs."""
    op, params, inputs = case(request.param, rng)
    return op, jax.tree.map(jnp.asarray, params), tuple(map(jnp.asarray, inputs))


def test_shapes(given):
    op, params, inputs = given
    shape = op.output_shape(params, *(x.shape for x in inputs))
    if op.keeps_shape:
        assert [x.shape for x in inputs] == [shape]
    if op.keeps_axes:
        assert len(shape) == len(inputs[0].shape)
    if op.axis_order:
        assert shape == tuple(inputs[0].shape[axis] for axis in op.axis_order)
    if op.positions:
        assert len(shape) > 2
    if op.reshapes:
        assert math.prod(shape) == inputs[0].size
    if op.channel_axis is not None:
        assert -len(inputs[0].shape) <= op.channel_axis < len(inputs[0].shape)


def test_each_output_of_an_elementwise_op_depends_on_one_cell(given):
    op, params, inputs = given
    if not op.elementwise:
        return
    for position, x in enumerate(inputs):

        def output(x, position=position):
            return jlrp.apply(op, params, *inputs[:position], x, *inputs[position + 1 :])

        shape = output(x).shape
        derivative = np.asarray(jax.jacobian(output)(x)).reshape(*shape, *x.shape)
        for place in np.argwhere(np.nan_to_num(derivative)):
            cell, own = place[: len(shape)], place[len(shape) :]
            assert all(a == b or n == 1 for a, b, n in zip(cell, own, x.shape, strict=True))


def test_softmax_and_its_like_are_not_elementwise():
    assert not any(op.elementwise for op in (ir.Softmax(), ir.LogSoftmax(), ir.Sparsemax()))
    assert all(op.elementwise for op in VARIANTS)


def test_what_values_become(given):
    op, params, inputs = given
    output = np.asarray(jlrp.apply(op, params, *inputs))
    known = np.concatenate([np.ravel(x) for x in inputs])
    if op.copies:
        assert op.moves
        assert np.isin(output, [0.0, *known]).all()
    if op.selects:
        assert np.isin(output, known).all()
    if op.sums:
        assert is_affine(op)
        assert not op.needs
    if op.has_kernel:
        assert is_affine(op)
        assert "kernel" in op.needs
    if op.moves or op.sums or op.multiplies:
        assert op.moves + op.sums + op.multiplies == 1
    if op.moves:
        nothing = np.asarray(jlrp.apply(op, params, *(0 * x for x in inputs)))
        doubled = np.asarray(jlrp.apply(op, params, *(2 * x for x in inputs)))
        np.testing.assert_allclose(
            doubled - nothing, 2 * (output - nothing), rtol=1e-12, atol=1e-15
        )
        assert op.pads or not nothing.any()
    if op.multiplies and not getattr(op, "normalize", False):
        halved = jlrp.apply(op, params, 0.5 * inputs[0], *inputs[1:])
        np.testing.assert_allclose(halved, 0.5 * output, rtol=1e-12, atol=1e-300)


def test_an_op_that_copies_and_does_not_pad_copies_ones_to_ones(given):
    op, params, inputs = given
    if op.copies and not op.pads:
        ones = tuple(map(jnp.ones_like, inputs))
        assert np.all(np.asarray(jlrp.apply(op, params, *ones)) == 1)


@pytest.mark.parametrize("op", VARIANTS, ids=str)
def test_signs_and_saturation_of_functions(op, rng):
    x = np.concatenate([rng.normal(size=400), np.geomspace(1e-9, 50, 60)])
    x = np.concatenate([x, -x])
    y = np.asarray(jlrp.apply(op, {}, jnp.asarray(x)))
    if isinstance(op, ir.ActivationOp) and not op.changes_sign:
        assert np.all(x * y >= 0)
    if op.rectifies:
        assert np.all(y[x <= 0] == 0)
    if op.monotone:
        steps = np.diff(y[np.argsort(x)])
        assert np.all(steps >= -1e-12) or np.all(steps <= 1e-12)


@pytest.mark.parametrize(
    ("op", "rectifies"),
    [
        (ir.Relu(), True),
        (ir.Relu(max_value=6.0), True),
        (ir.Relu(threshold=1.0), True),
        (ir.Relu(threshold=-1.0), False),
        (ir.Relu(negative_slope=0.1), False),
        (ir.Clip(0.0, 6.0), True),
        (ir.Clip(-1.0, 6.0), False),
        (ir.Threshold(), True),
        (ir.Activation("softplus"), False),
        (ir.Sparsemax(), False),
        (ir.Multiply(), False),
        (ir.Rescale(), False),
        (ir.PRelu(), False),
    ],
    ids=str,
)
def test_what_rectifies(op, rectifies):
    assert op.rectifies is rectifies


def test_an_op_of_ones_own_promises_nothing():
    assert {name: getattr(ir.Op(), name) for name in FACTS if getattr(ir.Op(), name)} == {
        "keeps_axes": True
    }


def test_functions_have_one_name_in_all_places():
    """A line of the table is all: the computation and Keras's activation have the same name."""
    assert set(OWN) <= set(FUNCTIONS)
    assert all(callable(computation(name)) for name in FUNCTIONS)
    assert not set(NAMED) & set(FUNCTIONS)
    with pytest.raises(ValueError, match=r"no function 'tan'; it has sigmoid, tanh, "):
        ir.Activation("tan")


@pytest.fixture
def own_function():
    """The name of a function that is forgotten after the test."""
    yield "bump"
    for table in (FUNCTIONS, OWN):
        table.pop("bump", None)


def test_a_function_of_ones_own(tmp_path, own_function):
    """One call, and it has facts, a rule, a place in files, and a name in Keras's configurations."""
    op = jlrp.register_function(own_function, lambda x: jnp.exp(-(x**2)), values=(0.0, 1.0))
    assert op.bounds((-9.0, 9.0)) == (0, 1)
    assert op.squashes
    assert not op.monotone
    nodes = [ir.Node("bump", op, ("x",)), ir.Node("fc", ir.Dense(), ("bump",), "fc")]
    graph = ir.Graph(nodes, ["x"], ["fc"])
    params = {"fc": {"kernel": np.ones((2, 1))}}
    explained = jlrp.explainer(graph, "zero")(params, np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(explained.relevance, [[1, math.exp(-1)]])
    path = tmp_path / "m.safetensors"
    ir.save(ir.Model(graph, params, ((None, 2),)), path)
    assert ir.load(path).graph == graph
    with pytest.raises(ValueError, match="There is a function 'bump' already"):
        jlrp.register_function(own_function, jnp.exp)


def test_facts_are_asked_by_name():
    graph = ir.Graph([ir.Node("a", ir.MaxPool(), ("x",))], ["x"], ["a"])
    assert jlrp.Fact("selects")(graph, graph["a"])
    assert not (jlrp.Fact("selects") & jlrp.Fact("elementwise"))(graph, graph["a"])
    with pytest.raises(ValueError, match=r"no fact 'selcts'; they have monotone, elementwise, "):
        jlrp.Fact("selcts")


@pytest.mark.parametrize("package", ["ir", "jlrp"])
def test_no_list_of_op_classes_is_asked_for(package):
    """Where several classes have something in common, that is a fact, and it stands on the ops."""
    names = set(ir.ops.__all__)
    for path in (ROOT / package).rglob("*.py"):
        if path.is_relative_to(ROOT / "ir" / "formats"):
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "isinstance":
                parts = list(ast.walk(call.args[1]))
                found = {getattr(part, "attr", getattr(part, "id", "")) for part in parts} & names
                assert len(found) < 2, f"{path}, line {call.lineno}: {sorted(found)}"
