"""`--layers`.

A file of the user's that says what unknown layers do, and errors in the words of the command line.
"""

import json

import h5py
import numpy as np
import pytest

import ir
from jlrp.cli.models import import_layers, load
from jlrp.cli.options import ModelOptions
from jlrp.cli.program import InputError, in_options, sentence_of
from tests.keras_files import saved, sequential


@pytest.fixture
def unknown(tmp_path):
    config = sequential(("CliGain", {"name": "gain", "batch_input_shape": [None, 4, 4, 3]}))
    return saved(
        tmp_path / "m.h5",
        config,
        {"gain": {"gain/g:0": np.array([1, 2, 3], "f")}},
        keras_version="2.4.0",
    )


def test_a_file_makes_a_layer_known(tmp_path, unknown):
    file = tmp_path / "my layers.py"
    file.write_text(
        "import ir, ir.keras\n"
        'ir.keras.register("CliGain", ir.Scale(), weights=lambda spec: [ir.keras.Weight("scale", ("g",), (3,))])\n'
    )
    with pytest.raises(ir.LoadError) as caught:
        load(ModelOptions(model=unknown))
    assert "--layers FILE" in sentence_of(caught.value)
    for _ in range(2):  # the file is executed once
        model = load(ModelOptions(model=unknown, layer_file=file))
        assert model.params["gain"]["scale"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("import ir\n\nraise ValueError('no\\nway')\n", ["in line 3", "ValueError: no way"]),
        ("def broken(:\n", ["in line 1", "SyntaxError"]),
        ("import no_such_module\n", ["in line 1", "no_such_module"]),
        ("import sys\nsys.exit(3)\n", ["in line 2", "SystemExit: 3"]),
        (
            'import ir.keras\nir.keras.register("Dense", like="Conv2D")\n',
            ["in line 2", "replace=True"],
        ),
    ],
)
def test_a_file_that_fails_is_one_sentence(tmp_path, content, words):
    file = tmp_path / "layers.py"
    file.write_text(content)
    with pytest.raises(InputError) as caught:
        import_layers(file)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in ("layers.py", "--layers", *words)), message


def test_no_python_file(tmp_path):
    (tmp_path / "layers.txt").touch()
    for name in ("layers.txt", "none.py", "."):
        with pytest.raises(InputError, match="takes a Python file"):
            import_layers(tmp_path / name)


def test_the_command_line_speaks_in_options(tmp_path):
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["layer_names"] = [b"d"]
        file.create_group("d").attrs["weight_names"] = []
    with pytest.raises(ir.LoadError) as caught:
        load(ModelOptions(model=tmp_path / "m.h5"))
    assert "give --architecture, a file" in sentence_of(caught.value)
    assert "architecture=" not in sentence_of(caught.value)
    assert json.dumps(in_options("nothing to change")) == '"nothing to change"'
