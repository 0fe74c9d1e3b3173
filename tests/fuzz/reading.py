"""Cases as files, read by the harness."""

from pathlib import Path

from tests.fuzz.harness import SECONDS, Outcome, read
from tests.fuzz.mutate import Case
from tests.fuzz.seeds import named


def tried(case: Case, folder: Path, seconds: float = SECONDS) -> tuple[list[str], Outcome]:
    """The changes that make a case, and what comes of it when its file is written into a folder and
    read."""
    content, edits = case.made()
    return edits, given(case.format, content, named(case.seed).other, folder, seconds)


def given(
    format: str, content: bytes, other: bytes, folder: Path, seconds: float = SECONDS
) -> Outcome:
    """What comes of a file's content.

    `other` is that of the file that it is read with, if there is one.
    """
    path, second = folder / "input", folder / "second"
    path.write_bytes(content)
    if not other:
        return read(path, None, seconds)
    second.write_bytes(other)
    return read(second, path, seconds) if format == "json" else read(path, second, seconds)
