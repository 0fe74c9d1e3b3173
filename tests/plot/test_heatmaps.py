"""One heatmap, and several side by side."""

import jax.numpy as jnp
import numpy as np
import pytest

from jlrp import plot
from tests.plot.reading import assert_no_overlap, assert_pixels, bars, decoded, pictures, shown

RED, BLUE = [255, 0, 0], [0, 0, 255]


def test_a_heatmap_shows_its_values_in_these_colours_under_its_title():
    figure = plot.heatmap([[1.0, -1.0], [0.0, 0.5]], full=1.0, title="cat (class 1), 97.0 %", note="cat.png")
    axes = figure.axes[0]
    assert axes.get_title() == "cat (class 1), 97.0 %"
    assert axes.get_xlabel() == "cat.png"
    assert_pixels(figure, axes, plot.colours([[1.0, -1.0], [0.0, 0.5]], 1.0))


@pytest.mark.parametrize("shape", [(32, 32), (224, 224), (7, 13), (150, 100)])
@pytest.mark.parametrize("cmap", ["bwr", "blue_orange", "magma"])
def test_every_pixel_has_its_colour_and_the_same_size(rng, shape, cmap):
    relevance = rng.normal(size=(*shape, 3))
    figure = plot.heatmap(relevance, percentile=90, cmap=cmap)
    values = relevance.sum(-1)
    assert_pixels(figure, figure.axes[0], plot.colours(values, plot.limit(values, 90), cmap))


def test_a_red_blob_is_where_the_relevance_is():
    y, x = np.mgrid[:40, :40]
    relevance = np.exp(-((y - 10) ** 2 + (x - 30) ** 2) / 20)[..., None]
    found = shown(figure := plot.heatmap(jnp.asarray(relevance, jnp.float32)), figure.axes[0]).astype(int)
    rows, columns = np.nonzero(found[..., 0] - found[..., 1] > 128)
    height, width, _ = found.shape
    assert abs(rows.mean() / height - 10.5 / 40) < 0.02
    assert abs(columns.mean() / width - 30.5 / 40) < 0.02


def test_the_colour_bar_is_symmetric_and_says_where_values_go_beyond_it():
    figure = plot.heatmap([[4.0, -1.0]], full=2.0, title="")
    bar = figure.axes[0].images[0].colorbar
    assert (bar.vmin, bar.vmax, bar.extend) == (-2.0, 2.0, "max")


def test_the_colour_bar_says_which_percentile_its_limit_is():
    figure = plot.heatmap([[0.0, -1.0, 2.0, 3.0]], percentile=62.5)
    (bar,) = bars(figure)
    assert bar.get_ylabel() == "relevance R; limit: percentile 62.5 of |R|"
    assert [label.get_text() for label in bar.get_yticklabels()] == ["−1.9", "0", "1.9"]


def test_a_sequential_map_has_a_bar_from_zero():
    figure = plot.heatmap([[-4.0, 1.0]], cmap="magma", pooling="norm")
    (bar,) = bars(figure)
    assert bar.get_ylabel() == "|R|; limit: maximum of |R|"
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0", "4"]


def test_over_an_image_the_heatmap_is_the_overlay(rng):
    image, relevance = rng.integers(0, 256, (16, 16, 3), np.uint8), rng.normal(size=(16, 16, 3))
    figure = plot.heatmap(relevance, image=image, cmap="blue_orange")
    assert_pixels(figure, figure.axes[0], plot.overlay(image, relevance, cmap="blue_orange"))


def test_the_same_heatmap_gives_the_same_file():
    values = np.random.default_rng(0).normal(size=(6, 6))
    first, second = (plot.png(plot.heatmap(values, 1.0, "a", "b")) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("title", ["$5 or $6", r"$\frac$", "[bold]", "a\nb", "", "日本", "a" * 300, "word " * 60])
def test_titles_are_shown_as_written_and_fit(title):
    figure = plot.heatmap(np.eye(3), 1.0, title, title)
    assert decoded(plot.png(figure)).std() > 0
    if "日" not in title:
        assert_no_overlap(figure)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 2), (2, 40), (1000, 30)])
def test_a_heatmap_of_any_shape_is_drawn(shape):
    assert decoded(plot.png(plot.heatmap(np.ones(shape), 1.0, "title"))).std() > 0


def test_a_map_with_more_pixels_than_the_picture_is_averaged():
    figure = plot.heatmap(np.indices((4000, 4000)).sum(0) % 2 * 2.0 - 1)
    assert max(decoded(plot.png(figure)).shape) < 2000
    assert np.abs(shown(figure, figure.axes[0])[50:-50, 50:-50].astype(int) - 255).max() < 60


# --- several


def test_several_heatmaps_share_one_limit_and_one_bar(rng):
    relevance = rng.normal(size=(7, 8, 8, 3)) * np.arange(1, 8)[:, None, None, None]
    figure = plot.heatmap(relevance, title=[f"map {n}" for n in range(7)])
    full = np.abs(relevance.sum(-1)).max()
    assert [axes.images[0].norm.vmax for axes in pictures(figure)] == [full] * 7
    assert len(bars(figure)) == 1
    for axes, values in zip(pictures(figure), relevance.sum(-1), strict=True):
        assert_pixels(figure, axes, plot.colours(values, full))
    assert_no_overlap(figure)


def test_several_heatmaps_each_on_its_own_scale(rng):
    relevance = rng.normal(size=(3, 8, 8, 1)) * np.array([1.0, 10.0, 100.0])[:, None, None, None]
    figure = plot.heatmap(relevance, scaling="image", percentile=95)
    expected = [plot.limit(each, 95) for each in relevance]
    assert [axes.images[0].norm.vmax for axes in pictures(figure)] == expected
    written = [text.get_text() for text in figure.texts]
    assert [f"± {full:.2g}" for full in expected] == written[:3]
    assert_no_overlap(figure)


def test_several_heatmaps_over_one_image_or_each_over_its_own(rng):
    relevance, images = rng.normal(size=(2, 8, 8, 1)), rng.integers(0, 256, (2, 8, 8, 3), np.uint8)
    for under in (images[0], images):
        figure = plot.heatmap(relevance, 2.0, image=under)
        expected = plot.overlay(under[1] if under.ndim == 4 else under, relevance[1], 2.0)
        assert_pixels(figure, pictures(figure)[1], expected)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"title": ["a"]}, "There are 2 maps and 1 titles: each map has one."),
        ({"scaling": "row"}, "scaled 'all' or each 'image', not 'row'"),
        ({"image": np.zeros((3, 4, 4, 3), np.uint8)}, "There are 2 maps and 3 images under them: give one image or 2."),
        ({"cmap": "jet"}, "There is no colour map 'jet'"),
        ({"pooling": "max"}, "pooling is 'sum' or 'norm'"),
        ({"percentile": -1}, "percentile is from 0 to 100"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(ValueError, match=words):
        plot.heatmap(np.ones((2, 4, 4, 1)), **options)


def test_one_map_has_one_title():
    with pytest.raises(ValueError, match=r"^One map has one title, and here are 2\.$"):
        plot.heatmap(np.ones((4, 4)), title=["a", "b"])
