"""Compiled programs kept between runs of the command line."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from jlrp.cli.cache import keep_programs

DATA = Path(__file__).parents[2] / "jlrp" / "data"


@pytest.fixture
def _settings():
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.usefixtures("_settings")
def test_the_folder_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax.config.update("jax_compilation_cache_dir", None)
    folder = keep_programs()
    assert folder is not None
    assert folder.is_dir()
    assert jax.config.jax_compilation_cache_dir == str(folder)


@pytest.mark.usefixtures("_settings")
def test_a_folder_that_the_user_chose_is_left_alone(tmp_path):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    assert keep_programs() is None
    assert jax.config.jax_compilation_cache_dir == str(tmp_path)


@pytest.mark.usefixtures("_settings")
def test_no_folder_no_cache(monkeypatch, tmp_path):
    jax.config.update("jax_compilation_cache_dir", None)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("jlrp.cli.cache.user_cache_path", lambda name: tmp_path / "file")
    assert keep_programs() is None
    assert jax.config.jax_compilation_cache_dir is None


@pytest.mark.slow
def test_a_second_run_compiles_nothing(tmp_path):
    image = next((DATA / "digits").glob("*.png"))
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)

    def kept():
        return {path.name for path in (tmp_path / "cache").rglob("*-cache")}

    sizes = []
    for run in ("first", "second"):
        command = [sys.executable, "-m", "jlrp", "explain", str(DATA / "digits_resnet.h5"), str(image)]
        command += ["-o", str(tmp_path / run)]
        subprocess.run(command, check=True, capture_output=True, env=environment)
        sizes.append(kept())
    assert sizes[0]
    assert sizes[1] == sizes[0]
