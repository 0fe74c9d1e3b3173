"""The package `ir` is jlrp's own, or jlrp says that it is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jlrp

ROOT = Path(jlrp.__file__).parents[1]


@pytest.mark.parametrize("name", ["ir.py", "ir/__init__.py", "ir/other.py"])
def test_another_package_of_the_name_is_told_of(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("import a_package_that_is_nowhere")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({str(ROOT)!r}); import jlrp"
    if name == "ir/other.py":  # what is left where one of the two was uninstalled: no __init__.py
        (tmp_path / "jlrp").symlink_to(ROOT / "jlrp")
        code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import jlrp"
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-S", "-c", code]
    result = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(
        "ImportError: jlrp needs the package ir that comes with it, but"
    )
    assert str(tmp_path / "ir") in result.stderr.splitlines()[-1]


def test_its_own_package_is_known():
    jlrp.own.require_own_ir()
