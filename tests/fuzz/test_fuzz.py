"""A short run of the fuzzer, and the worst files made by hand."""

from pathlib import Path
from random import Random

import pytest

import ir
from tests.fuzz import surfaces, worst
from tests.fuzz.harness import SECONDS, UNFORESEEN, read
from tests.fuzz.mutate import LEVELS, Case, chosen
from tests.fuzz.reading import given, tried
from tests.fuzz.seeds import FORMATS, seeds

PATH = Path("model.h5")
GUARD = 10 * SECONDS
"""What only a walk without end would take: time is measured by `python -m tests.fuzz`."""


def assert_as_it_should_be(outcome, case):
    assert outcome.kind in ("model", "refused"), f"{case}: {outcome.message}"


@pytest.mark.parametrize("format", FORMATS)
def test_files_are_read_before_they_are_changed(tmp_path, format):
    for seed in seeds(format):
        outcome = given(format, seed.content, seed.other, tmp_path, GUARD)
        assert outcome.kind == "model", f"{seed.name}: {outcome.message}"


@pytest.mark.parametrize(("format", "level"), LEVELS)
def test_changed_files_are_read_or_refused(tmp_path, format, level):
    rng = Random(f"{format} {level}")
    outcomes = set()
    for _ in range(3 if level == "storage" else 40):
        case = chosen(format, level, rng)
        _, outcome = tried(case, tmp_path, GUARD)
        assert_as_it_should_be(outcome, case)
        outcomes.add(outcome.kind)
    assert level in ("bytes", "storage") or outcomes == {"model", "refused"}


@pytest.mark.parametrize("name", worst.FILES)
def test_the_worst_files(tmp_path, name):
    outcome = given("h5", worst.FILES[name](), b"", tmp_path, GUARD)
    assert_as_it_should_be(outcome, name)
    assert UNFORESEEN not in outcome.message


@pytest.mark.parametrize(
    ("does", "problem"),
    [
        (lambda: [None for _ in iter(int, 1)], "not done"),
        (lambda: b"1" * (50 * 2**20), "MiB"),
        (lambda: next(iter(())), "StopIteration"),
        (lambda: refuse("has the layer 'x'."), "does not name the file"),
        (lambda: refuse(f"The file '{PATH}' is large.", MemoryError()), "lack of memory"),
    ],
)
def test_failures_are_seen(monkeypatch, does, problem):
    """The harness itself.

    What is slow, large, no `LoadError`, or one that says too little, is found.
    """
    monkeypatch.setattr("tests.fuzz.harness.MEMORY", 20 * 2**20)
    monkeypatch.setattr("ir.load", lambda *_, **__: does() and model())
    outcome = read(PATH, None, SECONDS / 2)
    assert outcome.kind == "failed"
    assert problem in outcome.message


def model():
    return ir.Model(ir.Graph([ir.Node("y", ir.Relu(), ("x",))], ["x"], ["y"]), {}, ((None, 2),))


def refuse(sentence, cause=None):
    raise ir.LoadError(sentence) from cause


@pytest.mark.parametrize(
    ("surface", "count"),
    [("image", 200), ("labels", 200), ("arrays", 200), ("classes", 200), ("arguments", 60)],
)
def test_what_else_strangers_give(tmp_path, monkeypatch, surface, count):
    monkeypatch.chdir(tmp_path)
    outcomes = {surfaces.once(surface, number, tmp_path) for number in range(count)}
    assert outcomes <= {surfaces.FINE, surfaces.REFUSED}
    assert surfaces.REFUSED in outcomes


def test_what_a_command_may_not_do_is_seen():
    for code, out, err in (
        (1, "", "Error: odd."),
        (0, "\x1b[31m", ""),
        (0, "", "Error: odd."),
        (2, "", ""),
        (2, "", "Traceback (most recent call last):"),
        (2, "", f"Error: {'x' * 3000}."),
    ):
        with pytest.raises(surfaces.FailedError):
            surfaces.judge(code, out, err)
    surfaces.judge(2, "", "Error: odd.\n")


def test_a_file_that_is_not_whole_is_seen(tmp_path):
    for name in ("a.png", "a.npz", "a.safetensors", "a.part"):
        (tmp_path / name).write_bytes(surfaces.images()["png RGB"][:100])
        with pytest.raises(surfaces.FailedError):
            surfaces.require_whole(tmp_path / name)


def test_a_case_is_made_again_from_its_text():
    case = chosen("keras", "container", Random(1))
    assert Case.parsed(str(case)) == case
    assert Case.parsed(str(case)).made() == case.made()
