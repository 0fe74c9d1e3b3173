"""The `jlrp` command, also `python -m jlrp`."""

import sys

EXTRA = frozenset({"typer", "rich", "PIL", "matplotlib"})
"""What the command line imports beyond the library's own dependencies: the extra `jlrp[cli]`."""


def main() -> None:
    """Run the command line; without the extra `jlrp[cli]`, say so in one sentence and exit with 2."""
    try:
        from jlrp.cli import program
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        print(f'The jlrp command needs {error.name}: pip install "jlrp[cli]"', file=sys.stderr)
        sys.exit(2)
    program(prog_name="jlrp")


if __name__ == "__main__":
    main()
