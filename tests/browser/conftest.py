"""A page in a real browser.

Without a Chromium these tests are skipped, or fail where one is required.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jlrp.report import Report
from tests.browser.chromium import Page, chromium, executable

Shown = Callable[[Report], Page]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One page of one browser.

    `JLRP_BROWSER=required` (`make test-browser`) turns its absence into a failure.
    """
    program = executable()
    if program is None:
        reason = "no Chromium: install one (Debian: apt-get install chromium), or name it in JLRP_CHROMIUM"
        (pytest.fail if os.environ.get("JLRP_BROWSER") == "required" else pytest.skip)(reason)
    with chromium(program, tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def show(browser: Page, tmp_path: Path) -> Iterator[Shown]:
    """Open a report and wait until its first images are drawn.

    Afterwards its console must have been silent.
    """
    browser.events.clear()

    def opened(report: Report) -> Page:
        path = tmp_path / "report.html"
        path.write_text(report.html(), "utf-8")
        browser.open(path)
        browser.until("document.querySelector('[data-drawn]') !== null")
        return browser

    yield opened
    assert browser.problems() == []
    assert set(browser.requests()) == {(tmp_path / "report.html").as_uri()}
