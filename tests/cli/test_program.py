"""The program as a whole.

Help, version, presets, the extra, and what importing the library does not import.
"""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import ir
import jlrp as library
from jlrp.cli.methods import NAMES
from tests.cli.asserts import assert_fine, assert_refused

ROOT = Path(library.__file__).parents[1]


def python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_version(jlrp):
    result = jlrp("--version")
    assert_fine(result)
    assert result.stdout == f"jlrp {library.__version__}\n"


@pytest.mark.parametrize("command", [(), ("demo",), ("explain",), ("inspect",), ("presets",)])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(jlrp, command, option):
    result = jlrp(*command, option)
    assert_fine(result)
    assert result.stdout.startswith(f"Usage: {' '.join(('jlrp', *command))} ")
    if command != ("presets",):
        assert "Example" in result.stdout


def test_without_a_command_the_help_is_shown(jlrp):
    result = jlrp()
    assert result.exit_code == 2
    assert result.stdout.startswith("Usage: jlrp ")


def test_an_unknown_command(jlrp):
    assert_refused(jlrp("explian"), "explian", "jlrp --help")


def test_presets_are_listed_with_what_they_do(jlrp):
    result = jlrp("presets")
    assert_fine(result)
    lines = {line.split()[0]: line for line in result.stdout.splitlines()[1:] if line.strip()}
    assert list(lines) == list(NAMES)
    for name, line in lines.items():
        assert len(line.split()) > 4, f"{name} has no description"


@pytest.mark.parametrize(
    ("module", "package"), [("typer", "typer"), ("PIL", "pillow"), ("jinja2", "jinja2")]
)
def test_without_the_extra_one_sentence_says_what_to_install(module, package):
    code = f"import sys; import jlrp.__main__ as program; sys.modules[{module!r}] = None"
    code += "; sys.argv[1:] = ['explain', 'model.h5', 'cat.png']"
    result = python(f"{code}; program.main()")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == f'The jlrp command needs {package}: pip install "jlrp[cli]"\n'


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["explain", "--help"], ["compare", "--help"]]
)
def test_help_waits_for_nothing(arguments):
    result = python(
        f"import sys; sys.argv[1:] = {arguments!r}\n"
        "import jlrp.__main__ as program\n"
        "try: program.main()\n"
        "except SystemExit as stop: print(stop.code, sorted({'jax', 'numpy', 'matplotlib', 'PIL'} & set(sys.modules)))"
    )
    assert result.stdout.splitlines()[-1] == "0 []", result.stderr


def test_an_interruption_before_the_program_has_begun():
    result = python(
        "import sys; import jlrp.__main__ as program\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting()); program.main()"
    )
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_importing_the_library_imports_nothing_of_the_extra_and_leaves_the_environment_alone():
    result = python(
        "import os, sys; before = dict(os.environ); import ir, jlrp\n"
        "print(sorted({'typer', 'PIL', 'matplotlib', 'jlrp.cli', 'jlrp.plot'} & set(sys.modules)))\n"
        "import jlrp.cli; print(before == dict(os.environ))"
    )
    assert result.stdout == "[]\nTrue\n", result.stderr


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ir.LoadError("The file is odd."), "The file is odd."),
        (ir.ShapeError("Layer 'a' does not fit."), "Layer 'a' does not fit."),
        (
            NotImplementedError("Layer 'a':\n  nothing computes it."),
            "Layer 'a': nothing computes it.",
        ),
        (MemoryError(), "Not enough memory: give a smaller --batch-size."),
        (
            jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"),
            "Not enough memory: give a smaller --batch-size.",
        ),
        (OSError(13, "Permission denied", "maps"), "maps: Permission denied."),
    ],
)
def test_what_is_expected_to_fail_is_said_in_one_sentence(jlrp, monkeypatch, error, sentence):
    def fail():
        raise error

    monkeypatch.setattr("jlrp.cli.methods.console", fail)
    result = jlrp("presets")
    assert_refused(result)
    assert result.stderr == f"Error: {sentence}\n"


def test_what_is_not_expected_is_no_wrong_input(jlrp, monkeypatch):
    def fail():
        raise KeyError("odd\x1b[31m")

    monkeypatch.setattr("jlrp.cli.methods.console", fail)
    monkeypatch.delenv("JLRP_TRACEBACK", raising=False)
    result = jlrp("presets")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: This is a mistake in jlrp, please report it: KeyError: ")
    assert "test_program.py:" in line
    assert line.isprintable()
    monkeypatch.setenv("JLRP_TRACEBACK", "1")
    assert jlrp("presets").stderr.startswith("Traceback (most recent call last):")


def test_an_interruption_ends_the_program_quietly(jlrp, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("jlrp.cli.methods.console", interrupt)
    result = jlrp("presets")
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == "Interrupted: what has been written is whole."
    assert "Traceback" not in result.output
