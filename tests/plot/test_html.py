"""An explanation as a piece of HTML."""

import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import jax.numpy as jnp
import numpy as np
import pytest

from jlrp import Explanation, plot
from jlrp.propagation.checks import NO_START, NOT_FINITE, NOTHING
from tests.plot.reading import IMAGES, decoded, explained

SVG = "{http://www.w3.org/2000/svg}"
SERIES, TABLE = ("image", "step", "channel"), ("image", "feature")
VOLUMES = ("image", "depth", "row", "column", "channel")


class Page(HTMLParser):
    """The tags and texts of a piece of HTML; checks that what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))
        elif tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def pictures(self) -> list[np.ndarray]:
        return [
            decoded(base64.b64decode((image["src"] or "").partition(",")[2]))
            for image in self.images
        ]


def captions(text: str) -> list[list[str]]:
    """The lines under each picture, without their markup."""
    found = re.findall(r"<figcaption[^>]*>(.*?)</figcaption>", text)
    return [[re.sub("<[^>]*>", "", line) for line in each.split("<br>")] for each in found]


def drawings(text: str) -> list[ElementTree.Element]:
    """The inline drawings, which are well-formed."""
    return [ElementTree.fromstring(each) for each in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


# --- images


def test_each_map_is_in_its_colours(rng):
    relevance = rng.normal(size=(2, 6, 7, 3))
    page = Page(plot.explanation_html(explained(relevance, target=[3, 5]), percentile=100))
    for values, found in zip(relevance.sum(-1), page.pictures(), strict=True):
        expected = plot.colours(values, np.abs(values).max()).astype(int)
        assert np.abs(found - expected).max() <= 2  # 255 colours for 511
    assert {"class 3", "class 5", f"± {np.abs(relevance[0].sum(-1)).max():.2g}"} <= set(page.texts)
    assert "limit: maximum of |R| of each map" in " ".join(page.texts)


def test_an_array_of_images_with_their_classes():
    relevance = np.ones((2, 3, 4, 4, 1))
    page = plot.explanation_html(relevance[0], [1, 2, 3])
    assert [lines[0] for lines in captions(page)] == ["class 1", "class 2", "class 3"]
    page = plot.explanation_html(relevance, [[1, 1, 1], [7, 7, 7]], axes=("class", *IMAGES))
    assert [lines[:2] for lines in captions(page)] == [
        [f"class {k}", f"image {n}"] for k in (1, 7) for n in range(3)
    ]
    with pytest.raises(ValueError, match="or give the explanation itself"):
        plot.explanation_html(relevance, [[1, 1, 1], [7, 7, 7]])


def test_zero_is_white():
    (picture,) = Page(
        plot.explanation_html(explained(np.array([0.0, 1.0]).reshape(1, 1, 2, 1)))
    ).pictures()
    assert picture.tolist() == [[[255, 255, 255], [255, 0, 0]]]


@pytest.mark.parametrize(("images", "more"), [(8, ""), (9, "and 1 more"), (300, "and 292 more")])
def test_at_most_eight_images_are_shown(images, more):
    page = Page(
        plot.explanation_html(explained(jnp.ones((images, 4, 4, 1)), target=jnp.zeros(images, int)))
    )
    assert len(page.images) == 8
    assert ("more" in " ".join(page.texts)) == bool(more)
    assert more in " ".join(page.texts)


def test_conditions_that_share_their_targets():
    page = plot.explanation_html(
        explained(np.ones((2, 3, 4, 4, 1)), ("condition", *IMAGES), [1, 2, 3])
    )
    assert [lines[:3] for lines in captions(page)] == [
        [f"class {n + 1}", f"condition {k}", f"image {n}"] for k in (0, 1) for n in range(3)
    ]


@pytest.mark.parametrize("target", [[[0.0, 1.0, 0.5]], [[0, 1, 0]]])
def test_a_start_relevance_as_target_is_no_class(target):
    page = Page(plot.explanation_html(explained(np.ones((1, 4, 4, 1)), target=target)))
    assert not any(text.startswith("class") for text in page.texts)
    assert len(page.images) == 1


def test_labels_are_shown_as_text():
    result = explained(np.eye(4).reshape(1, 4, 4, 1), target=[1], labels=("a", "<script>'\"&"))
    text = plot.explanation_html(result)
    page = Page(text)
    assert "<script>'\"& 1" not in page.texts
    assert "<script>'\"&" in page.texts
    assert "<script>'\"&" in page.images[0]["alt"]
    dog = plot.explanation_html(
        explained(np.eye(4).reshape(1, 4, 4, 1), target=[0], labels=("dog",))
    )
    assert re.search(r"<figcaption[^>]*>dog<br>± 1</figcaption>", dog)


@pytest.mark.parametrize(
    ("axes", "shape", "size"),
    [
        (IMAGES, (1, 3, 16, 4), (3, 16)),
        (("image", "channel", "row", "column"), (1, 5, 8, 9), (8, 9)),
        (("image", "channel", "row", "column"), (1, 8, 9, 3), (9, 3)),
        (("image", "row", "column"), (1, 8, 3), (8, 3)),
    ],
)
def test_the_axes_say_what_is_row_and_column(axes, shape, size):
    (picture,) = Page(plot.explanation_html(explained(np.ones(shape), axes))).pictures()
    assert picture.shape == (*size, 3)


@pytest.mark.parametrize("cmap", plot.COLOUR_MAPS)
def test_every_colour_map(cmap, rng):
    page = Page(
        plot.explanation_html(explained(rng.normal(size=(1, 4, 4, 3))), cmap=cmap, pooling="norm")
    )
    assert len(page.images) == 1


def test_it_is_light(rng):
    text = plot.explanation_html(
        explained(rng.normal(size=(8, 1024, 1500, 3)), target=np.arange(8))
    )
    assert len(text) < 1_000_000
    assert max(max(picture.shape) for picture in Page(text).pictures()) <= 320
    assert not re.search(r"src='(?!data:)|https?:|<script|url\(", text)


# --- what is no image


def test_series_are_drawings(rng):
    text = plot.explanation_html(
        explained(rng.normal(size=(10, 64, 3)), SERIES, np.arange(10), ("walking",))
    )
    Page(text)
    assert "<img" not in text
    assert len(drawings(text)) == 8
    assert captions(text)[:2] == [["walking"], ["class 1"]]
    assert "and 2 more" in text
    assert not re.search(r"<style|<script|<metadata", text)


def test_classes_of_series(rng):
    result = explained(rng.normal(size=(2, 5, 64, 3)), ("class", *SERIES), [[0] * 5, [1] * 5])
    assert captions(plot.explanation_html(result))[4:6] == [
        ["class 0", "image 4"],
        ["class 1", "image 0"],
    ]


def test_long_series_are_light(rng):
    text = plot.explanation_html(explained(rng.normal(size=(8, 50_000, 2)), SERIES))
    assert len(text) < 1_000_000
    written = {"".join(each.itertext()).strip() for each in drawings(text)[0].iter(f"{SVG}text")}
    assert {"0", "40000"} <= written  # steps of the series, not of what is drawn


def test_tables_are_drawings(rng):
    relevance = 0.1 * rng.normal(size=(2, 30))
    relevance[1, 17] = -9
    text = plot.explanation_html(explained(relevance, TABLE, [0, 1]))
    Page(text)
    assert "<img" not in text
    _, second = drawings(text)
    written = ["".join(each.itertext()).strip() for each in second.iter(f"{SVG}text")]
    assert "feature 17" in written
    assert "relevance R (10 of 30 features)" in written
    assert captions(text) == [["class 0"], ["class 1"]]


def test_volumes_are_slices_of_their_own_class(rng):
    text = plot.explanation_html(
        explained(rng.normal(size=(3, 12, 4, 5, 1)), VOLUMES, [4, 2, 9]), percentile=100
    )
    found = captions(text)
    assert [lines[:2] for lines in found] == [
        [f"class {k}", f"slice {d}"] for k in (4, 2) for d in (1, 3, 5, 7, 9, 11)
    ]
    assert len({lines[2] for lines in found[:6]}) == 1  # one scale for a volume
    assert len({lines[2] for lines in found}) == 2
    assert "and 1 more" in text
    assert {picture.shape for picture in Page(text).pictures()} == {(4, 5, 3)}


def test_each_input_that_there_is_a_picture_of(rng):
    inputs = (
        rng.normal(size=(2, 5)),
        rng.normal(size=(2, 4, 4, 1)),
        rng.normal(size=(2, 2, 2, 2, 2, 2)),
    )
    unknown = ("image", *(f"axis {n}" for n in range(1, 6)))
    result = Explanation(inputs, None, np.array([0, 1]), {}, axes=(TABLE, IMAGES, unknown))
    page = Page(plot.explanation_html(result))
    assert len(page.images) == 2
    texts = [text for text in page.texts if text.startswith(("input", "There is no"))]
    assert texts == ["input 0", "input 1", "input 2", "There is no picture of it."]


@pytest.mark.parametrize(
    ("shape", "axes", "said"),
    [
        ((3, 5), ("image", "axis 1"), "with the axes image, axis 1"),
        ((0, 4, 4, 1), IMAGES, "with the axes image, row, column, channel"),
        ((3, 4, 4, 1), (), "with the axes unknown"),
        (
            (2, 3, 4, 4, 1),
            IMAGES,
            "with the axes image, row, column, channel",
        ),  # mapped: one axis more than names
    ],
)
def test_what_is_no_picture(shape, axes, said):
    page = Page(plot.explanation_html(explained(np.ones(shape), axes)))
    assert page.texts == [f"Relevance of shape {shape} {said}: there is no picture of it."]


# --- what shows nothing


def test_a_map_that_shows_nothing_has_a_note_under_it():
    relevance = np.stack(
        [np.full((4, 4, 1), np.nan), np.eye(4)[..., None], np.zeros((4, 4, 1)), np.zeros((4, 4, 1))]
    )
    text = plot.explanation_html(
        explained(relevance, target=[0, 1, 2, 3], start=np.array([1.0, 1, 1, 0]))
    )
    assert captions(text) == [
        ["class 0", NOT_FINITE],
        ["class 1", "± 1"],
        ["class 2", NOTHING],
        ["class 3", NO_START],
    ]


@pytest.mark.parametrize(
    ("axes", "shape"), [(SERIES, (1, 9, 2)), (TABLE, (1, 9)), (VOLUMES, (1, 2, 4, 4, 1))]
)
def test_what_is_no_image_has_a_note_too(axes, shape):
    found = captions(plot.explanation_html(explained(np.zeros(shape), axes, [0])))
    assert {lines[-1] for lines in found} == {NOTHING}
