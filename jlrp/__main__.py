"""The `jlrp` command, also `python -m jlrp`."""

import sys

EXTRA = {"typer": "typer", "rich": "rich", "PIL": "pillow", "matplotlib": "matplotlib", "jinja2": "jinja2"}
"""What the command line imports beyond the library's own dependencies, and the package in the extra that has it."""


def main() -> None:
    """Run the command line; without the extra `jlrp[cli]`, say so in one sentence and exit with 2."""
    try:
        from jlrp.cli import program
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRA:
            raise
        print(f'The jlrp command needs {EXTRA[module]}: pip install "jlrp[cli]"', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:  # while it was still importing
        sys.exit(130)
    program(prog_name="jlrp")


if __name__ == "__main__":
    main()
