"""The pages of docs/.

Their code runs and prints what they say, their commands exist, and the site builds.
"""

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
from jlrp.composites import presets
from tests.pages import commands, run, run_notebook, unknown

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))
WITH_CODE = [page for page in PAGES if "```python\n" in (DOCS / page).read_text("utf-8")]
ELSEWHERE = {
    "COLOURS",
    "Pixels",
    "POOLINGS",
    "Pooling",
    "SCALINGS",
    "Scaling",
    "NEGATIVE",
    "POSITIVE",
}
"""Names of `jlrp.plot` that stand for types and sets of words, which the functions' own pages list.
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder that looks like the checkout, to which pages may write.

    What they register is forgotten afterwards.
    """
    for name in ("jlrp", "tests", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    with patch.dict(presets._MAKERS), patch.dict(registry._classes):
        yield tmp_path


def test_the_pages_that_have_code():
    pages = {
        "start.md",
        "guide.md",
        "presets.md",
        "pictures.md",
        "extending.md",
        "coming-from.md",
        "formats.md",
    }
    assert pages <= set(WITH_CODE)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)  # Keras's own
@pytest.mark.parametrize("page", WITH_CODE)
def test_python_runs_and_prints_what_is_said(page, checkout):
    assert run((DOCS / page).read_text("utf-8"), page)


@pytest.mark.slow
def test_the_notebook_runs_and_shows_its_maps():
    cells = run_notebook(json.loads((DOCS / "tutorial.ipynb").read_text("utf-8")))
    values = [value for _, value in cells if value is not None]
    assert [type(value).__name__ for value in values] == ["Explanation", *["PngImageFile"] * 4]
    assert "data:image/png" in values[0]._repr_html_()
    (seen,) = [printed for printed, _ in cells if "seen as" in printed]
    assert [re.search(r"seen as (\d)", line)[1] for line in seen.splitlines()] == [
        "2",
        "3",
        "6",
        "9",
    ]


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
    for module in (ir, jlrp, jlrp.datasets, jlrp.plot, jlrp.report):
        names = [f"{module.__name__}.{name}" for name in module.__all__ if name not in ELSEWHERE]
        assert [name for name in names if name not in listed] == []


@pytest.mark.parametrize("name", ["bars"])
def test_examples_of_the_extensions(name, monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    tested = doctest.testmod(importlib.import_module(f"extensions.{name}"))
    assert (tested.attempted, tested.failed) == (1, 0)


def test_bars_in_examples_and_code_stay(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    escaped = importlib.import_module("extensions.bars").escaped
    lines = ["Sums |R|.", "", "    >>> f('|R|')", "    '|R|'", "", "Or `|x", "y|`, |v|."]
    expected = ["Sums \\|R\\|.", *lines[1:-1], "y|`, \\|v\\|."]
    assert escaped("\n".join(lines)).split("\n") == expected


@pytest.mark.slow
def test_the_site_builds_without_warnings_and_needs_no_network(tmp_path):
    pytest.importorskip("furo", reason='the site needs the extra: pip install ".[docs]"')
    pytest.importorskip("myst_nb")
    site = tmp_path / "site"
    build = [
        sys.executable,
        "-m",
        "sphinx",
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "--builder",
        "html",
    ]
    done = subprocess.run([*build, str(DOCS), str(site)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=[\"']([^\"']+)", text)
        loaded += re.findall(r"<link[^>]*\shref=[\"']([^\"']+)", text)
        assert [place for place in loaded if re.match(r"(https?:)?//", place)] == [], page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text("utf-8")), style
    tutorial = (site / "tutorial.html").read_text("utf-8")
    assert tutorial.count("data:image/png") == 4  # the explanation's maps
    assert len(set(re.findall(r'src="(_images/\w+\.png)"', tutorial))) == 4  # the figures
