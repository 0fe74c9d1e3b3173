"""What holds for the code as a whole: who imports whom, what is public, what the wheel contains."""

import ast
import importlib
import subprocess
import sys
import tarfile
import types
import zipfile
from pathlib import Path

import pytest

import ir
import jlrp

ROOT = Path(__file__).parent.parent
OPTIONAL = {"propagation/interfaces.py": {"xarray"}, "datasets/images.py": {"PIL"}}
"""What some files of the library import where it is there."""

EXTRA = {"matplotlib", "PIL", "jinja2", "typer"}  # and rich, which flax imports


def imported(path):
    """The top-level names of all modules that a file imports, anywhere in it."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).split(".")[0]


def sources(package):
    return sorted((ROOT / package).rglob("*.py"))


def test_ir_imports_neither_jax_nor_jlrp():
    allowed = set(sys.stdlib_module_names) | {"ir", "numpy", "h5py", "ml_dtypes"}
    for path in sources("ir"):
        assert set(imported(path)) <= allowed, path


def test_h5py_is_imported_only_in_a_process_of_its_own():
    program = ROOT / "ir" / "formats" / "hdf5" / "rewrite.py"
    assert [path for path in sources("ir") + sources("jlrp") if "h5py" in imported(path)] == [
        program
    ]
    assert set(imported(program)) <= set(sys.stdlib_module_names) | {"h5py"}


def test_the_library_needs_nothing_but_its_dependencies():
    allowed = set(sys.stdlib_module_names) | {"ir", "jlrp", "jax", "numpy", "flax"}
    for path in sources("jlrp"):
        if not {"cli", "plot", "report"} & set(path.parts) and path.name != "__main__.py":
            optional = OPTIONAL.get(path.relative_to(ROOT / "jlrp").as_posix(), set())
            assert set(imported(path)) <= allowed | optional, path


@pytest.mark.slow
def test_importing_the_library_imports_no_extra_and_no_framework():
    unwanted = EXTRA | {"keras", "tensorflow", "torch"}
    code = f"import sys, ir, jlrp; print(sorted({unwanted!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", [ir, jlrp, jlrp.datasets])
def test_every_public_name_has_a_runnable_example(module):
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value) and not isinstance(value, types.GenericAlias) and value is not ir.Params:
            assert ">>>" in (value.__doc__ or ""), f"{module.__name__}.{name} has no example"


def test_every_public_name_comes_from_its_home():
    assert set(jlrp.rules.__all__) <= set(jlrp.__all__)
    for name in jlrp.__all__:
        assert getattr(jlrp, name) is getattr(importlib.import_module(jlrp._HOMES[name]), name)


def test_importing_the_library_waits_for_nothing():
    code = "import sys, jlrp, jlrp.datasets; print(sorted({'jax', 'flax', 'numpy', 'ir'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_public_names():
    assert sorted(jlrp.__all__) == sorted(set(jlrp.__all__))
    assert {"forward", "explainer", "PRESETS", "Composite"} <= set(jlrp.__all__)
    assert {"load", "Node", "Graph", "Model", "LoadError"} <= set(ir.__all__)


@pytest.mark.slow
def test_wheel_has_the_two_packages_and_the_demonstration(tmp_path):
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
    ]
    subprocess.run([*build, str(tmp_path), "."], check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ir", "jlrp"}
    assert {
        "jlrp/data/digits_resnet.h5",
        "jlrp/report/templates/report.html",
        "jlrp/report/templates/report.css",
        "jlrp/report/templates/report.js",
        "ir/formats/keras/architectures/applications.txt.xz",
        "jlrp/py.typed",
        "ir/py.typed",
    } <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_the_source_distribution_has_the_code_and_not_the_models_of_the_tests(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    assert archive.stat().st_size < 5e6
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {"jlrp/data/digits_resnet.h5", "ir/py.typed", "tests/conftest.py", "LICENSE"} <= names
    assert not any(name.startswith("tests/data/") for name in names)
