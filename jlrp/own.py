"""Whether `import ir` finds the package that comes with jlrp: another distribution has a package of this name too."""

from importlib.util import find_spec

MARK = '__distribution__ = "jlrp"'
"""A line that `ir/__init__.py` has here, and nowhere else."""


def require_own_ir() -> None:
    """Raise `ImportError`, one sentence, where `import ir` finds something else, or nothing. Nothing is imported."""
    try:
        found = find_spec("ir")
    except (ImportError, ValueError):  # a module that somebody put in its place by hand
        found = None
    source = getattr(found and found.loader, "get_source", lambda _: None)("ir") or ""
    if MARK in source.splitlines():
        return
    place = getattr(found, "origin", None) or next(iter(getattr(found, "submodule_search_locations", None) or ()), None)
    raise ImportError(
        "jlrp needs the package ir that comes with it, but import ir finds "
        f"{f'another one, {place}' if place else 'none'}: if that is a file of yours, give it another name; if it came "
        "with pip install ir, both write to one folder, so uninstall the two (pip uninstall ir jlrp) and install jlrp "
        "again, in an environment without the other.",
        name="ir",
    )
