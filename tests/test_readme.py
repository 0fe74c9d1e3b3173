"""The Python of the README runs, and prints what it says it prints."""

from pathlib import Path

import pytest

from tests.pages import run

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_python_blocks_run_and_print_what_is_said(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert run((ROOT / "README.md").read_text("utf-8"), "README.md") >= 4
