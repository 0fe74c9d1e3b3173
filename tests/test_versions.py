"""Which versions the project says that it needs, and which ones are tested."""

import re
import tomllib
from pathlib import Path

import pytest

from tools.lower_bounds import constraints

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = ("cli", "test", "docs")  # and peers, whose zennit depends on the version of Python


def named(lines):
    """Versions, as tuples of numbers, by name."""
    found = (re.fullmatch(r"([\w.-]+)==([\d.]+).*", line) for line in lines)
    return {
        match[1].lower().replace("_", "-"): tuple(map(int, match[2].rstrip(".").split(".")))
        for match in found
        if match
    }


def test_the_pinned_versions_are_allowed_ones():
    pinned = named((ROOT / "constraints.txt").read_text("utf-8").splitlines())
    for name, bound in named(constraints(PROJECT, EXTRAS)).items():
        assert pinned[name] >= bound, name


def test_lower_bounds():
    made = {
        "dependencies": ["numpy>=2.0"],
        "optional-dependencies": {"cli": ["rich>=15.0"], "test": ["pytest>=8"]},
    }
    assert constraints(made, ["cli"]) == ["numpy==2.0", "rich==15.0"]
    assert constraints(PROJECT, ["cli", "test"])


@pytest.mark.parametrize("requirement", ["numpy", "numpy==2.0", "numpy>=2.0,<3"])
def test_a_requirement_without_a_plain_lower_bound_is_refused(requirement):
    with pytest.raises(SystemExit, match="is not name>=version"):
        constraints({"dependencies": [requirement], "optional-dependencies": {}}, [])
