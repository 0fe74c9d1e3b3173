"""Check that `import ir` finds the package that comes with jlrp.

Another distribution has a package of this name too.
"""

from importlib.util import find_spec

MARK = '__distribution__ = "jlrp"'
"""A line that only our own `ir/__init__.py` has."""


def require_own_ir() -> None:
    """Check which package `import ir` finds, without importing it.

    Raises:
        ImportError: It finds another package, or none.
    """
    try:
        found = find_spec("ir")
    except (ImportError, ValueError):  # a module that somebody put in its place by hand
        found = None
    source = getattr(found and found.loader, "get_source", lambda _: None)("ir") or ""
    if MARK in source.splitlines():
        return
    place = getattr(found, "origin", None) or next(
        iter(getattr(found, "submodule_search_locations", None) or ()), None
    )
    raise ImportError(
        "jlrp needs the package ir that comes with it, but import ir finds "
        f"{f'another one, {place}' if place else 'none'}. If that is your own file, rename it. If "
        "it came with "
        "pip install ir, both packages use the same folder: run pip uninstall ir jlrp, then "
        "install jlrp again in an "
        "environment without the other one.",
        name="ir",
    )
