"""The Python of the README runs, and prints what it says it prints."""

from pathlib import Path

import pytest

from tests.pages import run

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_python_blocks_run_and_print_what_is_said(tmp_path, monkeypatch):
    (tmp_path / "jlrp").symlink_to(ROOT / "jlrp")
    monkeypatch.chdir(tmp_path)
    assert run((ROOT / "README.md").read_text("utf-8"), "README.md") >= 4
    assert (tmp_path / "heatmap.png").stat().st_size > 1000
