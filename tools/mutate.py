"""Does the test suite bite? Change one sign, clamp, comparison, axis or number at a time, and see.

    python -m tools.mutate [--count 48] [--seed 0] [--files 'jlrp/rules/*.py'] [--quick] [--deeper]

Each mutant is a copy of the project with one change in `rules/`, `ops/`, `fast/` or `passes/`. It
meets the matching test files first, their quick tests before their slow ones, then what
`make test-fast` runs, and with `--deeper` the whole suite. The script prints one line for each
mutant, and how many survived. Some survivors compute the same: read them.
"""

import argparse
import ast
import fnmatch
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = ("ir", "jlrp", "tests", "benchmarks", "tools", "examples", "docs", "pyproject.toml")
LIMIT = 1800
"""Seconds for one run of tests; a mutant that takes longer counts as caught."""

NO_TESTS = 5
"""What pytest says where all tests of a file are slow, and so are left out."""

MATCHING = {
    **dict.fromkeys(
        ("jlrp/rules/detached.py", "jlrp/rules/gradient.py", "jlrp/rules/product.py"),
        ("tests/jlrp/test_products_and_norms.py", "tests/jlrp/test_rules.py"),
    ),
    "jlrp/rules/combine.py": ("tests/jlrp/test_composite.py", "tests/jlrp/test_decision.py"),
    "jlrp/rules/passing.py": ("jlrp/rules/passing.py", "tests/jlrp/test_rules.py"),
    "jlrp/rules/softmax.py": ("tests/jlrp/test_softmax.py",),
    "jlrp/rules/": (
        "tests/jlrp/test_rules.py",
        "tests/jlrp/test_shares.py",
        "tests/jlrp/test_contract.py",
    ),
    "jlrp/fast/rules.py": ("tests/jlrp/test_shares.py", "tests/jlrp/fast/test_equal.py"),
    "jlrp/fast/zeros.py": ("tests/jlrp/test_shares.py", "tests/jlrp/fast/test_equal.py"),
    "jlrp/fast/": (
        "tests/jlrp/fast/test_depthwise.py",
        "tests/jlrp/fast/test_windows.py",
        "tests/jlrp/fast/test_equal.py",
    ),
    "jlrp/ops/activation.py": ("tests/ir/test_keras_functions.py",),
    "jlrp/ops/softmax.py": ("tests/jlrp/test_softmax.py", "tests/ir/test_keras_functions.py"),
    **dict.fromkeys(
        ("jlrp/ops/resize.py", "jlrp/ops/scale.py"), ("tests/ir/test_keras_layers.py",)
    ),
    "jlrp/ops/norm.py": ("tests/jlrp/test_products_and_norms.py",),
    "jlrp/ops/": ("tests/jlrp/test_rules.py", "tests/jlrp/test_products_and_norms.py"),
    "ir/passes/decision.py": ("tests/jlrp/test_decision.py",),
    "ir/passes/": ("tests/ir/test_passes.py",),
}
"""The test files that a mutant meets first, by the start of its path."""

OPERATORS: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*"}
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Eq: "!=",
    ast.NotEq: "==",
}
NAMES = {
    "positive": "negative",
    "negative": "positive",
    "maximum": "minimum",
    "minimum": "maximum",
    "all": "any",
    "any": "all",
}


@dataclass(frozen=True)
class Mutant:
    """One change: the text from `start` to `end` of a file becomes `text`."""

    path: Path
    start: int
    end: int
    text: str

    def __str__(self) -> str:
        source = (ROOT / self.path).read_text()
        line = source.count("\n", 0, self.start) + 1
        begin = source.rfind("\n", 0, self.start) + 1
        shown = source[begin : source.find("\n", self.end)].strip()
        return (
            f"{self.path}:{line}  {source[self.start : self.end]!r} -> {self.text!r}  in: {shown}"
        )


def mutants(path: Path) -> Iterator[Mutant]:
    """All mutants of a file."""
    source = (ROOT / path).read_text()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def at(line: int, column: int) -> int:
        text = source[starts[line - 1] : starts[line]]
        return starts[line - 1] + len(text.encode()[:column].decode())

    def span(node: ast.expr) -> tuple[int, int]:
        return at(node.lineno, node.col_offset), at(node.end_lineno or 0, node.end_col_offset or 0)

    def between(left: ast.expr, right: ast.expr, old: str, new: str) -> Iterator[Mutant]:
        start, end = span(left)[1], span(right)[0]
        if source[start:end].count(old) == 1:
            place = source.index(old, start)
            yield Mutant(path, place, place + len(old), new)

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
                old = {"-": "+", "+": "-", "*": "/"}[OPERATORS[type(operator)]]
                old = "*" if isinstance(operator, ast.Mult) else old
                yield from between(left, right, old, OPERATORS[type(operator)])
            case ast.Compare(left, [operator], [right]) if type(operator) in COMPARISONS:
                old = {">=": ">", ">": ">=", "<=": "<", "<": "<=", "!=": "==", "==": "!="}
                new = COMPARISONS[type(operator)]
                yield from between(left, right, old[new], new)
            case ast.BoolOp(operator, [left, right, *_]):
                words = ("and", "or") if isinstance(operator, ast.And) else ("or", "and")
                yield from between(left, right, *words)
            case ast.UnaryOp(ast.USub(), operand):
                yield Mutant(path, span(node)[0], span(operand)[0], "")
            case ast.Name(name) | ast.Attribute(attr=name) if name in NAMES:
                end = span(node)[1]
                yield Mutant(path, end - len(name), end, NAMES[name])
            case ast.Constant(int(value)) if not isinstance(value, bool):
                yield Mutant(path, *span(node), str(value + 1))


def chosen(count: int, seed: int, patterns: list[str]) -> list[Mutant]:
    """Some mutants, spread over the files in turn."""
    files = sorted(
        path.relative_to(ROOT)
        for folder in ("jlrp/rules", "jlrp/ops", "jlrp/fast", "ir/passes")
        for path in (ROOT / folder).glob("*.py")
    )
    files = [path for path in files if any(fnmatch.fnmatch(str(path), p) for p in patterns)]
    rng = random.Random(seed)
    pools = [rng.sample(pool, len(pool)) for pool in map(list, map(mutants, files)) if pool]
    found: list[Mutant] = []
    while pools and len(found) < count:
        found += [pool.pop() for pool in pools]
        pools = [pool for pool in pools if pool]
    return found[:count]


def is_caught(root: Path, tests: tuple[str, ...], *options: str) -> bool:
    """Whether a run of tests in a folder fails."""
    flags = f"--xla_backend_optimization_level=0 {os.environ.get('XLA_FLAGS', '')}"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": flags}
    command = [sys.executable, "-m", "pytest", "-q", "-x", *options, *tests]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in (0, 1, 2, NO_TESTS):
        raise SystemExit(f"pytest did not run: {done.stdout}{done.stderr}")
    return done.returncode not in (0, NO_TESTS)


def run(mutant: Mutant, root: Path, quick: bool, deeper: bool) -> str:
    """What caught a mutant, or `survived`."""
    target = root / mutant.path
    source = target.read_text()
    target.write_text(source[: mutant.start] + mutant.text + source[mutant.end :])
    try:
        matching = next(
            tests for start, tests in MATCHING.items() if str(mutant.path).startswith(start)
        )
        for which in ("not slow", "slow"):
            if is_caught(root, matching, "-n", "0", "-m", which):
                return "matching test"
        if not quick and is_caught(root, (), "-n", "auto", "-m", "not slow"):
            return "test-fast"
        if deeper and is_caught(root, (), "-n", "auto"):
            return "whole suite"
        return "survived"
    finally:
        target.write_text(source)


def main() -> None:
    """Make mutants, run the tests on each, print what caught it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", action="append", help="a pattern of paths; may be repeated")
    parser.add_argument("--quick", action="store_true", help="the matching tests alone")
    parser.add_argument("--deeper", action="store_true", help="survivors meet the slow tests too")
    asked = parser.parse_args()
    results: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, root / name)
        for mutant in chosen(asked.count, asked.seed, asked.files or ["*"]):
            result = run(mutant, root, asked.quick, asked.deeper)
            results[result] = results.get(result, 0) + 1
            print(f"{result:<14} {mutant}", flush=True)
    print(", ".join(f"{count} {result}" for result, count in results.items()))


if __name__ == "__main__":
    main()
