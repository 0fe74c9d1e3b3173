"""`jlrp explain --report`: what of a run comes into the page."""

import json
import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

import ir
import jlrp as library
from jlrp.datasets import Frame
from jlrp.datasets.images import read_image
from tests.cli.asserts import assert_fine, assert_refused

REPORT = ("--report", "report.html", "--no-pictures", "--preprocess", "tf")


def cards(path: Path) -> list[dict]:
    """What the page's script reads, for each image."""
    return [
        json.loads(text)
        for text in re.findall(
            r'<script type="application/json">(.*?)</script>', path.read_text("utf-8")
        )
    ]


def values(card: dict, number: int) -> np.ndarray:
    kept = card["maps"][number]
    return (
        np.frombuffer(b64decode(kept["values"]), "<i2").reshape(card["height"], card["width"])
        * kept["scale"]
    )


def batch(paths: list[Path]) -> np.ndarray:
    return (
        np.stack([read_image(path, Frame(16, 16, 3)) for path in paths]).astype(np.float32)
        / np.float32(127.5)
        - 1
    )


def assert_close(found: np.ndarray, relevance) -> None:
    """A map is the sum over the channels, to 16 bits and the rounding of float32."""
    expected = np.asarray(relevance).sum(-1)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_the_map_of_the_run_and_its_ledger(jlrp, model, photo, tmp_path):
    paths = [photo(f"in/{n}.png", n) for n in range(3)]
    result = jlrp("explain", model, *paths, *REPORT, "--preset", "epsilon_plus", "--batch-size", 2)
    assert_fine(result)
    assert result.stdout.splitlines()[-1].startswith("report: report.html, ")
    of = ir.load(model)
    expected = library.explainer(of.graph, "epsilon_plus", ledger=True)(of.params, batch(paths))
    found = cards(tmp_path / "report.html")
    assert len(found) == 3
    for row, card in enumerate(found):
        assert [each["preset"] for each in card["maps"]] == ["epsilon_plus"]
        assert_close(values(card, 0), expected.relevance[row])
        kept = card["maps"][0]["ledger"]
        np.testing.assert_allclose(kept["start"], expected.ledger.start[row], rtol=1e-3)
        scale = np.abs(expected.ledger.entries[..., row]).max()
        np.testing.assert_allclose(
            kept["rows"], expected.ledger.entries[..., row], atol=1e-3 * scale
        )


def test_the_files_are_as_without_a_report(jlrp, model, photo, tmp_path):
    path = photo("a.png")
    assert_fine(jlrp("explain", model, path, "-o", "without"))
    result = jlrp("explain", model, path, "-o", "with", "--report", "report.html")
    assert_fine(result)
    assert "received" not in result.stdout
    names = sorted(each.name for each in (tmp_path / "without").iterdir())
    assert sorted(each.name for each in (tmp_path / "with").iterdir()) == names
    with np.load(tmp_path / "without/a.npz") as without, np.load(tmp_path / "with/a.npz") as found:
        assert without.files == found.files
        scale = np.abs(without["relevance"]).max()
        np.testing.assert_allclose(found["relevance"], without["relevance"], atol=1e-5 * scale)


@pytest.mark.parametrize("targets", ["top2", "3,1,0", "predicted,2"])
def test_a_map_for_each_preset_and_class(jlrp, model, photo, tmp_path, targets):
    paths = [photo(f"in/{n}.png", n) for n in range(3)]
    options = ("--preset", "zero", "--presets", "epsilon_plus,zero", "--targets", targets)
    assert_fine(jlrp("explain", model, *paths, *REPORT, *options))
    of, images = ir.load(model), batch(paths)
    ranked = np.argsort(-np.asarray(library.forward(of.graph, of.params, images)), axis=1)
    rows = {
        "top2": ranked[:, :2].T,
        "3,1,0": np.repeat([[3], [1], [0]], 3, axis=1),
        "predicted,2": np.stack([ranked[:, 0], [2, 2, 2]]),
    }[targets]
    text = (tmp_path / "report.html").read_text("utf-8")
    found = cards(tmp_path / "report.html")
    for image in range(3):
        wanted = list(
            dict.fromkeys(rows[:, image].tolist())
        )  # a class that is meant twice is shown once
        maps = [(preset, index) for preset in ("epsilon_plus", "zero") for index in wanted]
        assert [each["preset"] for each in found[image]["maps"]] == [preset for preset, _ in maps]
        for number, (preset, index) in enumerate(maps):
            expected = library.explainer(of.graph, preset)(of.params, images, target=index)
            assert_close(values(found[image], number), expected.relevance[image])
            assert f"Relevance for class {index} under {preset}: " in text


def test_classes_that_are_the_same_for_all_images_share_their_forward_pass(
    jlrp, model, photo, monkeypatch
):
    calls = []
    for name in ("__call__", "per_class"):
        original = getattr(library.Bound, name)
        monkeypatch.setattr(
            library.Bound,
            name,
            lambda self, *args, original=original, name=name, **more: (
                calls.append(name) or original(self, *args, **more)
            ),
        )
    path = photo("a.png")
    assert_fine(
        jlrp(
            "explain",
            model,
            path,
            *REPORT,
            "--preset",
            "zero",
            "--presets",
            "epsilon",
            "--targets",
            "1,2,3",
        )
    )
    assert calls == ["__call__", "per_class"]
    calls.clear()
    assert_fine(jlrp("explain", model, path, *REPORT, "--preset", "zero", "--force"))
    assert calls == ["__call__"]


def test_labels_channels_first_and_bounds(jlrp, channels_first_model, photo, tmp_path):
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\n<b>dog</b>\neel\n")
    options = (
        "--labels",
        "labels.txt",
        "--presets",
        "epsilon_gamma_box,epsilon",
        "--targets",
        "<b>dog</b>,ant",
    )
    assert_fine(
        jlrp("explain", channels_first_model, photo("a.png"), *REPORT, *options, "--low", -2)
    )
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "<b>dog</b>" not in text
    assert text.count("Relevance for &lt;b&gt;dog&lt;/b&gt; under epsilon_gamma_box: ") == 1
    assert [each["ledger"] is not None for each in cards(tmp_path / "report.html")[0]["maps"]] == [
        True
    ] * 4


def test_a_target_with_a_comma_in_its_label(jlrp, model, photo, tmp_path):
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat, Felis catus\ndog\neel\n")
    assert_fine(
        jlrp(
            "explain",
            model,
            photo("a.png"),
            *REPORT,
            "--labels",
            "labels.txt",
            "--target",
            "cat, Felis catus",
        )
    )
    assert "Relevance for cat, Felis catus under " in (tmp_path / "report.html").read_text("utf-8")


def test_an_image_that_cannot_be_read_is_named_in_the_report(jlrp, model, photo, tmp_path):
    (tmp_path / "bad<i>.jpg").write_text("no image")
    result = jlrp("explain", model, photo("a.png"), "bad<i>.jpg", *REPORT)
    assert result.exit_code == 2
    assert "bad&lt;i&gt;.jpg cannot be read: it is no image" in (
        tmp_path / "report.html"
    ).read_text("utf-8")
    assert len(cards(tmp_path / "report.html")) == 1


def test_without_any_image_there_is_no_report(jlrp, model, tmp_path):
    (tmp_path / "bad.jpg").write_text("no image")
    assert_refused(jlrp("explain", model, "bad.jpg", *REPORT), "bad.jpg")
    assert not (tmp_path / "report.html").exists()


def test_the_same_run_writes_the_same_report(jlrp, model, photo, tmp_path):
    path, pages = photo("a.png"), []
    for _ in range(2):
        assert_fine(jlrp("explain", model, path, *REPORT, "--force"))
        pages.append((tmp_path / "report.html").read_bytes())
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--presets", "epsilon"], "--presets is for the report: give --report FILE.html too."),
        (["--targets", "top2"], "--targets is for the report"),
        (["--report", "report.png"], "should end in .html"),
        (["--report", "folder.html"], "folder.html is there already"),
        (["--report", "folder.html", "--force"], "is a folder"),
        (["--report", "a.html", "--presets", "epsilonn"], 'Did you mean "epsilon"?'),
        (["--report", "a.html", "--presets", ","], "--presets names none"),
        (["--report", "a.html", "--targets", "top6"], "the model has 5 classes"),
        (["--report", "a.html", "--targets", "bee"], "--labels"),
        (["--report", "a.html", "--presets", "zero,epsilon", "--low", "0"], "no bounds"),
    ],
)
def test_what_is_refused(jlrp, model, photo, tmp_path, options, words):
    (tmp_path / "folder.html").mkdir()
    assert_refused(jlrp("explain", model, photo("a.png"), *options), words)
    assert not (tmp_path / "jlrp-relevance").exists()
