"""`jlrp explain`: what it writes, and what it refuses."""

import json
import os
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import ir
import jlrp as library
from ir.preprocessing import CONVENTIONS
from jlrp.cli.image_run import image_files
from jlrp.datasets import Frame, frame_of
from jlrp.datasets.images import read_image
from jlrp.propagation.ledger import COLUMNS
from tests.cli.asserts import assert_fine, assert_refused

ROOT = Path(library.__file__).parents[1]


def outputs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def loaded(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


# --- what is written


def test_files_of_an_image():
    assert image_files(Path("maps"), "a.b", pictures=True) == {
        "relevance": Path("maps/a.b.npz"),
        "heatmap": Path("maps/a.b.heatmap.png"),
        "overlay": Path("maps/a.b.overlay.png"),
    }


def test_three_files_for_each_image(jlrp, model, photo, tmp_path):
    result = jlrp("explain", model, photo("in/cat.png"))
    assert_fine(result)
    folder = tmp_path / "jlrp-relevance"
    assert outputs(folder) == ["cat.heatmap.png", "cat.npz", "cat.overlay.png"]
    for name in ("cat.heatmap.png", "cat.overlay.png"):
        with Image.open(folder / name) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) >= 256
    assert "in/cat.png: class " in result.stdout
    assert "1 of 1 explained in " in result.stdout


def test_the_relevance_is_that_of_the_library(jlrp, model, photo, tmp_path):
    path = photo("cat.png")
    assert_fine(
        jlrp(
            "explain", model, path, "--preset", "epsilon_plus", "--preprocess", "tf", "--target", 3
        )
    )
    found = loaded(tmp_path / "jlrp-relevance/cat.npz")
    of = ir.load(model)
    images = read_image(path, Frame(16, 16, 3))[None].astype(np.float32) / np.float32(
        127.5
    ) - np.float32(1)
    expected = library.explainer(of.graph, "epsilon_plus")(of.params, images, target=3)
    scale = np.abs(expected.relevance).max()
    np.testing.assert_allclose(found["relevance"], expected.relevance[0], atol=1e-5 * scale)
    np.testing.assert_allclose(found["output"], expected.output[0], rtol=1e-4)
    np.testing.assert_allclose(
        found["probability"], library.forward(of.graph, of.params, images)[0, 3], rtol=1e-4
    )
    assert found["class_index"] == 3
    assert found["logit"] == found["output"][3]


def test_the_npz_says_how_it_was_made(jlrp, model, photo, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("ant\nbee\ncat\ndog\neel\n")
    path = photo("cat.png")
    options = (
        "--preprocess",
        "tf",
        "--target",
        "bee",
        "--start",
        "one",
        "--resize",
        "nearest",
        "--labels",
        labels,
    )
    assert_fine(jlrp("explain", model, path, *options))
    found = loaded(tmp_path / "jlrp-relevance/cat.npz")
    texts = {name: str(array) for name, array in found.items() if array.dtype.kind == "U"}
    assert texts == {
        "label": "bee",
        "preset": "epsilon_plus_flat",
        "start": "one",
        "note": "",
        "target": "1",
        "preprocess": "tf",
        "resize": "nearest",
        "layout": "channels_last",
        "image": str(path),
        "model": str(model),
    }


def test_channels_first_models_take_the_same_images(jlrp, channels_first_model, photo, tmp_path):
    path = photo("cat.png")
    assert_fine(
        jlrp("explain", channels_first_model, path, "--preprocess", "unit", "--preset", "epsilon")
    )
    found = loaded(tmp_path / "jlrp-relevance/cat.npz")
    of = ir.load(channels_first_model)
    images = read_image(path, Frame(32, 32, 3)).transpose(2, 0, 1)[None].astype(
        np.float32
    ) / np.float32(255)
    expected = library.explainer(of.graph, "epsilon")(of.params, images)
    assert found["relevance"].shape == (3, 32, 32)
    assert str(found["layout"]) == "channels_first"
    np.testing.assert_allclose(
        found["relevance"], expected.relevance[0], atol=1e-5 * np.abs(expected.relevance).max()
    )


def test_the_ledger_is_shown_and_stored(jlrp, model, photo, tmp_path):
    paths = [photo("in/a.png", 0), photo("in/b.png", 1)]
    options = ("--preset", "epsilon_plus", "--preprocess", "tf", "--no-pictures")
    result = jlrp("explain", model, *paths, *options, "--ledger", "-o", "with")
    assert_fine(result)
    of = ir.load(model)
    images = (
        np.stack([read_image(path, Frame(16, 16, 3)) for path in paths]).astype(np.float32)
        / np.float32(127.5)
        - 1
    )
    expected = library.explainer(of.graph, "epsilon_plus", ledger=True)(of.params, images).ledger
    first, second = (result.stdout.index(f"{path}: class ") for path in paths)
    for row, (path, shown) in enumerate(
        zip(paths, (result.stdout[first:second], result.stdout[second:]), strict=True)
    ):
        _, heading, *lines = shown.splitlines()
        assert heading.split()[:3] == ["layer", "rule", "received"]
        assert [line.split()[0] for line in lines[: len(expected.layers) + 2]] == [
            *expected.layers,
            "start",
            "inputs",
        ]
        found = loaded(tmp_path / "with" / f"{path.stem}.npz")
        assert found["ledger_layers"].tolist() == list(expected.layers)
        assert found["ledger_rules"].tolist() == list(expected.rules)
        columns = found["ledger_columns"].tolist()
        assert columns == ["received", "passed", "bias", "stabiliser", "empty", "cropped", "rule"]
        scale = np.abs(expected.entries[..., row]).max()
        np.testing.assert_allclose(found["ledger"], expected.entries[..., row], atol=1e-5 * scale)
        np.testing.assert_allclose(
            found["ledger_inputs"], found["relevance"].sum(), atol=1e-5 * scale
        )
        kept = found["ledger"][:, columns.index("bias") :].sum()
        np.testing.assert_allclose(
            found["ledger_start"], found["ledger_inputs"] + kept, atol=1e-5 * scale
        )
        assert found["ledger_start"] == found["logit"]


def test_without_the_ledger_nothing_is_said_of_it(jlrp, model, photo, tmp_path):
    result = jlrp("explain", model, photo("a.png"), "--no-pictures")
    assert_fine(result)
    assert "received" not in result.stdout
    assert not [name for name in loaded(tmp_path / "jlrp-relevance/a.npz") if "ledger" in name]


# --- presets with bounds


@pytest.mark.parametrize(
    ("mode", "low", "high"),
    [
        ("tf", -1.0, 1.0),
        (
            "caffe",
            np.array([-103.939, -116.779, -123.68]),
            np.array([255 - 103.939, 255 - 116.779, 255 - 123.68]),
        ),
    ],
)
@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_bounds_are_what_black_and_white_become(
    jlrp, request, photo, tmp_path, mode, low, high, layout
):
    path = request.getfixturevalue("model" if layout == "channels_last" else "channels_first_model")
    options = ("--preset", "epsilon_gamma_box", "--preprocess", mode, "--no-pictures")
    assert_fine(jlrp("explain", path, photo("a.png"), *options))
    found, of = loaded(tmp_path / "jlrp-relevance/a.npz"), ir.load(path)
    frame = frame_of(of)
    images = frame.to_layout(CONVENTIONS[mode](read_image(tmp_path / "a.png", frame)[None]))
    rules = library.PRESETS["epsilon_gamma_box"](low, high)
    expected = library.explainer(of.graph, rules)(of.params, images).relevance[0]
    np.testing.assert_allclose(found["relevance"], expected, atol=1e-5 * np.abs(expected).max())
    assert str(found["layout"]) == layout


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_bounds_may_be_given(jlrp, request, photo, tmp_path, layout):
    path = request.getfixturevalue("model" if layout == "channels_last" else "channels_first_model")
    options = (
        "explain",
        path,
        photo("a.png"),
        "--preset",
        "epsilon_gamma_box",
        "--preprocess",
        "unit",
    )
    for folder, given in (
        ("guessed", ()),
        ("same", ("--low", 0, "--high", 1)),
        ("wider", ("--high", 3)),
    ):
        assert_fine(jlrp(*options, *given, "--no-pictures", "-o", folder))
    guessed, same, wider = (
        loaded(tmp_path / f / "a.npz")["relevance"] for f in ("guessed", "same", "wider")
    )
    np.testing.assert_allclose(same, guessed, atol=1e-5 * np.abs(guessed).max())
    assert np.abs(wider - guessed).max() > 0.01 * np.abs(guessed).max()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--low", "1", "is not below the greatest"),
        ("--high", "-2", "is not below the greatest"),
        ("--low", "nan", "finite numbers"),
        ("--high", "1e39", "finite numbers"),
    ],
)
def test_bounds_that_hold_nothing(jlrp, model, photo, tmp_path, option, value, words):
    options = ("--preset", "epsilon_gamma_box", "--preprocess", "unit", f"{option}={value}")
    assert_refused(jlrp("explain", model, photo("a.png"), *options), words, "--low")
    assert not (tmp_path / "jlrp-relevance").exists()


def test_the_last_batch_is_filled_up_and_one_program_serves_all(
    jlrp, model, photo, tmp_path, monkeypatch
):
    shapes = []
    call = library.Bound.__call__

    def recording(self, images, target=None, **options):
        shapes.append(images.shape)
        return call(self, images, target, **options)

    monkeypatch.setattr(library.Bound, "__call__", recording)
    for seed in range(3):
        photo(f"in/{seed}.png", seed)
    assert_fine(jlrp("explain", model, "in", "--batch-size", 2, "--no-pictures", "-o", "two"))
    assert shapes == [(2, 16, 16, 3), (2, 16, 16, 3)]
    assert_fine(jlrp("explain", model, "in", "--batch-size", 1, "--no-pictures", "-o", "one"))
    for name in ("0.npz", "1.npz", "2.npz"):
        two, one = loaded(tmp_path / "two" / name), loaded(tmp_path / "one" / name)
        np.testing.assert_allclose(
            two["relevance"], one["relevance"], atol=1e-5 * np.abs(one["relevance"]).max()
        )


def test_folders_give_their_images_sorted(jlrp, model, photo, tmp_path):
    for name in ("in/b.png", "in/A.JPG", "in/c.bmp", "in/.hidden.png", "in/inner/d.png"):
        photo(name)
    (tmp_path / "in/notes.txt").write_text("no image")
    result = jlrp("explain", model, "in", "--no-pictures")
    assert_fine(result)
    assert result.stdout.startswith("3 images, ")
    shown = [line.partition(":")[0] for line in result.stdout.splitlines() if line.startswith("in")]
    assert shown == ["in/A.JPG", "in/b.png", "in/c.bmp"]


def test_an_image_given_twice_is_explained_once(jlrp, model, photo):
    path = photo("in/a.png")
    assert jlrp("explain", model, path, path.parent, "--no-pictures").stdout.startswith("1 image, ")


def test_images_of_one_name_from_two_folders(jlrp, model, photo, tmp_path):
    first, second = photo("a/1.png", 1), photo("b/1.png", 2)
    assert_fine(jlrp("explain", model, first, second, "--no-pictures"))
    folder = tmp_path / "jlrp-relevance"
    assert outputs(folder) == ["a-1.npz", "b-1.npz"]
    assert str(loaded(folder / "a-1.npz")["image"]) == str(first)
    assert str(loaded(folder / "b-1.npz")["image"]) == str(second)


def test_its_own_pictures_are_not_read_again_from_a_folder(jlrp, model, photo):
    photo("in/a.png")
    for _ in range(2):
        assert jlrp("explain", model, "in", "-o", "in", "--force").stdout.startswith("1 image, ")


def test_the_same_run_writes_the_same_files(jlrp, model, photo, tmp_path):
    path = photo("a.png")
    for folder in ("one", "two"):
        assert_fine(jlrp("explain", model, path, "-o", folder))
    for name in outputs(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), (
            name
        )


def test_the_guessed_preprocessing_is_said(jlrp, model, channels_first_model, photo):
    path = photo("a.png")
    unknown = jlrp("explain", model, path, "--no-pictures").stdout
    assert (
        "preprocess unit, unsure (nothing in the model tells its scale; --preprocess none if"
        in unknown
    )
    given = jlrp("explain", model, path, "--no-pictures", "--preprocess", "torch", "--force").stdout
    assert "preprocess torch (as given)" in given


def test_a_model_of_any_size_needs_one(jlrp, data, photo, tmp_path):
    model = tmp_path / "open.h5"
    shutil.copy(data / "keras/keras2.2.4/mini_resnet.full.h5", model)
    with h5py.File(model, "r+") as file:
        config = file.attrs["model_config"]
        text = config.decode() if isinstance(config, bytes) else config
        file.attrs["model_config"] = text.replace(
            "[null, 32, 32, 3]", "[null, null, null, 3]"
        ).encode()
    assert_refused(jlrp("explain", model, photo("a.png")), "any size", "--size")
    assert_fine(
        jlrp("explain", model, "a.png", "--size", "40x48", "--preset", "epsilon", "--no-pictures")
    )
    assert loaded(tmp_path / "jlrp-relevance/a.npz")["relevance"].shape == (40, 48, 3)


def test_one_picture_by_its_name(jlrp, model, photo, tmp_path):
    path = photo("a.png")
    for name in ("map.png", "maps/map.svg"):
        assert_fine(jlrp("explain", model, path, "-o", name))
        assert (tmp_path / name).stat().st_size > 1000
    assert outputs(tmp_path / "maps") == ["map.svg"]
    assert_refused(
        jlrp("explain", model, path, "-o", "map.png"), "map.png is there already", "--force"
    )
    assert_refused(
        jlrp("explain", model, path, photo("b.png"), "-o", "two.png"), "one picture, and 2 images"
    )
    assert_refused(jlrp("explain", model, path, "-o", "two.png", "--no-pictures"), "--no-pictures")
    (tmp_path / "folder.png").mkdir()
    assert_fine(jlrp("explain", model, path, "-o", "folder.png"))
    assert "a.npz" in outputs(tmp_path / "folder.png")


def test_the_ledger_in_json(jlrp, model, photo):
    result = jlrp(
        "explain",
        model,
        photo("a.png"),
        "--ledger",
        "--json",
        "--no-pictures",
        "--preset",
        "epsilon",
    )
    assert_fine(result)
    ledger = json.loads(result.stdout)["images"][0]["ledger"]
    kept = sum(sum(v for k, v in row.items() if k in COLUMNS[2:]) for row in ledger["layers"])
    assert ledger["start"] == pytest.approx(ledger["inputs"] + kept, rel=1e-3)
    assert set(ledger["layers"][0]) == {"layer", "rule", *COLUMNS}


# --- targets and labels


def test_a_target_by_its_label_and_by_its_code(jlrp, model, photo, tmp_path):
    index = {str(i): [f"n0{i}", name] for i, name in enumerate(("ant", "bee", "cat", "dog", "eel"))}
    labels = tmp_path / "imagenet_class_index.json"
    labels.write_text(json.dumps(index))
    path = photo("a.png")
    for target in ("dog", "n03", "3"):
        result = jlrp(
            "explain",
            model,
            path,
            "--labels",
            labels,
            "--target",
            target,
            "--no-pictures",
            "--force",
        )
        assert_fine(result)
        assert "dog (class 3), " in result.stdout


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("5", "--target 5 is out of range: the model has the classes 0 to 4."),
        ("-1", "--target -1 is out of range: the model has the classes 0 to 4."),
        ("tench", "--labels"),
    ],
)
def test_a_target_that_the_model_does_not_have(jlrp, model, photo, tmp_path, target, words):
    assert_refused(jlrp("explain", model, photo("a.png"), f"--target={target}"), words)
    assert not (tmp_path / "jlrp-relevance").exists()


def test_an_unknown_label(jlrp, model, photo, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("ant\nbee\ncat\ndog\neel\n")
    result = jlrp("explain", model, photo("a.png"), "--labels", labels, "--target", "dogg")
    assert_refused(result, 'No class has the label "dogg". Did you mean "dog"?')


def test_a_wrong_number_of_labels(jlrp, model, photo, tmp_path):
    (tmp_path / "labels.txt").write_text("ant\nbee\n")
    result = jlrp("explain", model, photo("a.png"), "--labels", "labels.txt")
    assert_refused(result, "labels.txt has 2 labels, but the model has 5 classes.")


# --- bad input


def written_by(content: bytes):
    def write(path: Path, model: Path) -> None:
        path.write_bytes(content)

    return write


def truncated(path: Path, model: Path) -> None:
    content = model.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def with_a_nan(path: Path, model: Path) -> None:
    shutil.copy(model, path)

    def spoil(name: str, item: h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            item[...] = np.nan

    with h5py.File(path, "r+") as file:
        file["model_weights"].visititems(spoil)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda path, model: None, ["bad.h5", "does not exist"], id="missing"),
        pytest.param(lambda path, model: path.mkdir(), ["bad.h5", "directory"], id="folder"),
        pytest.param(written_by(b""), ["bad.h5", "empty"], id="empty"),
        pytest.param(written_by(b"no model at all\n"), ["bad.h5", "no model file"], id="text"),
        pytest.param(truncated, ["bad.h5"], id="truncated"),
        pytest.param(with_a_nan, ["bad.h5", "not finite"], id="nan"),
    ],
)
def test_bad_models(jlrp, model, photo, tmp_path, spoil, words):
    spoil(tmp_path / "bad.h5", model)
    assert_refused(jlrp("explain", "bad.h5", photo("a.png")), *words)
    assert not (tmp_path / "jlrp-relevance").exists()


BAD_IMAGES = [
    pytest.param(lambda path: None, "No such file or directory", id="missing"),
    pytest.param(lambda path: path.write_bytes(b""), "no image", id="empty"),
    pytest.param(lambda path: path.write_text("no image"), "no image", id="text"),
    pytest.param(
        lambda path: path.write_bytes(png_of_noise()[:700]), "cannot be read", id="truncated"
    ),
    pytest.param(
        lambda path: Image.fromarray(np.eye(4, dtype=np.float32)).save(path, "TIFF"),
        "mode F",
        id="float",
    ),
]


def png_of_noise() -> bytes:
    buffer = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


@pytest.mark.parametrize(("spoil", "words"), BAD_IMAGES)
def test_a_bad_image_alone(jlrp, model, tmp_path, spoil, words):
    spoil(tmp_path / "bad.jpg")
    assert_refused(jlrp("explain", model, "bad.jpg"), "bad.jpg cannot be read", words)
    assert not (tmp_path / "jlrp-relevance").exists()


@pytest.mark.parametrize(("spoil", "words"), BAD_IMAGES)
def test_a_bad_image_among_good_ones(jlrp, model, photo, tmp_path, spoil, words):
    spoil(tmp_path / "bad.jpg")
    images = [photo(f"{n}.png", n) for n in range(4)]
    result = jlrp("explain", model, *images[:1], "bad.jpg", *images[1:], "--no-pictures")
    assert result.exit_code == 2
    what, summary = result.stderr.splitlines()
    assert "bad.jpg" in what
    assert words in what
    assert summary == "Error: 1 of 5 images could not be explained."
    assert outputs(tmp_path / "jlrp-relevance") == ["0.npz", "1.npz", "2.npz", "3.npz"]
    assert "Traceback" not in result.output


def test_a_folder_without_images(jlrp, model, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/notes.txt").write_text("no image")
    assert_refused(jlrp("explain", model, "in"), "No image in in")


def test_an_output_folder_that_is_a_file(jlrp, model, photo, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert_refused(jlrp("explain", model, photo("a.png"), "-o", "out"), "out is a file")
    assert_refused(jlrp("explain", model, photo("a.png"), "-o", "out/inner"), "out")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--preset", "epsilon_pluss"], 'There is no preset "epsilon_pluss": choose from zero, '),
        (["--preset", "epsilon_pluss"], 'Did you mean "epsilon_plus"?'),
        (["--preprocess", "cafe"], "--preprocess"),
        (["--batch-size", "0"], "--batch-size"),
        (["--batch-size", "x"], "--batch-size"),
        (["--start", "two"], "--start"),
        (["--size", "0"], "--size"),
        (["--size", "12x"], "--size"),
        (["--size", "99"], "16 x 16"),
        (["--low", "0"], "no bounds: --low and --high are for epsilon_gamma_box."),
        (["--labels", "nowhere.txt"], "nowhere.txt"),
        (["--variant", "x"], "--architecture"),
        (["--architecture", "resnet50"], "does not tell"),
        (["--architecture", "resnet51"], "resnet51"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_wrong_options(jlrp, model, photo, tmp_path, options, words):
    assert_refused(jlrp("explain", model, photo("a.png"), *options), words)
    assert not (tmp_path / "jlrp-relevance").exists()


def test_missing_arguments(jlrp, model):
    assert_refused(jlrp("explain"), "MODEL", "jlrp explain --help")
    assert_refused(jlrp("explain", model), "IMAGE")


def test_an_output_that_is_not_finite_is_an_error_that_names_the_image(
    jlrp, model, photo, tmp_path, monkeypatch
):
    call = library.Bound.__call__

    def overflowing(self, images, target=None, **options):
        found = call(self, images, target, **options)
        return found.replace(relevance=found.relevance.at[1].set(np.inf))

    monkeypatch.setattr(library.Bound, "__call__", overflowing)
    result = jlrp("explain", model, photo("a.png"), photo("b.png", 1), "--no-pictures")
    assert result.exit_code == 2
    assert "b.png: its output or relevance is not finite." in result.stderr
    assert outputs(tmp_path / "jlrp-relevance") == ["a.npz"]


def test_nothing_half_written_when_the_disk_is_full(jlrp, model, photo, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(os, "replace", full)
    assert_refused(jlrp("explain", model, photo("a.png")), "No space left on device")
    assert outputs(tmp_path / "jlrp-relevance") == []


# --- the program as users start it


def in_a_process(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "jlrp", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_from_a_shell(model, photo, tmp_path):
    (tmp_path / "bad.jpg").write_text("no image")
    result = in_a_process("explain", model, photo("good.png"), "bad.jpg", folder=tmp_path)
    assert result.returncode == 2
    assert outputs(tmp_path / "jlrp-relevance") == [
        "good.heatmap.png",
        "good.npz",
        "good.overlay.png",
    ]
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines() == [
        "Error: bad.jpg cannot be read: it is no image of a known format.",
        "Error: 1 of 2 images could not be explained.",
    ]
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    "name",
    [b"-dash.png", b"[red]$x$ :smile:.png", "\u65e5\u672c.png".encode(), b"\xff.png", b"a\nb.png"],
)
def test_any_file_name(jlrp, model, photo, tmp_path, name):
    photo("in/a.png").rename(tmp_path / "in" / os.fsdecode(name))
    result = jlrp("explain", model, "in")
    assert_fine(result)
    assert len(outputs(tmp_path / "jlrp-relevance")) == 3
    assert len(result.stdout.splitlines()) == 4
