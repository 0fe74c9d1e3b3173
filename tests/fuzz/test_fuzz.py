"""A short run of the fuzzer, and the worst files made by hand."""

from pathlib import Path
from random import Random

import pytest

import ir
from tests.fuzz import worst
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
    """The harness itself: what is slow, large, no `LoadError`, or one that says too little, is found."""
    monkeypatch.setattr("tests.fuzz.harness.MEMORY", 20 * 2**20)
    monkeypatch.setattr("ir.load", lambda *_, **__: does() and model())
    outcome = read(PATH, None, SECONDS / 2)
    assert outcome.kind == "failed"
    assert problem in outcome.message


def model():
    return ir.Model(ir.Graph([ir.Node("y", ir.Relu(), ("x",))], ["x"], ["y"]), {}, ((None, 2),))


def refuse(sentence, cause=None):
    raise ir.LoadError(sentence) from cause


def test_a_case_is_made_again_from_its_text():
    case = chosen("keras", "container", Random(1))
    assert Case.parsed(str(case)) == case
    assert Case.parsed(str(case)).made() == case.made()
