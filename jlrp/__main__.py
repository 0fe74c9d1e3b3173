"""The `jlrp` command, also `python -m jlrp`."""

import logging
import os
import sys

EXTRA = {
    "typer": "typer",
    "rich": "rich",
    "PIL": "pillow",
    "matplotlib": "matplotlib",
    "jinja2": "jinja2",
}
"""Modules that only the command line imports, and the packages of the extra that have them."""


def main() -> None:
    """Run the command line.

    Without the extra `jlrp[cli]` it prints one sentence and exits with 2.
    """
    _open_streams()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it logs where it keeps its fonts
    try:
        from jlrp.cli import program
    except ModuleNotFoundError as error:
        sentence = missing(error)
        if not sentence:
            raise
        print(sentence, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:  # during the import
        sys.exit(130)
    program(prog_name="jlrp")


def missing(error: ModuleNotFoundError) -> str:
    """Say which package of the extra is missing; an empty string for any other module."""
    module = (error.name or "").partition(".")[0]
    if module not in EXTRA:
        return ""
    return f'The jlrp command needs {EXTRA[module]}: pip install "jlrp[cli]"'


def _open_streams() -> None:
    """Open standard input, output and error where they are closed.

    Otherwise the next file that is opened gets their number.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    main()
