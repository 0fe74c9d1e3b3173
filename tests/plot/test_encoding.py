"""Files: their kinds, and what is in a vector file."""

import base64
import re
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from jlrp import plot
from tests.plot.reading import decoded

HW = ("row", "column")
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


@pytest.fixture
def relevance(rng):
    return rng.normal(size=(6, 7))


def test_png_of_pixels_gives_them_back():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    np.testing.assert_array_equal(decoded(plot.png(pixels)), pixels)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".webp"])
def test_bitmaps_without_loss_have_the_same_pixels(relevance, suffix):
    figure = plot.heatmap(relevance, title="cat", axes=HW)
    np.testing.assert_array_equal(decoded(plot.encoded(figure, suffix)), decoded(plot.png(figure)))


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG"])
def test_jpeg_is_near(relevance, suffix):
    figure = plot.heatmap(relevance, title="cat", axes=HW)
    off = np.abs(decoded(plot.encoded(figure, suffix)).astype(int) - decoded(plot.png(figure)))
    assert off.mean() < 1


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_bitmap_says_how_large_it_is_to_be_printed(relevance, suffix):
    figure = plot.comparison([np.zeros((6, 7), np.uint8)], {"epsilon": [relevance]})
    with Image.open(BytesIO(plot.encoded(figure, suffix))) as image:
        assert abs(image.width / float(image.info["dpi"][0]) - figure.get_figwidth()) < 0.02


def test_an_svg_has_text_as_text_and_each_map_as_an_image_of_its_own_pixels(relevance):
    image = np.zeros((6, 7), np.uint8)
    figure = plot.comparison([image], {"epsilon": [relevance]}, ["tench\n97.3 %"], percentile=100)
    root = ElementTree.fromstring(plot.encoded(figure, ".svg"))
    texts = ["".join(each.itertext()).strip() for each in root.iter(f"{SVG}text")]
    assert {"epsilon", "tench", "97.3 %", "image"} <= set(texts)
    embedded = [
        decoded(base64.b64decode(each.get(LINK).partition(",")[2]))
        for each in root.iter(f"{SVG}image")
    ]
    maps = [each for each in embedded if each.shape == (6, 7, 3)]
    expected = plot.colours(relevance, np.abs(relevance).max())
    assert any(
        np.array_equal(each, expected) or np.array_equal(each[::-1], expected) for each in maps
    )
    assert b"http" not in re.sub(
        rb"http://(www\.w3\.org|purl\.org|creativecommons\.org)", b"", plot.encoded(figure, ".svg")
    )


def test_a_pdf_has_its_text_in_an_embedded_font(relevance):
    content = plot.encoded(plot.heatmap(relevance, title="tench", axes=HW), ".pdf")
    assert content.startswith(b"%PDF-")
    assert b"/FontFile2" in content
    assert b"/CreationDate" not in content


def test_the_ending_says_what_is_saved(relevance, tmp_path):
    figure = plot.heatmap(relevance, axes=HW)
    for suffix in plot.SUFFIXES:
        plot.save(figure, tmp_path / f"map{suffix}")
        assert (tmp_path / f"map{suffix}").stat().st_size > 500


def test_an_unknown_ending(relevance, tmp_path):
    with pytest.raises(
        ValueError, match=r'^A picture\'s file name ends in \.png, .* or \.pdf, not "\.bmp"\.$'
    ):
        plot.save(plot.heatmap(relevance, axes=HW), tmp_path / "map.bmp")
    assert not list(tmp_path.iterdir())


def test_the_users_settings_of_matplotlib_stay_as_they_are(relevance):
    from matplotlib import rcParams

    before = dict(rcParams)
    plot.encoded(plot.heatmap(relevance, axes=HW), ".svg")
    assert dict(rcParams) == before


@pytest.mark.parametrize("suffix", plot.SUFFIXES)
@pytest.mark.parametrize(
    "label", ["t\x1b[31m\0\b\ud800\ufffehree", "$\\frac{", "x" * 20_000], ids=["odd", "tex", "long"]
)
def test_any_text_is_written(relevance, suffix, label):
    figures = [
        plot.comparison(
            [np.zeros((6, 7), np.uint8)], {"epsilon": [relevance]}, [f"{label}\n97.3 %"]
        ),
        plot.heatmap(relevance, title=label, axes=HW),
    ]
    for figure in figures:
        content = plot.encoded(figure, suffix)
        if suffix == ".svg":
            texts = {
                "".join(each.itertext()).strip()
                for each in ElementTree.fromstring(content).iter(f"{SVG}text")
            }
            assert (
                label != "t\x1b[31m\0\b\ud800\ufffehree"
                or "t\ufffd[31m\ufffd\ufffd\ufffd\ufffdhree" in texts
            )
