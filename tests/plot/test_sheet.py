"""Texts in lines."""

import pytest

from jlrp.plot.sheet import balanced, width_of, wrapped


@pytest.mark.parametrize("width", [0.5, 1.0, 1.196, 2.0])
def test_lines_fit_and_begin_with_no_space(width):
    text = "no relevance reached the input: the ledger says where it went"
    lines = wrapped(text, width, 6).splitlines()
    assert all(width_of(line, 6) <= width for line in lines)
    assert all(line == line.strip() for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    "text", ["m" * 20_000, "m " * 10_000, "m_" * 10_000, "\u0301" * 20_000, " " * 20_000]
)
def test_texts_of_any_length_are_broken(text):
    lines = wrapped(text, 1.0, 8).splitlines() or [""]
    assert all(width_of(line, 8) <= 1.0 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize(
    "text", ["\n\nlong " * 30, "a\n" * 9, "x" * 400 + "\n97.3 %", "word " * 99 + "\n" + "y" * 99]
)
def test_at_most_so_many_lines_and_a_sign_where_some_are_left_out(text, most):
    lines = wrapped(text, 1.0, 8, most).splitlines()
    assert len(lines) == most
    assert sum(line.endswith("…") for line in lines) == 1
    assert all(width_of(line, 8) <= 1.0 for line in lines)


def test_balanced_lines_are_no_more_than_needed():
    text = "guided backpropagation of a long name"
    lines = balanced(text, 1.4, 8).splitlines()
    assert len(lines) == len(wrapped(text, 1.4, 8).splitlines())
    assert " ".join(lines) == text
