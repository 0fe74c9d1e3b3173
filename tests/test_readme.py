"""The Python of the README runs and prints what it says; its links lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.pages import run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_python_blocks_run_and_print_what_is_said(tmp_path, monkeypatch):
    (tmp_path / "jlrp").symlink_to(ROOT / "jlrp")
    monkeypatch.chdir(tmp_path)
    assert run(README, "README.md") == 1
    assert (tmp_path / "heatmap.png").stat().st_size > 1000


def test_links_and_pictures_exist():
    places = re.findall(r"\]\(([^)#]+)|src=\"([^\"]+)", README)
    found = [place for pair in places for place in pair if place]
    assert {"docs/digits.png", "docs/heatmap.png", "docs/start.md"} <= set(found)
    assert [place for place in found if not (ROOT / place).exists()] == []
