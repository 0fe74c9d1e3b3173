"""What a newcomer types first works, or is answered by a sentence."""

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import ir
import jlrp

MODEL = "jlrp/data/digits_resnet.h5"


@pytest.fixture(scope="module")
def model():
    return ir.load(MODEL)


@pytest.fixture
def images(rng):
    return rng.random((2, 32, 32, 1)).astype("f")


@pytest.mark.slow
def test_no_public_function_is_replaced_by_a_module():
    """All submodules imported, in a process of its own, every public name is still what it was."""
    code = """
import importlib, pkgutil, types
import ir, jlrp, jlrp.plot
public = {m: {n: getattr(m, n) for n in m.__all__} for m in (ir, jlrp, jlrp.plot)}
for package in (ir, jlrp):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if found.name.rpartition(".")[2] not in ("__main__", "rewrite"):
            importlib.import_module(found.name)
for module, names in public.items():
    for name, value in names.items():
        now = getattr(module, name)
        assert now is value, (module, name)
        assert not isinstance(now, types.ModuleType) or name == "passes", (module, name)
model = ir.load("jlrp/data/digits_resnet.h5")
import numpy as np
x = np.zeros((1, 32, 32, 1), "f")
explained = jlrp.explain(model, x).relevance.shape, jlrp.explainer(model)(model, x).target.shape
print(*explained, jlrp.forward(model.graph, model.params, x).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(1, 32, 32, 1) (1,) (1, 10)"


def test_plot_needs_no_import_of_its_own():
    assert isinstance(jlrp.plot, ModuleType)
    with pytest.raises(AttributeError, match="module 'jlrp' has no attribute 'plots'"):
        jlrp.plots  # noqa: B018


def test_without_the_extra_plot_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "jlrp.plot", raising=False)
    monkeypatch.delattr(jlrp, "plot", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [each for each in sys.modules if each.startswith("jlrp.plot")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match=r"jlrp\.plot needs matplotlib.*extra cli"):
        jlrp.plot  # noqa: B018


def test_one_call(model, images):
    result = jlrp.explain(model, images, "epsilon_plus_flat", target=3)
    same = jlrp.explainer(model.graph, "epsilon_plus_flat")(model.params, images, target=3)
    np.testing.assert_allclose(result.relevance, same.relevance, rtol=1e-6)
    from_path = jlrp.explain(MODEL, images, "epsilon_plus_flat", target=3)
    np.testing.assert_array_equal(from_path.relevance, result.relevance)
    named = jlrp.explain(model, images, target="three", labels=[*"012", "three", *"456789"])
    assert named.target.tolist() == [3, 3]


def test_the_model_is_taken_for_its_graph_and_for_its_params(model, images):
    explain = jlrp.explainer(model)
    expected = explain(model.params, images).relevance
    np.testing.assert_array_equal(explain(model, images).relevance, expected)
    np.testing.assert_allclose(
        explain.bind(model)(images).relevance, expected, rtol=1e-4, atol=1e-6
    )
    gradient = jlrp.gradient(model)(model, images)
    np.testing.assert_array_equal(
        gradient.relevance, jlrp.gradient(model.graph)(model.params, images).relevance
    )


def test_what_numpy_makes_arrays_of(model, images):
    explain = jlrp.explainer(model)
    expected = explain(model, images).relevance

    class Tensor:  # as those of PyTorch
        shape = images.shape

        def detach(self):
            return self

        cpu = detach

        def numpy(self):
            return images

    for given in (
        Tensor(),
        images.tolist(),
        [*images],
        list(images),
        SimpleNamespace(__array__=None),
    ):
        if not isinstance(given, SimpleNamespace):
            np.testing.assert_allclose(explain(model, given).relevance, expected, rtol=1e-6)


def test_data_frames_and_lists_of_rows():
    graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    params = {"fc": {"kernel": np.eye(2, dtype="f")}}

    class Frame:  # as those of pandas
        shape = (2, 2)

        def __array__(self, dtype=None, copy=None):
            return np.eye(2)

    explain = jlrp.explainer(graph, "epsilon")
    for given in (Frame(), [[1, 0], [0, 1]]):
        np.testing.assert_allclose(explain(params, given).relevance, np.eye(2), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda m, x: jlrp.explainer(MODEL),
            TypeError,
            r"jlrp\.explainer\(ir\.load\(path\)\).*given str '.*digits",
        ),
        (lambda m, x: jlrp.explainer(x), TypeError, "An explainer is made of a model"),
        (
            lambda m, x: jlrp.explainer(m)(x, m.params),
            TypeError,
            r"params come first.*shape \(2, 32, 32, 1\)",
        ),
        (lambda m, x: jlrp.explainer(m)(x, m), TypeError, "params come first"),
        (lambda m, x: jlrp.explainer(m)(m, m), TypeError, "params come first.*given as Model"),
        (
            lambda m, x: jlrp.explainer(m)(m.graph, x),
            TypeError,
            r"model\.params, but a graph was given",
        ),
        (lambda m, x: jlrp.explainer(m)(MODEL, x), TypeError, "given as str"),
        (
            lambda m, x: jlrp.explainer(m)(m, "cat.png"),
            TypeError,
            "are arrays, not files: read 'cat.png'",
        ),
        (lambda m, x: jlrp.explainer(m)(m, ["cat.png"]), TypeError, "arrays of numbers, but list"),
        (lambda m, x: jlrp.explainer(m)(m, None), TypeError, "arrays of numbers, but NoneType"),
        (
            lambda m, x: jlrp.explainer(m)(m, [x[0], x[1, :8]]),
            ValueError,
            "one shape, but these have",
        ),
        (
            lambda m, x: jlrp.explainer(m, labels="ab"),
            ValueError,
            "a name for each class, not the text 'ab'",
        ),
        (lambda m, x: jlrp.explain(m.graph, x), TypeError, "takes a model with its weights"),
        (lambda m, x: jlrp.explain(x, m), TypeError, "a path or a live Keras model, not numpy"),
        (lambda m, x: jlrp.explain("no.h5", x), ir.LoadError, "'no.h5' does not exist"),
    ],
)
def test_wrong_first_calls(model, images, call, error, message):
    with pytest.raises(error, match=message):
        call(model, images)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # of Keras, while it saves
def test_a_live_keras_model(rng):
    keras = pytest.importorskip("keras")
    layers = keras.layers
    live = keras.Sequential(
        [layers.Input((6, 6, 2)), layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(2, "softmax")]
    )
    model = ir.load(live)
    x = rng.random((2, 6, 6, 2)).astype("f")
    np.testing.assert_allclose(
        jlrp.forward(model.graph, model.params, x), live.predict(x, verbose=0), atol=1e-5
    )
    assert jlrp.explain(live, x).relevance.shape == x.shape
    with pytest.raises(ir.LoadError, match="is not built"):
        ir.load(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ir.LoadError, match="live Keras model has its architecture"):
        ir.load(live, architecture="resnet50")


def test_every_public_module_imports():
    for name in ("api", "plot", "report", "cli"):
        assert importlib.import_module(f"jlrp.{name}")
    assert {found.name for found in pkgutil.iter_modules(jlrp.__path__)}.isdisjoint(
        set(jlrp.__all__) - {"plot", "report"}
    )
