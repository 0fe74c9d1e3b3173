"""`jlrp compare`: the picture it makes, and what it refuses."""

import json
import os
from base64 import b64decode
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import jax
import numpy as np
import pytest
from PIL import Image

import ir
import jlrp as library
from jlrp import plot
from jlrp.cli.options import Channels, Colours, Scale
from jlrp.datasets import frame_of, load_images
from tests.cli.asserts import assert_fine, assert_refused

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
TWO = ("--presets", "epsilon,epsilon_plus")


def texts(path: Path) -> list[str]:
    return ["".join(each.itertext()).strip() for each in ElementTree.parse(path).iter(f"{SVG}text")]


def embedded(path: Path) -> list[np.ndarray]:
    """The pictures in an SVG file, the right way up."""
    found = []
    for each in ElementTree.parse(path).iter(f"{SVG}image"):
        (Path(path.parent) / "part.png").write_bytes(
            b64decode(each.get(LINK, "").partition(",")[2])
        )
        with Image.open(path.parent / "part.png") as image:
            found.append(np.asarray(image.convert("RGB")))
    return found


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("ant\nbee\ncat\ndog\neel\n")
    return path


def explained(model: Path, paths: list[Path], preset: str, classes: list[list[int]], **options):
    """What the library says of the same images.

    (images, classes, H, W, C) and the outputs before the softmax.
    """
    loaded = ir.load(model)
    frame = frame_of(loaded)
    inputs = load_images(frame, paths).images
    found = [
        jax.device_get(
            library.explainer(loaded.graph, preset, **options).per_class(
                loaded.params, inputs[i : i + 1], k
            )
        )
        for i, k in enumerate(classes)
    ]
    relevance = np.stack([each.relevance[:, 0] for each in found])
    return np.moveaxis(relevance, 2 + frame.channel_axis, -1), np.stack(
        [each.output[0] for each in found]
    )


# --- what is in the picture


def test_a_row_for_each_image_and_a_column_for_each_preset(jlrp, model, photo, tmp_path):
    result = jlrp("compare", model, photo("a.png", 1), photo("b.png", 2), *TWO, "-o", "grid.png")
    assert_fine(result)
    assert result.stdout.splitlines()[0] == "2 images, 2 presets"
    assert result.stdout.splitlines()[-1] == "see grid.png"
    with Image.open(tmp_path / "grid.png") as image:
        assert image.format == "PNG"
        assert image.width > image.height > 500


@pytest.mark.parametrize("which", ["model", "channels_first_model"])
def test_the_maps_are_those_of_the_library(jlrp, request, which, photo, tmp_path):
    model, image = request.getfixturevalue(which), photo("a.png", 1)
    assert_fine(
        jlrp(
            "compare",
            model,
            image,
            *TWO,
            "--targets",
            "4,0",
            "-o",
            "grid.svg",
            "--percentile",
            "100",
        )
    )
    pictures = embedded(tmp_path / "grid.svg")
    for preset in ("epsilon", "epsilon_plus"):
        (maps,), _ = explained(model, [image], preset, [[4, 0]])
        for values in maps.sum(-1, dtype=np.float64):
            expected = plot.colours(values, np.abs(values).max()).astype(int)
            same = [
                np.abs(each - expected).max() <= 1
                for each in pictures
                if each.shape == expected.shape
            ]
            assert any(same) or any(
                np.abs(each[::-1] - expected).max() <= 1
                for each in pictures
                if each.shape == expected.shape
            )


def test_each_row_has_class_label_and_probability(jlrp, model, photo, labels, tmp_path):
    image = photo("a.png", 1)
    assert_fine(
        jlrp(
            "compare", model, image, *TWO, "--targets", "top3", "--labels", labels, "-o", "grid.svg"
        )
    )
    _, (output,) = explained(model, [image], "epsilon", [[0]])
    chances = np.exp(output - output.max()) / np.exp(output - output.max()).sum()
    names, found = labels.read_text().split(), texts(tmp_path / "grid.svg")
    for index in np.argsort(-output)[:3]:
        assert names[index] in found
        assert f"class {index}, {100 * chances[index]:.1f} %" in found
    assert {"epsilon", "epsilon_plus", "image"} <= set(found)


def test_json_tells_the_rows(jlrp, model, photo, labels):
    images = [photo("a.png", 1), photo("b.png", 2)]
    result = jlrp(
        "compare", model, *images, *TWO, "--targets", "predicted,dog", "--labels", labels, "--json"
    )
    assert_fine(result)
    document = json.loads(result.stdout)
    assert document["picture"] == "jlrp-compare.png"
    assert document["presets"] == ["epsilon", "epsilon_plus"]
    _, outputs = explained(model, images, "epsilon", [[0], [0]])
    expected = [
        (str(image), int(index))
        for image, output in zip(images, outputs, strict=True)
        for index in dict.fromkeys([output.argmax(), 3])
    ]
    assert [(row["path"], row["class"]) for row in document["rows"]] == expected
    for row in document["rows"]:
        assert row["label"] == labels.read_text().split()[row["class"]]
        assert 0 <= row["probability"] <= 1


def test_a_class_named_twice_has_one_row(jlrp, model, photo):
    result = jlrp("compare", model, photo("a.png"), *TWO, "--targets", "top2,top5,1", "--json")
    assert len(json.loads(result.stdout)["rows"]) == 5


def test_options_mean_the_same_as_for_explain(jlrp, model, photo, tmp_path):
    image = photo("a.png", 1)
    options = ["--preprocess", "tf", "--resize", "nearest", "--start", "one"]
    assert_fine(
        jlrp(
            "explain",
            model,
            image,
            "--preset",
            "epsilon",
            "--target",
            "2",
            *options,
            "--no-pictures",
        )
    )
    with np.load(tmp_path / "jlrp-relevance/a.npz") as archive:
        values = archive["relevance"].sum(-1, dtype=np.float64)
    target = ["--presets", "epsilon", "--targets", "2", "--percentile", "100", "-o", "grid.svg"]
    assert_fine(jlrp("compare", model, image, *target, *options))
    expected = plot.colours(values, np.abs(values).max()).astype(int)
    pictures = [each for each in embedded(tmp_path / "grid.svg") if each.shape == expected.shape]
    assert any(
        np.abs(turned - expected).max() <= 1 for each in pictures for turned in (each, each[::-1])
    )


@pytest.mark.parametrize(
    "options",
    [
        ["--scale", "all", "--colours", "blue_orange", "--overlay"],
        ["--scale", "row", "--colours", "magma", "--channels", "norm"],
        ["--presets", "epsilon_gamma_box,epsilon", "--low", "-1", "--high", "300"],
        ["--scale", "column", "--size", "16", "--quiet"],
    ],
)
def test_looks(jlrp, model, photo, tmp_path, options):
    result = jlrp("compare", model, photo("a.png"), *TWO, *options, "-o", "out/grid.PDF")
    assert_fine(result)
    assert (tmp_path / "out/grid.PDF").read_bytes().startswith(b"%PDF-")
    assert (result.stdout == "") == ("--quiet" in options)


def test_the_choices_are_those_of_the_library():
    assert set(get_args(Colours)) == set(plot.COLOUR_MAPS)
    assert set(get_args(Scale)) == set(plot.SCALINGS)
    assert set(get_args(Channels)) == set(plot.POOLINGS)


def test_help_has_examples(jlrp):
    result = jlrp("compare", "--help")
    assert_fine(result)
    assert result.stdout.startswith("Usage: jlrp compare ")
    assert result.stdout.count("    jlrp compare ") == 3


# --- what is refused, with nothing written


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--presets", "epsilon,epsilon_pluss"], 'There is no preset "epsilon_pluss"'),
        (["--presets", "epsilon,epsilon_pluss"], 'Did you mean "epsilon_plus"?'),
        (["--presets", " , "], "--presets names none"),
        (["--targets", "top9"], "the model has 5 classes"),
        (["--targets", "top0"], "top0"),
        (["--targets", "5"], "the classes 0 to 4"),
        (["--targets", "-1"], "the classes 0 to 4"),
        (["--targets", "dog"], "give --labels"),
        (["--targets", ""], "names no class"),
        (["--colours", "jet"], "--colours"),
        (["--scale", "batch"], "--scale"),
        (["--percentile", "101"], "--percentile"),
        (["--low", "0"], "--low and --high are for epsilon_gamma_box"),
        (["-o", "grid.bmp"], "grid.bmp is no name for a picture: it ends in .png,"),
        (["-o", "grid"], "grid is no name for a picture"),
        (["-o", "folder.png"], "folder.png is a folder"),
        (["-o", "labels.txt/grid.png"], "labels.txt"),
        (["--labels", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_wrong_options(jlrp, model, photo, labels, tmp_path, options, words):
    (tmp_path / "folder.png").mkdir()
    image = photo("a.png")
    before = sorted(tmp_path.iterdir())
    assert_refused(jlrp("compare", model, image, *options), words)
    assert sorted(tmp_path.iterdir()) == before


def test_missing_arguments(jlrp, model):
    assert_refused(jlrp("compare"), "MODEL", "jlrp compare --help")
    assert_refused(jlrp("compare", model), "IMAGE")


def test_an_image_that_cannot_be_read_stops_all(jlrp, model, photo, tmp_path):
    (tmp_path / "bad.jpg").write_text("no image")
    assert_refused(jlrp("compare", model, photo("a.png"), "bad.jpg"), "bad.jpg cannot be read")
    assert_refused(jlrp("compare", model, "nowhere.jpg"), "nowhere.jpg cannot be read")
    assert not (tmp_path / "jlrp-compare.png").exists()


def test_a_model_that_is_none(jlrp, photo, tmp_path):
    (tmp_path / "bad.h5").write_text("no model")
    assert_refused(jlrp("compare", "bad.h5", photo("a.png")), "bad.h5")


def test_what_is_there_is_replaced_with_force_only(jlrp, model, photo, tmp_path):
    (tmp_path / "grid.png").write_text("mine")
    assert_refused(
        jlrp("compare", model, photo("a.png"), *TWO, "-o", "grid.png"),
        "grid.png is there",
        "--force",
    )
    assert (tmp_path / "grid.png").read_text() == "mine"
    assert_fine(jlrp("compare", model, photo("a.png"), *TWO, "-o", "grid.png", "--force"))
    assert (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")


def test_too_many_rows(jlrp, model, photo):
    images = [photo(f"{n}.png", n) for n in range(11)]
    assert_refused(jlrp("compare", model, *images, "--targets", "top5"), "55 rows", "at most 50")


def test_relevance_that_is_not_finite_names_image_and_preset(
    jlrp, model, photo, tmp_path, monkeypatch
):
    call = library.Bound.per_class

    def overflowing(self, images, classes):
        found = call(self, images, classes)
        return found.replace(relevance=found.relevance.at[0].set(np.inf))

    monkeypatch.setattr(library.Bound, "per_class", overflowing)
    assert_refused(
        jlrp("compare", model, photo("a.png"), *TWO),
        "a.png: its relevance under",
        '"epsilon" is not finite',
    )
    assert not (tmp_path / "jlrp-compare.png").exists()


def test_nothing_half_written_when_the_disk_is_full(jlrp, model, photo, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(os, "replace", full)
    assert_refused(
        jlrp("compare", model, photo("a.png"), *TWO, "-o", "out/grid.png"),
        "No space left on device",
    )
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["[red]$x$ :smile:.png", "日本.png", "-dash.png"])
def test_any_file_name(jlrp, model, photo, tmp_path, name):
    photo("in/a.png").rename(tmp_path / "in" / name)
    assert_fine(jlrp("compare", model, "in", "--presets", "epsilon", "-o", "grid.png"))
