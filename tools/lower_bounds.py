"""Print the lower bounds in pyproject.toml as constraints for pip, for `make test-oldest`.

python -m tools.lower_bounds cli test    # of the dependencies, and of two extras
"""

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def main(extras: list[str]) -> None:
    """Print one constraint a line."""
    print("\n".join(constraints(tomllib.loads(PYPROJECT.read_text("utf-8"))["project"], extras)))


def constraints(project: dict[str, Any], extras: Iterable[str]) -> list[str]:
    """`name==version` for the dependencies of a project and of some of its extras."""
    optional = project["optional-dependencies"]
    requirements = [
        *project["dependencies"],
        *(line for extra in extras for line in optional[extra]),
    ]
    return [_lowest(requirement) for requirement in requirements]


def _lowest(requirement: str) -> str:
    found = re.fullmatch(r"([\w.-]+)>=([\d.]+)", requirement)
    if found is None:
        raise SystemExit(
            f"{requirement!r} in pyproject.toml is not name>=version: give its oldest version."
        )
    return f"{found[1]}=={found[2]}"


if __name__ == "__main__":
    main(sys.argv[1:])
