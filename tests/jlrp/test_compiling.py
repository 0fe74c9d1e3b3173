"""XLA's options: asked for where they exist, and never against the user."""

import jax
import jax.numpy as jnp
import pytest

from jlrp.propagation import compiling
from jlrp.propagation.compiling import Program, options


@pytest.fixture(autouse=True)
def _asked_anew():
    options.cache_clear()
    yield
    options.cache_clear()


def test_options_on_a_cpu(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "")
    assert dict(options()) in (
        {},
        compiling.CPU_OPTIONS,
    )  # none on a jaxlib that does not have them


def test_the_users_own_setting_is_left_alone(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")
    assert options() == ()


def test_an_option_that_this_jaxlib_does_not_have_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(compiling, "CPU_OPTIONS", {"xla_cpu_no_such_option": "1"})
    assert options() == ()
    assert float(Program(lambda n, x: n + x, 1)(1, jnp.ones(()))) == 2


def test_no_options_on_an_accelerator(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert options() == ()


@pytest.mark.parametrize(
    "used",
    [
        lambda f: jax.jit(lambda x: f(2, x))(jnp.ones(3)).sum(),
        lambda f: jax.jit(lambda: f(2, jnp.ones(3)))().sum(),  # nothing traced is passed in
        lambda f: jax.vmap(lambda x: f(2, x))(jnp.ones(3)).sum(),
        lambda f: jax.grad(lambda x: f(2, x).sum())(jnp.ones(3)).sum(),
        lambda f: f(2, jnp.ones(3)).sum(),
    ],
)
def test_works_inside_other_programs(used):
    double = Program(lambda n, x: n * x, 1)
    assert float(used(double)) == 6


def test_is_compiled_once_per_shape():
    program = Program(lambda n, x: n * x, 1)
    for _ in range(3):
        program(2, jnp.ones(3))
    assert program.cache_size() == 1
    program.clear_cache()
    assert program.cache_size() == 0
    assert "HloModule" in program.lower(2, jnp.ones(3)).compile().as_text()
