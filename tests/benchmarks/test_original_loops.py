"""The loops of the baseline against recorded maps, relevance at every layer."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import ir

ROOT = Path(__file__).parents[2]
NETWORKS = ("same", "valid", "shortcut_first")


def _loops() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "original_loops", ROOT / "benchmarks" / "original_loops.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


loops = _loops()


def _recorded(name: str) -> tuple[list, dict[str, np.ndarray]]:
    """The network as layers, and the file's arrays."""
    with np.load(ROOT / "tests" / "data" / "crawford2019" / f"{name}.npz") as file:
        arrays = dict(file)
    layers = []
    for entry in json.loads(str(arrays["layers_json"])):
        weights = {role: arrays[f"weight/{entry['name']}/{role}"] for role in entry["weights"]}
        layers.append(
            loops.Layer(
                entry["name"], entry["class_name"], tuple(entry["inputs"]), entry["config"], weights
            )
        )
    return layers, arrays


def _small_model(dtype: type = np.float64) -> ir.Model:
    """A VGG and ResNet in one.

    Pooling, padding, a strided projection on odd lengths, an identity shortcut, flatten.
    """
    random = np.random.default_rng(0)
    nodes = [
        ir.Node("pad", ir.ZeroPad(((1, 0), (0, 1))), ("x",)),
        ir.Node("conv", ir.Conv(padding="same"), ("pad",), "conv"),
        ir.Node("bn", ir.BatchNorm(), ("conv",), "bn"),
        ir.Node("relu", ir.Relu(), ("bn",)),
        ir.Node("a", ir.Conv(strides=(2, 2), padding="same"), ("relu",), "a"),
        ir.Node("b", ir.Conv(strides=(2, 2)), ("relu",), "b"),
        ir.Node("add", ir.Add(), ("b", "a")),
        ir.Node("relu2", ir.Relu(), ("add",)),
        ir.Node("add2", ir.Add(), ("relu2", "add")),
        ir.Node("pool", ir.MaxPool(), ("add2",)),
        ir.Node("flat", ir.Flatten(), ("pool",)),
        ir.Node("fc", ir.Dense(), ("flat",), "fc"),
        ir.Node("probabilities", ir.Softmax(), ("fc",)),
    ]
    shapes = {"conv": (3, 3, 2, 3), "a": (3, 3, 3, 4), "b": (1, 1, 3, 4), "fc": (16, 5)}
    params = {
        name: {
            "kernel": random.normal(size=shape).astype(dtype),
            "bias": random.normal(size=shape[-1]).astype(dtype),
        }
        for name, shape in shapes.items()
    }
    roles = ("gamma", "beta", "moving_mean", "moving_variance")
    params["bn"] = {role: random.uniform(0.5, 1, 3).astype(dtype) for role in roles}
    return ir.Model(ir.Graph(nodes, ["x"], ["probabilities"]), params, ((None, 8, 8, 2),))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_forward_pass_gives_the_recorded_probabilities(name: str) -> None:
    layers, arrays = _recorded(name)
    found = [loops.forward(layers, image)[layers[-1].name] for image in arrays["images"]]
    np.testing.assert_allclose(found, arrays["probabilities"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_loops_give_the_recorded_relevance_at_every_layer(name: str) -> None:
    layers, arrays = _recorded(name)
    for index, image in enumerate(arrays["images"]):
        found = loops.explain(layers, image)
        for layer in layers:
            expected = arrays[f"relevance/{layer.name}"][index]
            tolerance = 1e-9 * np.abs(expected).max()
            np.testing.assert_allclose(
                found[layer.name], expected, rtol=0, atol=tolerance, err_msg=layer.name
            )


def test_a_model_becomes_layers_with_the_same_shapes() -> None:
    model = _small_model()
    image = np.random.default_rng(1).normal(size=(8, 8, 2))
    outputs = loops.forward(loops.from_model(model), image)
    expected = model.graph.shapes(model.params, [(1, 8, 8, 2)])
    assert {name: (1, *value.shape) for name, value in outputs.items()} == expected
    assert loops.explain(loops.from_model(model), image)["x"].shape == (8, 8, 2)


def test_the_loops_keep_the_dtype_of_the_weights() -> None:
    layers = loops.from_model(_small_model(np.float32))
    found = loops.explain(layers, np.ones((8, 8, 2), np.float32))
    assert {relevance.dtype for relevance in found.values()} == {np.dtype(np.float32)}


def test_an_unknown_op_is_an_error_that_names_the_layer() -> None:
    graph = ir.Graph([ir.Node("squash", ir.Activation("tanh"), ("x",))], ["x"], ["squash"])
    with pytest.raises(ValueError, match="no rule for layer 'squash'"):
        loops.from_model(ir.Model(graph, {}, ((None, 3),)))


def test_nothing_over_nothing_is_split_evenly_in_an_add() -> None:
    first, second = loops.add_relevance(
        np.array([0.0, 3.0]), np.array([0.0, -1.0]), np.array([1.0, 1.0])
    )
    assert first.tolist() == [0.5, 0.75]
    assert second.tolist() == [0.5, 0.25]


def test_times_say_what_was_measured_and_what_was_scaled_up() -> None:
    layers, arrays = _recorded("shortcut_first")
    times = loops.time_per_layer(layers, arrays["images"][0], positions=100)
    assert [time.layer for time in times[:3]] == [
        "dense_1",
        "global_average_pooling2d_1",
        "activation_13",
    ]
    assert {time.layer for time in times} == {layer.name for layer in layers[1:]}
    convolutions = {time.layer: time for time in times if time.kind == "Conv2D"}
    assert (convolutions["conv1"].positions, convolutions["conv1"].timed) == (16 * 16 * 4, 100)
    assert not convolutions["conv1"].measured
    assert convolutions["res3a_branch2a"].measured
    assert all(time.measured for time in times if time.kind != "Conv2D")
    assert all(time.seconds > 0 for time in times)


def test_all_positions_can_be_measured() -> None:
    layers, arrays = _recorded("valid")
    assert all(
        time.measured for time in loops.time_per_layer(layers, arrays["images"][0], positions=None)
    )
    assert loops.time_whole(layers, arrays["images"][0]) > 0
