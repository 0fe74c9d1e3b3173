"""The `jlrp` command, also `python -m jlrp`."""

import logging
import os
import sys

EXTRA = {"typer": "typer", "rich": "rich", "PIL": "pillow", "matplotlib": "matplotlib", "jinja2": "jinja2"}
"""What the command line imports beyond the library's own dependencies, and the package in the extra that has it."""


def main() -> None:
    """Run the command line; without the extra `jlrp[cli]`, say so in one sentence and exit with 2."""
    _open_streams()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it keeps its fonts is nobody's concern
    try:
        from jlrp.cli import program
    except ModuleNotFoundError as error:
        sentence = missing(error)
        if not sentence:
            raise
        print(sentence, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:  # while it was still importing
        sys.exit(130)
    program(prog_name="jlrp")


def missing(error: ModuleNotFoundError) -> str:
    """What to say of a package that is not there; empty where that is none of the extra's."""
    module = (error.name or "").partition(".")[0]
    return f'The jlrp command needs {EXTRA[module]}: pip install "jlrp[cli]"' if module in EXTRA else ""


def _open_streams() -> None:
    """Standard input, output and error where they were closed: else a file that is written gets their number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    main()
