"""How a run of the command line should have ended."""

from typer.testing import Result


def assert_fine(result: Result) -> None:
    """Exit code 0, and nothing on standard error."""
    assert result.exit_code == 0, result.output
    assert result.stderr == ""


def assert_refused(result: Result, *words: str) -> None:
    """Exit code 2, one sentence on standard error with these words in it, no traceback."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert line.endswith((".", "?", ")")), line
    for word in words:
        assert word in line, line
