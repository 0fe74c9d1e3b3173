"""Keep the results of benchmarks as JSON, with machine, versions and commit."""

import json
import os
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import machine

RESULTS = Path(__file__).parent / "results"


def keep(name: str, rows: list[dict[str, Any]], **facts: Any) -> Path:
    """Write a benchmark's rows to `results/NAME.json`, in place of earlier ones."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), **facts, "rows": rows}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, indent=1) + "\n")
    os.replace(part, path)
    return path


def kept(name: str) -> dict[str, Any] | None:
    """The results of an earlier run, or `None`."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None
