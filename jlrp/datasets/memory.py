"""How much memory there is, and a sentence where something needs more."""

import os
from contextlib import suppress
from pathlib import Path

from jlrp.datasets.errors import DataError


def memory() -> int | None:
    """Find how many bytes of memory the machine has, or a container may take.

    Returns:
        The bytes, or `None` if the system does not say.
    """
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    with suppress(OSError, ValueError):  # "max" is no number
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text("ascii")))
    return found


def require_memory(needed: int, what: str, advice: str) -> None:
    """Raise `DataError` if something needs more than all memory.

    Otherwise the system would end the program without a word.

    Args:
        needed: The bytes.
        what: What needs them, with a verb: "The file holds".
        advice: What to do instead.

    Raises:
        DataError: There is less memory.
    """
    there = memory()
    if there is not None and needed > there:
        raise DataError(
            f"{what} about {needed / 1e9:,.1f} GB of values, and there are {there / 1e9:,.1f} GB "
            "of "
            f"memory: {advice}."
        )
