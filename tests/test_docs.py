"""The pages of docs/: their code runs and prints what they say, their commands exist, and the site builds."""

import doctest
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

import ir
import jlrp
import jlrp.plot
import jlrp.report
from ir.formats.keras.layers import registry
from tests.pages import commands, run, unknown

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))
WITH_CODE = [page for page in PAGES if "```python\n" in (DOCS / page).read_text("utf-8")]
ELSEWHERE = {"COLOURS", "Pixels", "POOLINGS", "Pooling", "SCALINGS", "Scaling", "NEGATIVE", "POSITIVE"}
"""Names of `jlrp.plot` that stand for types and sets of words, which the functions' own pages list."""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder that looks like the checkout, to which pages may write; what they register is forgotten afterwards."""
    for name in ("jlrp", "tests", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    with patch.dict(jlrp.PRESETS), patch.dict(registry._classes):
        yield tmp_path


@pytest.fixture
def extensions(monkeypatch):
    """Import a module of the site's own extensions."""
    monkeypatch.syspath_prepend(DOCS)
    return lambda name: importlib.import_module(f"extensions.{name}")


def test_the_pages_that_have_code():
    assert {"start.md", "presets.md", "pictures.md", "extending.md", "coming-from.md", "formats.md"} <= set(WITH_CODE)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")  # Keras's own
@pytest.mark.parametrize("page", WITH_CODE)
def test_python_runs_and_prints_what_is_said(page, checkout):
    assert run((DOCS / page).read_text("utf-8"), page)


@pytest.mark.slow
def test_the_notebook_runs_and_shows_its_maps(extensions):
    notebook = json.loads((DOCS / "tutorial.ipynb").read_text("utf-8"))
    cells = list(extensions("notebook").run(notebook, "tutorial.ipynb"))
    values = [type(cell.value).__name__ for cell in cells if cell.value is not None]
    assert values[0] == "Explanation"
    assert values[1:] == ["PngImageFile"] * 4
    assert "data:image/png" in cells[[cell.value is not None for cell in cells].index(True)].value._repr_html_()
    (seen,) = [cell.printed for cell in cells if "seen as" in cell.printed]
    assert [re.search(r"seen as (\d)", line)[1] for line in seen.splitlines()] == ["2", "3", "6", "9"]


def test_the_notebook_is_stored_without_what_it_shows():
    cells = json.loads((DOCS / "tutorial.ipynb").read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("page", ["../README.md", *PAGES])
def test_commands_exist(page):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for words in commands((DOCS / page).read_text("utf-8")):
        if words[0] == "jlrp":
            assert unknown(words) == [], words
        elif words[0] == "make":
            assert set(words[1:]) <= targets, words
        else:
            assert words[0] in ("pip", "python", ".venv/bin/ruff"), words


def test_what_a_page_says_of_the_presets():
    table = (DOCS / "presets.md").read_text("utf-8")
    assert [name for name in jlrp.PRESETS if f"`{name}`" not in table] == []


def test_every_public_name_is_in_the_reference():
    text = "\n".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.rst"))
    listed = set(re.findall(r"^\.\. (?:auto\w+|py:\w+):: ([\w.]+)", text, re.MULTILINE))
    for module in (ir, jlrp, jlrp.plot, jlrp.report):
        names = [f"{module.__name__}.{name}" for name in module.__all__ if name not in ELSEWHERE]
        assert [name for name in names if name not in listed] == []


@pytest.mark.parametrize("name", ["docstrings", "notebook"])
def test_examples_of_the_extensions(name, extensions):
    assert doctest.testmod(extensions(name)).failed == 0


def test_docstrings_become_lists_and_plain_text(extensions):
    converted = extensions("docstrings").converted
    lines = ["Sums `x_i`: a*b.", "", "low, high: least,", "    and most.", "After it.", "Source: me.", "", ">>> f(`*`)"]
    assert converted(lines) == [
        "Sums ``x_i``: a\\*b.",
        "",
        "- **low, high**: least, and most.",
        "",
        "After it.",
        "",
        "Source: me.",
        "",
        ">>> f(`*`)",
        "",
    ]


@pytest.mark.slow
def test_the_site_builds_without_warnings_and_needs_no_network(tmp_path):
    pytest.importorskip("furo", reason='the site needs the extra: pip install ".[docs]"')
    pytest.importorskip("myst_parser")
    site = tmp_path / "site"
    build = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "--builder", "html"]
    done = subprocess.run([*build, str(DOCS), str(site)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=[\"']([^\"']+)", text)
        loaded += re.findall(r"<link[^>]*\shref=[\"']([^\"']+)", text)
        assert [place for place in loaded if re.match(r"(https?:)?//", place)] == [], page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text("utf-8")), style
    assert (site / "tutorial.html").read_text("utf-8").count("data:image/png") > 4
