"""Who may import whom, room by room, and which names are public."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

import ir
import jlrp

ROOT = Path(__file__).parent.parent
NAMES = Path(__file__).parent / "golden" / "public_names.txt"

IR = (
    ("errors",),
    ("ops",),
    ("graph", "analysis"),
    ("preprocessing",),
    ("model",),
    ("passes",),
    ("formats",),
)
"""The rooms of `ir`, lowest first: each imports lower ones, and those on its own floor."""

JLRP = (
    ("own", "text"),
    ("ops",),
    ("rules",),
    ("composites",),
    ("propagation", "fast"),
    ("baselines", "api", "tracing"),
    ("datasets",),
    ("plot",),
    ("report",),
    ("cli",),
)
"""The rooms of `jlrp`, likewise. `fast` is a formulation, of which the explainer chooses one."""

UPWARDS = {
    ("jlrp/propagation/explanation.py", "plot"),  # a notebook's picture of a result, on demand
    ("jlrp/cli/program.py", "__main__"),  # what to say where the extra `cli` is not installed
}
"""Files that reach for a higher room, and why."""

PUBLIC = (
    "ir",
    "ir.architectures",
    "ir.keras",
    "jlrp",
    "jlrp.baselines",
    "jlrp.datasets",
    "jlrp.plot",
    "jlrp.report",
)
"""The modules whose `__all__` users rely on."""


def imports(path):
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize(("package", "floors"), [("ir", IR), ("jlrp", JLRP)])
def test_rooms_import_lower_rooms_only(package, floors):
    floor = {room: height for height, rooms in enumerate(floors) for room in rooms}
    for path in sorted((ROOT / package).rglob("*.py")):
        relative = path.relative_to(ROOT)
        room = relative.with_suffix("").parts[1]
        if room not in floor:  # the faces: __init__, __main__, ir.keras, ir.architectures
            assert len(relative.parts) == 2, f"{relative} is in no room of this table"
            continue
        for module in imports(path):
            parts = module.split(".")
            if parts[0] != package or len(parts) == 1 or (str(relative), parts[1]) in UPWARDS:
                continue
            assert floor.get(parts[1], 99) <= floor[room], (
                f"{relative} imports {module}, which is above it"
            )


def test_only_these_names_are_public():
    """A new name is a promise: add it to `tests/golden/public_names.txt` and to docs/reference."""
    found = [
        f"{module}.{name}"
        for module in PUBLIC
        for name in sorted(importlib.import_module(module).__all__)
    ]
    assert found == NAMES.read_text().split()


@pytest.mark.parametrize(
    "error", [ir.GraphError, ir.LoadError, jlrp.CompositeError, jlrp.TraceError]
)
def test_an_error_shows_the_name_that_users_import(error):
    module = importlib.import_module(error.__module__)
    assert getattr(module, error.__name__) is error
    assert "." not in error.__module__
    (example, *_) = doctest.DocTestFinder().find(error, error.__name__, module=False)
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
    assert result.attempted
    assert not result.failed
