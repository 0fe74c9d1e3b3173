"""The examples run, and what they print is what they say."""

import re
import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.optimised

EXAMPLES = Path(__file__).parent.parent / "examples"
NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?"


@pytest.fixture
def printed(capsys):
    """Run an example; its lines."""

    def run(name):
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run


def numbers(line):
    return [float(number) for number in re.findall(NUMBER, line)]


def rows(lines, heading):
    """The lines under a heading, up to an empty one, by their first word."""
    begin = next(i for i, line in enumerate(lines) if line.startswith(heading))
    block = [*lines[begin + 1 :], ""]
    return {line.split()[0]: line for line in block[: block.index("")]}


def the_line(lines, words):
    (line,) = [line for line in lines if words in line]
    return line


@pytest.mark.slow
def test_swap_rules(printed):
    lines = printed("swap_rules")
    rules = rows(lines, "layer")
    assert rules["bn_conv1"].split()[1:] == ["ZPlus", "Epsilon", "WSquare", "Flat"]
    assert rules["bn2b_branch2c"].split()[1:] == ["ZPlus", "Epsilon", "Gamma", "Flat"]
    assert rules["bn3a_branch2b"].split()[1:] == ["ZPlus", "Epsilon", "AlphaBeta", "ZPlus"]
    assert rules["dense_1/linear"].split()[1:] == ["Epsilon"] * 4
    likeness = {
        name: dict(
            zip(("plus", "epsilon", "mixed", "flat"), map(float, line.split()[1:]), strict=True)
        )
        for name, line in rows(lines, "cosine similarity").items()
    }
    assert all(likeness[name][name] == 1 for name in likeness)
    assert likeness["plus"]["epsilon"] < likeness["plus"]["flat"] < likeness["plus"]["mixed"] < 1


@pytest.mark.slow
def test_sweep_gamma(printed):
    lines = printed("sweep_gamma")
    negative = [numbers(line)[1] for line in lines[1:7]]
    assert negative == sorted(negative, reverse=True)
    assert numbers(the_line(lines, "the sweep and single calls differ"))[0] < 1e-3
    assert numbers(the_line(lines, "compiled program"))[-1] == 1
    slope, difference = numbers(the_line(lines, "finite difference"))
    assert slope == pytest.approx(difference, rel=0.1)
    assert numbers(the_line(lines, "images: norm"))[0] > 0
    assert numbers(the_line(lines, "params: norm"))[0] > 0


@pytest.mark.slow
def test_custom_rule(printed):
    lines = printed("custom_rule")
    table = [numbers(line) for line in rows(lines, "factor").values()]
    assert [row[0] for row in table] == [0, 0.1, 0.25, 1]
    likeness = [row[2] for row in table]
    assert likeness == sorted(likeness)
    assert table[-1][1] < table[0][1]
    assert rows(lines, "layer")["square"].split() == ["square", "Square", "ToTheSource()"]
    sums = {numbers(line)[-1] for line in lines if line.startswith("R at")}
    assert sums == {numbers(the_line(lines, "output "))[0]}


@pytest.mark.slow
def test_contrastive(printed):
    lines = printed("contrastive")
    contrasts = {name: numbers(line) for name, line in rows(lines, "why 4").items()}
    assert contrasts["runner_up"][-1] < contrasts["none"][-1] - 0.1
    picture = "".join(lines[lines.index("") + 2 :][:26])
    assert picture.count("4") > 5
    assert picture.count("9") > 5
    share, *_ = numbers(the_line(lines, "passes through").partition("relevance")[2])
    assert 0.25 < share < 1
    assert numbers(the_line(lines, "it is all"))[0] < 1e-5
    assert len(numbers(the_line(lines, "ten classes"))) == 3  # times are not asserted


@pytest.mark.slow
def test_relevance_penalty(printed):
    plain, turned, penalised, penalised_turned = (
        numbers(line) for line in printed("relevance_penalty")[1:]
    )
    assert plain[-1] == penalised[-1] == 1  # read correctly where the square is as in training
    assert penalised[2] < 0.1 * plain[2]  # the corner's share
    assert penalised_turned[2] < 0.5 * turned[2]
    assert penalised_turned[3] > turned[3] + 0.25
    assert penalised_turned[1] < turned[1]


@pytest.mark.slow
def test_ledger(printed):
    lines = printed("ledger")
    layers = rows(lines, "layer")
    assert float(layers["dense_1/linear"].split()[2]) == float(layers["start"].split()[1])
    totals = {
        name: numbers(line.removeprefix(name)) for name, line in rows(lines, "kept by").items()
    }
    for start, *kept, error in totals.values():
        assert sum(kept) == pytest.approx(start, abs=1e-3)
        assert error < 1e-5
    rule = 5
    assert abs(totals["epsilon_plus"][rule]) < 1e-3
    assert totals["crawford2019"][rule] > 0.9 * totals["crawford2019"][0]
