"""A headless Chromium, driven over the DevTools protocol through two pipes.

No port, no driver, no package.

Messages are JSON texts that end in a zero byte (`--remote-debugging-pipe`): the browser reads file
descriptor 3 and writes to 4.
"""

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KEYS = {"Tab": 9, "Escape": 27, "End": 35, "Home": 36}
KEYS |= {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
"""Keys and their numbers."""

PATIENCE = 60
"""Seconds for anything that the browser is asked."""


def executable() -> str | None:
    """The Chromium to use: `JLRP_CHROMIUM`, or the first of `NAMES` that is installed."""
    return os.environ.get("JLRP_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One page of the browser: what was said on its console, and a way to ask."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read, self._number, self._rest = write, read, 0, b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, path: Path) -> None:
        """Go to a file and wait until it has loaded."""
        self._loaded("Page.navigate", url=path.resolve().as_uri())

    def reload(self) -> None:
        """Open the same file again."""
        self._loaded("Page.reload")

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        result = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true; `TimeoutError` where it never is."""
        end = time.monotonic() + PATIENCE
        while not self.value(expression):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.02)

    def press(self, key: str, **more: Any) -> None:
        """Press a key and let it go."""
        for event in ("keyDown", "keyUp"):
            number = KEYS[key]
            self.ask(
                "Input.dispatchKeyEvent",
                type=event,
                key=key,
                code=key,
                windowsVirtualKeyCode=number,
                **more,
            )

    def point(self, x: float, y: float) -> None:
        """Move the pointer there, in CSS pixels of the window."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def problems(self) -> list[Any]:
        """What went to the console or failed so far.

        Errors, warnings, exceptions, blocked requests.
        """
        self.value("1")
        kinds = (
            "Runtime.exceptionThrown",
            "Runtime.consoleAPICalled",
            "Log.entryAdded",
            "Network.loadingFailed",
        )
        return [event for event in self.events if event["method"] in kinds]

    def requests(self) -> list[str]:
        """The addresses that were asked for so far, without those whose content is part of the
        address."""
        asked = [
            e["params"]["request"]["url"]
            for e in self.events
            if e["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in asked if not url.startswith("data:")]

    def _loaded(self, method: str, **params: Any) -> None:
        seen = len(self.events)
        self.ask(method, **params)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events[seen:]):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._read], [], [], PATIENCE)[0]:
                raise TimeoutError("Chromium does not answer.")
            more = os.read(self._read, 1 << 20)
            if not more:
                raise RuntimeError("Chromium is gone.")
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        return json.loads(text)


@contextmanager
def chromium(program: str, folder: Path, *options: str) -> Iterator[Page]:
    """A page of a browser that ends with the block; its profile is in `folder`."""
    read_by_it, write = os.pipe()
    read, written_by_it = os.pipe()
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
    ]
    flags += [
        "--remote-debugging-pipe",
        f"--user-data-dir={folder}",
        "--window-size=1400,1000",
        *options,
    ]
    through_a_shell = f'exec "$@" 3<&{read_by_it} 4>&{written_by_it}'
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", through_a_shell, "chromium", program, *flags],
            pass_fds=(read_by_it, written_by_it),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    os.close(read_by_it)
    os.close(written_by_it)
    try:
        yield Page(write, read)
    finally:
        os.close(write)
        os.close(read)
        process.terminate()
        process.wait(PATIENCE)
