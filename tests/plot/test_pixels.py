"""Colours, scales and pictures, pixel by pixel."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from jlrp import plot

WHITE, RED, BLUE = [255, 255, 255], [255, 0, 0], [0, 0, 255]


def decoded(content: bytes) -> np.ndarray:
    with Image.open(BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def test_zero_is_white_and_the_limits_are_full_red_and_full_blue():
    assert plot.colours([[0.0, 3.0, -3.0]], full=3.0).tolist() == [[WHITE, RED, BLUE]]


def test_values_beyond_the_limit_keep_its_colour():
    assert plot.colours([7.0, -1e30, np.inf], full=3.0).tolist() == [RED, BLUE, RED]


def test_colours_are_linear_in_relevance_and_symmetric():
    values = np.linspace(-1, 1, 401)
    colours = plot.colours(values, full=1.0).astype(int)
    fading = np.abs(255 * (1 - np.abs(values)) - colours[:, 1])
    assert fading.max() <= 1
    np.testing.assert_array_equal(colours, colours[::-1, ::-1])


def test_channels_are_summed_along_the_axis_given():
    relevance = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_array_equal(plot.channel_sum(relevance), relevance.sum(-1))
    np.testing.assert_array_equal(plot.channel_sum(relevance, 0), relevance.sum(0))


@pytest.mark.parametrize(
    ("values", "percentile", "expected"),
    [
        ([1.0, -4.0, 2.0], 100.0, 4.0),
        ([1.0, -4.0, 2.0], 50.0, 2.0),
        ([0.0, 0.0, 0.0, -4.0], 50.0, 4.0),
        ([0.0, 0.0], 100.0, 1.0),
        ([], 100.0, 1.0),
    ],
)
def test_limit(values, percentile, expected):
    assert plot.limit(values, percentile) == expected


def test_overlay_leaves_the_image_where_there_is_no_relevance():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    expected = image[..., None].repeat(3, axis=-1)
    np.testing.assert_array_equal(plot.overlay(image, np.zeros((3, 4)), full=1.0), expected)


def test_overlay_blends_in_proportion_to_relevance():
    image = np.full((1, 4, 3), 100, np.uint8)
    blended = plot.overlay(image, [[0.0, 1.0, -1.0, 0.5]], full=1.0, strength=0.8)
    assert blended.tolist() == [[[100, 100, 100], [224, 20, 20], [20, 20, 224], [162, 60, 60]]]


def test_overlay_shows_colours_as_grey_of_the_same_brightness():
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]], np.uint8)
    grey = np.asarray(Image.fromarray(image).convert("L")).astype(int)
    shown = plot.overlay(image, np.zeros((1, 4)), full=1.0).astype(int)
    assert np.abs(shown - grey[..., None]).max() <= 1


def test_small_pictures_are_enlarged_by_whole_pixels():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    enlarged = plot.enlarged(pixels, least=5)
    assert enlarged.shape == (6, 9)
    np.testing.assert_array_equal(enlarged[::3, ::3], pixels)
    assert plot.enlarged(np.zeros((300, 400), np.uint8), least=256).shape == (300, 400)


def test_png_of_pixels_gives_them_back():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    np.testing.assert_array_equal(decoded(plot.png(pixels)), pixels)


def test_a_heatmap_shows_its_values_in_these_colours_under_its_title():
    figure = plot.heatmap([[1.0, -1.0], [0.0, 0.5]], full=1.0, title="cat (class 1), 97.0 %", note="cat.png")
    axes = figure.axes[0]
    assert axes.get_title() == "cat (class 1), 97.0 %"
    assert axes.get_xlabel() == "cat.png"
    pixels = decoded(plot.png(figure)).reshape(-1, 3).tolist()
    assert RED in pixels
    assert BLUE in pixels


def test_the_colour_bar_is_symmetric_and_says_where_values_go_beyond_it():
    figure = plot.heatmap([[4.0, -1.0]], full=2.0, title="")
    bar = figure.axes[0].images[0].colorbar
    assert (bar.vmin, bar.vmax, bar.extend) == (-2.0, 2.0, "max")


def test_the_same_heatmap_gives_the_same_file():
    values = np.random.default_rng(0).normal(size=(6, 6))
    first, second = (plot.png(plot.heatmap(values, 1.0, "a", "b")) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("title", ["$5 or $6", r"$\frac$", "[bold]", "a\nb", "", "\u65e5\u672c"])
def test_titles_are_shown_as_written(title):
    assert decoded(plot.png(plot.heatmap(np.eye(3), 1.0, title, title))).std() > 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 2)])
def test_a_heatmap_of_any_shape_is_drawn(shape):
    assert decoded(plot.png(plot.heatmap(np.ones(shape), 1.0, "title"))).std() > 0


def test_a_grid_has_a_row_per_image_and_one_scale_per_group():
    images = [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint8)]
    maps = [np.eye(4), -3 * np.eye(4)]
    columns = [plot.Column(group, "predicted", maps, ["3", "5"]) for group in ("one", "one", "two")]
    columns[2] = plot.Column("two", "predicted", [np.eye(4), np.eye(4)], ["3", "5"])
    figure = plot.grid(images, ["3", "5"], columns, "caption")
    pictures = [axes.images[0] for axes in figure.axes if axes.images]
    limits = [image.norm.vmax for image in pictures if image.get_cmap() is plot.COLOURS]
    assert sorted(limits) == [1, 1, 3, 3, 3, 3]
    assert decoded(plot.png(figure)).std() > 0
