"""The Python of the README and the docs runs, and prints what they say it prints."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize(("page", "count"), [("README.md", 4), ("docs/formats.md", 1)])
def test_python_blocks_run_and_print_what_is_said(page, count, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = (ROOT / page).read_text("utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert sum(kind == "python" for kind, _ in blocks) >= count
    names: dict = {}
    printed = io.StringIO()
    for kind, block in blocks:
        if kind == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block, page, "exec"), names)
        elif not kind and page == "README.md":
            assert printed.getvalue().rstrip() == block.rstrip()
