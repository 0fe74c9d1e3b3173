"""Compiled programs kept between runs of the command line."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jlrp.cli.cache import keep_programs, remove_oldest

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


@pytest.mark.usefixtures("_settings")
def test_no_home_no_cache(monkeypatch):
    def nowhere(_):
        raise RuntimeError("Could not determine home directory.")

    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.setattr("jlrp.cli.cache.user_cache_path", nowhere)
    assert keep_programs() is None


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.usefixtures("_settings")
def test_programs_that_strangers_may_have_written_are_not_run(monkeypatch, tmp_path):
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.setattr("jlrp.cli.cache.user_cache_path", lambda name: tmp_path)
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs").chmod(0o777)
    assert keep_programs() is None


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    for age, name in enumerate("abcd"):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "folder").mkdir()
    remove_oldest(tmp_path, 200)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "folder"]
    remove_oldest(tmp_path, 200)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "folder"]
    remove_oldest(tmp_path / "none", 0)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "swapped", "none"])
def test_runs_with_kept_programs(tmp_path, damage):
    """Whatever became of the kept programs, a run says nothing of it, and the one after it finds
    none that is bad."""
    image = next((DATA / "digits").glob("*.png"))
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)

    def run(name):
        command = [
            sys.executable,
            "-m",
            "jlrp",
            "explain",
            str(DATA / "digits_resnet.h5"),
            str(image),
        ]
        command += ["-o", str(tmp_path / name), "--no-pictures"]
        return subprocess.run(
            command, check=False, capture_output=True, env=environment, timeout=300
        )

    first = run("first")
    assert (first.returncode, first.stderr) == (0, b"")
    kept = sorted((tmp_path / "cache").rglob("*-cache"))
    if damage == "cut":
        for path in kept:
            path.write_bytes(path.read_bytes()[:1000])
    elif damage == "swapped":
        contents = [path.read_bytes() for path in kept]
        for path, content in zip(kept, [*contents[1:], *contents[:1]], strict=True):
            path.write_bytes(content)
    second = run("second")
    assert b"Traceback" not in second.stderr
    if damage != "swapped":
        assert (second.returncode, second.stderr) == (0, b"")
    third = run("third")
    assert (third.returncode, third.stderr) == (0, b"")
    for name in ("second", "third") if damage != "swapped" else ("third",):
        found, expected = (
            np.load(next((tmp_path / each).glob("*.npz")))["relevance"] for each in (name, "first")
        )
        np.testing.assert_array_equal(found, expected)
    for path in (tmp_path / "cache").rglob("*-cache"):
        assert damage != "cut" or path.stat().st_size > 1000
