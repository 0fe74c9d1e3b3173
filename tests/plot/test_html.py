"""Relevance as a piece of HTML."""

import base64
import re
from html.parser import HTMLParser

import jax.numpy as jnp
import numpy as np
import pytest

from jlrp import plot
from tests.plot.reading import decoded


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
        return [decoded(base64.b64decode((image["src"] or "").partition(",")[2])) for image in self.images]


def test_each_map_is_in_its_colours(rng):
    relevance = rng.normal(size=(2, 6, 7, 3))
    page = Page(plot.explanation_html(relevance, [3, 5], percentile=100))
    for values, found in zip(relevance.sum(-1), page.pictures(), strict=True):
        expected = plot.colours(values, np.abs(values).max()).astype(int)
        assert np.abs(found - expected).max() <= 2  # 255 colours for 511
    assert {"class 3", "class 5", f"± {np.abs(relevance[0].sum(-1)).max():.2g}"} <= set(page.texts)
    assert "limit: maximum of |R| of each map" in " ".join(page.texts)


def test_zero_is_white():
    (picture,) = Page(plot.explanation_html(np.array([0.0, 1.0]).reshape(1, 1, 2, 1), [0])).pictures()
    assert picture.tolist() == [[[255, 255, 255], [255, 0, 0]]]


@pytest.mark.parametrize(("images", "more"), [(8, ""), (9, "and 1 more"), (300, "and 292 more")])
def test_at_most_eight_images_are_shown(images, more):
    page = Page(plot.explanation_html(jnp.ones((images, 4, 4, 1)), jnp.zeros(images, int)))
    assert len(page.images) == 8
    assert ("more" in " ".join(page.texts)) == bool(more)
    assert more in " ".join(page.texts)


def test_several_classes_of_each_image():
    page = Page(plot.explanation_html(np.ones((2, 3, 4, 4, 1)), [[1, 1, 1], [7, 7, 7]]))
    assert [text for text in page.texts if text.startswith("class")] == ["class 1"] * 3 + ["class 7"] * 3


def test_conditions_that_share_their_targets():
    page = Page(plot.explanation_html(np.ones((2, 3, 4, 4, 1)), [1, 2, 3]))
    assert [text for text in page.texts if text.startswith("class")] == ["class 1", "class 2", "class 3"] * 2


def test_a_start_relevance_as_target_is_no_class():
    page = Page(plot.explanation_html(np.ones((1, 4, 4, 1)), [[0.0, 1.0, 0.5]]))
    assert not any(text.startswith("class") for text in page.texts)
    assert len(page.images) == 1


def test_labels_are_shown_as_text():
    page = Page(plot.explanation_html(np.ones((1, 4, 4, 1)), [1], labels=["a", "<script>'\"&"]))
    assert "<script>'\"& (class 1)" in page.texts
    assert "<script>'\"& (class 1)" in page.images[0]["alt"]


def test_channels_first():
    relevance = np.arange(3 * 8 * 9, dtype=float).reshape(1, 3, 8, 9)
    (picture,) = Page(plot.explanation_html(relevance, [0])).pictures()
    assert picture.shape == (8, 9, 3)


def test_of_several_inputs_the_one_that_is_an_image():
    page = Page(plot.explanation_html((np.ones((2, 5)), np.ones((2, 4, 4, 1))), [0, 1]))
    assert len(page.images) == 2


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 7), (0, 4, 4, 1)])
def test_what_is_no_picture(shape):
    page = Page(plot.explanation_html(np.ones(shape), np.zeros(shape[0], int)))
    assert page.texts == [f"Relevance of shape {shape}, which is no picture."]


def test_relevance_that_is_not_finite():
    page = Page(plot.explanation_html(np.stack([np.full((4, 4, 1), np.nan), np.ones((4, 4, 1))]), [0, 1]))
    assert len(page.images) == 1
    assert "not finite" in page.texts


@pytest.mark.parametrize("cmap", plot.COLOUR_MAPS)
def test_every_colour_map(cmap, rng):
    page = Page(plot.explanation_html(rng.normal(size=(1, 4, 4, 3)), [0], cmap=cmap, pooling="norm"))
    assert len(page.images) == 1


def test_it_is_light(rng):
    text = plot.explanation_html(rng.normal(size=(8, 1024, 1500, 3)), np.arange(8))
    assert len(text) < 1_000_000
    assert max(max(picture.shape) for picture in Page(text).pictures()) <= 320
    assert not re.search(r"src='(?!data:)|https?:|<script|url\(", text)
