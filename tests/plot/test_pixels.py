"""Relevance laid over images, pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from jlrp import plot


def test_overlay_leaves_the_image_where_there_is_no_relevance():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    expected = image[..., None].repeat(3, axis=-1)
    np.testing.assert_array_equal(plot.overlay(image, np.zeros((3, 4)), full=1.0), expected)


def test_overlay_blends_in_proportion_to_relevance():
    image = np.full((1, 4, 3), 100, np.uint8)
    blended = plot.overlay(image, [[0.0, 1.0, -1.0, 0.5]], full=1.0, strength=0.8)
    assert blended.tolist() == [[[100, 100, 100], [224, 20, 20], [20, 20, 224], [162, 60, 60]]]


def test_overlay_in_another_colour_map_covers_with_its_ends():
    image = np.full((1, 3), 100, np.uint8)
    blended = plot.overlay(image, [[0.0, 1.0, -1.0]], strength=1.0, cmap="blue_orange")
    assert blended.tolist() == [[[100, 100, 100], [200, 80, 0], [0, 121, 203]]]


def test_overlay_in_a_sequential_map_covers_with_its_own_colours():
    image = np.full((1, 3), 100, np.uint8)
    blended = plot.overlay(image, [[0.0, -0.5, 1.0]], strength=1.0, cmap="magma")
    half, full = plot.colours([0.5, 1.0], 1.0, "magma").astype(float)
    assert blended.tolist() == [[[100] * 3, np.rint((100 + half) / 2).tolist(), full.tolist()]]


def test_overlay_shows_colours_as_grey_of_the_same_brightness():
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]], np.uint8)
    grey = np.asarray(Image.fromarray(image).convert("L")).astype(int)
    shown = plot.overlay(image, np.zeros((1, 4)), full=1.0).astype(int)
    assert np.abs(shown - grey[..., None]).max() <= 1


def test_several_maps_over_one_image_share_the_limit(rng):
    image, relevance = rng.integers(0, 256, (4, 5, 3), np.uint8), rng.normal(size=(3, 4, 5, 2))
    found = plot.overlay(image, relevance)
    full = np.abs(relevance.sum(-1)).max()
    assert found.shape == (3, 4, 5, 3)
    np.testing.assert_array_equal(found[1], plot.overlay(image, relevance[1], full))


def test_an_overlay_of_another_size():
    with pytest.raises(
        ValueError, match=r"^Relevance of 2 × 3 pixels cannot lie over an image of 3 × 2 pixels\.$"
    ):
        plot.overlay(np.zeros((3, 2), np.uint8), np.ones((2, 3)))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.array([[0, 255]], np.uint8), [[0, 255]]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [[0, 128, 255]]),
        (np.array([[[7], [9]]], np.int64), [[7, 9]]),
        (np.array([[[1, 2, 3]]], np.uint8), [[[1, 2, 3]]]),
        (np.array([[True, False]]), [[1, 0]]),
    ],
)
def test_images_as_pixels(image, expected):
    assert plot.as_pixels(image).tolist() == expected


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (
            np.zeros(3, np.uint8),
            r"has the shape \(H, W\), \(H, W, 1\) or \(H, W, 3\), and this has \(3,\)",
        ),
        (np.zeros((2, 2, 4), np.uint8), r"and this has \(2, 2, 4\)"),
        (np.zeros((0, 2), np.uint8), r"and this has \(0, 2\)"),
        (
            np.array([[0.0, 255.0]]),
            "this float64 from 0 to 255: draw the pixels, not the model's input",
        ),
        (np.array([[-1.0, 1.0]]), "from -1 to 1"),
        (np.array([[0, 256]]), "from 0 to 256"),
        (np.array([[np.nan, 1.0]]), "nan"),
    ],
)
def test_what_is_no_image(image, words):
    with pytest.raises(ValueError, match=words):
        plot.as_pixels(image)


def test_small_pictures_are_enlarged_by_whole_pixels():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    enlarged = plot.enlarged(pixels, least=5)
    assert enlarged.shape == (6, 9)
    np.testing.assert_array_equal(enlarged[::3, ::3], pixels)
    assert plot.enlarged(np.zeros((300, 400), np.uint8), least=256).shape == (300, 400)
