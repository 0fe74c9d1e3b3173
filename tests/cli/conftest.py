"""What the tests of the command line share: a way to run it, models and images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from jlrp.cli import program

Jlrp = Callable[..., Result]


@pytest.fixture
def jlrp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jlrp:
    """Run the command in an empty folder: `jlrp("explain", model, image)`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(
            program, [str(argument) for argument in arguments], prog_name="jlrp"
        )

    return run


@pytest.fixture
def model(data: Path) -> Path:
    """A small model of 16×16 RGB images with 5 classes, channels last."""
    return data / "keras/keras1.2.2/mini_sequential_k1.full.h5"


@pytest.fixture
def channels_first_model(data: Path) -> Path:
    """A small ResNet of 32×32 RGB images with 5 classes, channels first."""
    return data / "keras/keras2.2.4_theano_channels_first/mini_resnet_theano_channels_first.full.h5"


@pytest.fixture
def photo(tmp_path: Path) -> Callable[..., Path]:
    """Write a picture of noise: `photo("a/cat.png", seed=1)`."""

    def write(name: str, seed: int = 0, size: tuple[int, int] = (20, 24)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return write
