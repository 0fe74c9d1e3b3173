"""The fast formulation computes what the plain one does.

Op by op, rule by rule, network by network.
"""

import ast
from dataclasses import replace
from functools import partial
from pathlib import Path

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ir
import jlrp
from jlrp.fast import Fast
from jlrp.propagation.formulation import PLAIN
from jlrp.rules.base import Facts
from tests.networks import preset, residual, two_inputs
from tests.ops import NAMES, affine_cases

QUICK = {"xla_backend_optimization_level": 0}
"""Compiler options for programs that run once."""

RULES = {
    "zero": jlrp.Zero(),
    "epsilon": jlrp.Epsilon(0.01),
    "z+": jlrp.ZPlus(),
    "alpha-beta": jlrp.AlphaBeta(3.0, 2.0),
    "half-half": jlrp.HalfHalf(),
    "gamma": jlrp.Gamma(0.5),
    "plain gamma": jlrp.GammaPlain(),
    "flat": jlrp.Flat(),
    "w squared": jlrp.WSquare(),
    "box": jlrp.ZBox(-4.0, 3.5),
    "without bias: epsilon": jlrp.WithoutBias(jlrp.Epsilon()),
    "without bias: gamma": jlrp.WithoutBias(jlrp.Gamma()),
}
SLOW = pytest.mark.slow
BACKENDS = ["cpu", pytest.param("gpu", marks=SLOW)]
"""What is chosen for a GPU is tested on the CPU: the choice, not the machine."""

TELLING = ("dense", "conv valid", "conv same, stride 2", "conv 1x1, stride 2", "add")
CASES = [pytest.param(name, "cpu", marks=() if name in TELLING else SLOW) for name in NAMES]
CASES += [pytest.param(name, "gpu", marks=SLOW) for name in TELLING]
"""A GPU has the forms of `jlrp.ops`, so that what is chosen for it differs by rule alone."""


def explained(formulation, rule, case, facts, relevance):
    """Forwards and backwards through one op, as a walk does it.

    The output and each input's share.
    """
    op, params, inputs = case
    prepared = formulation.prepare(rule, op, params, facts) if "kernel" in params else None
    output, kept = formulation.forwards(rule, op, params, inputs, facts, prepared)
    if facts.rectified:
        relevance = jnp.where(output > 0, relevance, 0)
    signs = (facts.one_sign,) * len(inputs)
    call = jlrp.LayerCall(
        op, params, inputs, output, signs, prepared, kept=kept, map=formulation.affine
    )
    call = replace(call, rectified=facts.rectified)
    return output, *formulation.relevance(rule, call, relevance)


def assert_close(fast, plain, tolerance=1e-11):
    """Quotients by sums near zero magnify the rounding of float64, of which 1e-11 of the largest
    leaves room."""
    for ours, theirs in zip(fast, plain, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("case", "backend"), CASES)
def test_every_rule_on_every_affine_op(case, backend, rng):
    op, *arrays = affine_cases(rng)[case]
    params, inputs = jax.tree.map(jnp.asarray, tuple(arrays))
    relevance = jnp.asarray(rng.normal(size=jlrp.apply(op, params, *inputs).shape))

    @partial(jax.jit, static_argnums=(0, 1), compiler_options=QUICK)
    def both(formulation, facts, inputs):
        inputs = tuple(map(abs, inputs)) if facts.one_sign else inputs
        return {
            name: explained(formulation, rule, (op, params, inputs), facts, relevance)
            for name, rule in RULES.items()
        }

    between = [Facts(one_sign=True)] if case in TELLING else []  # γ alone tells it from the next
    for facts in (Facts(), *between, Facts(one_sign=True, rectified=True)):
        plain, fast = both(PLAIN, facts, inputs), both(Fast(backend), facts, inputs)
        for name in RULES:
            assert_close(fast[name], plain[name])


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=() if n in ("epsilon_plus", "epsilon_gamma_box") else SLOW)
        for n in jlrp.PRESETS
    ],
)
def test_every_preset_on_a_network(name, backend, rng):
    graph, params, images = residual(rng)
    params, images = jax.tree.map(lambda a: np.asarray(a, float), (params, images))
    plain = jlrp.explainer(graph, preset(name), formulation="plain", record=True, ledger=True)
    fast = jlrp.explainer(graph, preset(name), formulation=Fast(backend), record=True, ledger=True)
    a, b = fast(params, images), plain(params, images)
    assert_close(
        [a.relevance, a.output, *a.layers.values()], [b.relevance, b.output, *b.layers.values()]
    )
    np.testing.assert_allclose(
        a.ledger.entries, b.ledger.entries, atol=1e-11 * np.abs(b.ledger.entries).max()
    )


@pytest.mark.usefixtures("x64")
def test_several_inputs_and_outputs(rng):
    graph, params, images = two_inputs(rng)
    params, images = jax.tree.map(lambda a: np.asarray(a, float), (params, images))
    for output in ("first", "other"):
        plain, fast = (
            jlrp.explainer(graph, "epsilon_alpha2_beta1", output=output, formulation=name)(
                params, images
            )
            for name in ("plain", "fast")
        )
        assert np.abs(fast.relevance[0] - plain.relevance[0]).max() <= 1e-12
        assert np.abs(fast.relevance[1] - plain.relevance[1]).max() <= 1e-12


def test_a_rule_of_one_s_own_computes_what_it_says(rng):
    """A subclass of a rule that has a fast formulation may compute anything."""

    @flax.struct.dataclass
    class Halved(jlrp.ZPlus):
        def relevance(self, call, relevance):
            return tuple(share / 2 for share in jlrp.ZPlus.relevance(self, call, relevance))

    graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    params, x = (
        {"fc": {"kernel": rng.normal(size=(4, 3)).astype("f")}},
        rng.normal(size=(2, 4)).astype("f"),
    )
    whole, half = (
        jlrp.explainer(graph, jlrp.Composite([(ir.Dense, r)])) for r in (jlrp.ZPlus(), Halved())
    )
    np.testing.assert_allclose(2 * half(params, x).relevance, whole(params, x).relevance, rtol=1e-5)


def test_an_unknown_formulation_is_refused():
    graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
    with pytest.raises(ValueError, match=r"no formulation 'quick': it is 'fast' or 'plain'\."):
        jlrp.explainer(graph, formulation="quick")


def test_only_the_planning_knows_the_fast_package():
    """So that it can be deleted: what is left is `formulation="plain"`."""
    package = Path(jlrp.__file__).parent
    for path in package.rglob("*.py"):
        if "fast" in path.parts or path == package / "propagation" / "planning.py":
            continue
        modules = [
            n.module for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)
        ]
        assert not [module for module in modules if str(module).startswith("jlrp.fast")], path
