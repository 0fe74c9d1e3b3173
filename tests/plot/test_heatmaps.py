"""One heatmap, and several side by side."""

import jax.numpy as jnp
import numpy as np
import pytest

from jlrp import plot
from jlrp.propagation.checks import CONSTANT, NOT_FINITE, NOTHING
from tests.plot.reading import (
    assert_no_overlap,
    assert_pixels,
    bars,
    decoded,
    explained,
    notes,
    pictures,
    shown,
)

HW, HWC = ("row", "column"), ("row", "column", "channel")


def test_a_heatmap_shows_its_values_in_these_colours_under_its_title():
    figure = plot.heatmap(
        [[1.0, -1.0], [0.0, 0.5]], full=1.0, title="cat (class 1), 97.0 %", note="cat.png", axes=HW
    )
    axes = figure.axes[0]
    assert axes.get_title() == "cat (class 1), 97.0 %"
    assert axes.get_xlabel() == "cat.png"
    assert_pixels(figure, axes, plot.colours([[1.0, -1.0], [0.0, 0.5]], 1.0))


@pytest.mark.parametrize("shape", [(32, 32), (224, 224), (7, 13), (150, 100)])
@pytest.mark.parametrize("cmap", ["bwr", "blue_orange", "magma"])
def test_every_pixel_has_its_colour_and_the_same_size(rng, shape, cmap):
    relevance = rng.normal(size=(*shape, 3))
    figure = plot.heatmap(relevance, percentile=90, cmap=cmap, axes=HWC)
    values = relevance.sum(-1)
    assert_pixels(figure, figure.axes[0], plot.colours(values, plot.limit(values, 90), cmap))


def test_a_red_blob_is_where_the_relevance_is():
    y, x = np.mgrid[:40, :40]
    relevance = np.exp(-((y - 10) ** 2 + (x - 30) ** 2) / 20)[..., None]
    found = shown(
        figure := plot.heatmap(jnp.asarray(relevance, jnp.float32), axes=HWC), figure.axes[0]
    ).astype(int)
    rows, columns = np.nonzero(found[..., 0] - found[..., 1] > 128)
    height, width, _ = found.shape
    assert abs(rows.mean() / height - 10.5 / 40) < 0.02
    assert abs(columns.mean() / width - 30.5 / 40) < 0.02


def test_the_colour_bar_is_symmetric_and_says_where_values_go_beyond_it():
    figure = plot.heatmap([[4.0, -1.0]], full=2.0, title="", axes=HW)
    bar = figure.axes[0].images[0].colorbar
    assert (bar.vmin, bar.vmax, bar.extend) == (-2.0, 2.0, "max")


def test_the_colour_bar_says_which_percentile_its_limit_is():
    figure = plot.heatmap([[0.0, -1.0, 2.0, 3.0]], percentile=62.5, axes=HW)
    (bar,) = bars(figure)
    assert bar.get_ylabel() == "relevance R; limit: percentile 62.5 of |R|"
    assert [label.get_text() for label in bar.get_yticklabels()] == ["−1.9", "0", "1.9"]


def test_a_sequential_map_has_a_bar_from_zero():
    figure = plot.heatmap([[-4.0, 1.0]], cmap="magma", pooling="norm", axes=HW)
    (bar,) = bars(figure)
    assert bar.get_ylabel() == "|R|; limit: maximum of |R|"
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0", "4"]


def test_over_an_image_the_heatmap_is_the_overlay(rng):
    image, relevance = rng.integers(0, 256, (16, 16, 3), np.uint8), rng.normal(size=(16, 16, 3))
    figure = plot.heatmap(relevance, image=image, cmap="blue_orange", axes=HWC)
    assert_pixels(figure, figure.axes[0], plot.overlay(image, relevance, cmap="blue_orange"))


def test_the_same_heatmap_gives_the_same_file():
    values = np.random.default_rng(0).normal(size=(6, 6))
    first, second = (plot.png(plot.heatmap(values, 1.0, "a", "b", axes=HW)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "title", ["$5 or $6", r"$\frac$", "[bold]", "a\nb", "", "日本", "a" * 300, "word " * 60]
)
def test_titles_are_shown_as_written_and_fit(title):
    figure = plot.heatmap(np.eye(3), 1.0, title, title, axes=HW)
    assert decoded(plot.png(figure)).std() > 0
    if "日" not in title:
        assert_no_overlap(figure)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 2), (2, 40), (1000, 30)])
def test_a_heatmap_of_any_shape_is_drawn(shape):
    assert decoded(plot.png(plot.heatmap(np.ones(shape), 1.0, "title", axes=HW))).std() > 0


def test_a_map_with_more_pixels_than_the_picture_is_averaged():
    figure = plot.heatmap(np.indices((4000, 4000)).sum(0) % 2 * 2.0 - 1, axes=HW)
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
        (
            {"image": np.zeros((3, 4, 4, 3), np.uint8)},
            "There are 2 maps and 3 images under them: give one image or 2.",
        ),
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
        plot.heatmap(np.ones((4, 4)), title=["a", "b"], axes=HW)


# --- axes


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (
            (6, 7),
            r"An array of shape \(6, 7\) may be an image .* or a table .*: say which, such as axes=\(\"row\", ",
        ),
        (
            (5, 64, 3),
            r"may be an image .*, images without channels .* or series .*, or give the explanation itself\.$",
        ),
        ((2, 3, 4, 4, 1), r"may be volumes or images of several classes: say which"),
        ((3,), "may be anything: name its axes"),
    ],
)
def test_an_array_of_unclear_axes_is_refused(shape, words):
    with pytest.raises(ValueError, match=words):
        plot.heatmap(np.ones(shape))


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (
            ("row", "column"),
            r"a name for each axis: 3 for the shape \(2, 4, 4\), not \('row', 'column'\)",
        ),
        (("row", "column", "row"), "axes has each of its names once, of image, depth, row"),
        (("image", "row", "colour"), "axes has each of its names once, of image, depth, row"),
        ("row", "a name for each axis"),
        (
            ("row", "channel", "feature"),
            "There is no picture of an array of .* axes image, row, channel",
        ),
        (
            ("image", "step", "channel"),
            "plot.heatmap draws images, and this is .*: plot.curves draws series",
        ),
    ],
)
def test_axes_that_do_not_fit(axes, words):
    with pytest.raises(ValueError, match=words):
        plot.heatmap(np.ones((2, 4, 4)), axes=axes)


def test_axes_are_taken_by_their_names(rng):
    relevance = rng.normal(size=(2, 3, 8, 6))
    figure = plot.heatmap(relevance, axes=("image", "channel", "row", "column"))
    assert_pixels(
        figure,
        pictures(figure)[1],
        plot.colours(relevance[1].sum(0), np.abs(relevance.sum(1)).max()),
    )
    single = plot.heatmap(relevance[0, 0].T, axes=("column", "row"))
    assert_pixels(
        single, single.axes[0], plot.colours(relevance[0, 0], np.abs(relevance[0, 0]).max())
    )


def test_an_explanation_knows_its_axes():
    with pytest.raises(ValueError, match="An explanation knows its axes"):
        plot.heatmap(explained(np.ones((2, 4, 4, 3))), axes=HWC)


def test_an_explanation_has_its_classes_as_titles(rng):
    result = explained(rng.normal(size=(2, 8, 8, 3)), target=[1, 0], labels=("dog", ""))
    assert written(plot.heatmap(result))[:2] == ["class 1", "dog"]
    assert written(plot.heatmap(result, title=["a", "b"]))[:2] == ["a", "b"]
    one = explained(rng.normal(size=(1, 8, 8, 3)), target=[0], labels=("dog", "cat"))
    assert plot.heatmap(one).axes[0].get_title() == "dog"


def test_classes_and_conditions_come_first(rng):
    relevance, axes = rng.normal(size=(2, 3, 8, 8, 1)), ("image", "row", "column", "channel")
    images = rng.integers(0, 256, (3, 8, 8, 3), np.uint8)
    classes = explained(relevance, ("class", *axes), [[4] * 3, [7] * 3])
    figure = plot.heatmap(classes, 3.0, image=images)
    assert written(figure)[:6] == [f"class {k}\nimage {n}" for k in (4, 7) for n in range(3)]
    assert_pixels(figure, pictures(figure)[4], plot.overlay(images[1], relevance[1, 1], 3.0))
    conditions = explained(relevance[:, :1], ("condition", *axes), [4])
    assert written(plot.heatmap(conditions))[:2] == ["class 4\ncondition 0", "class 4\ncondition 1"]


# --- maps that show nothing


def test_a_map_that_shows_nothing_says_so(rng):
    relevance = rng.normal(size=(5, 16, 16, 3))
    relevance[0], relevance[1], relevance[2, 3, 3, 0], relevance[3] = (
        0,
        2,
        np.inf,
        1e-9 * relevance[3],
    )
    result = explained(relevance, target=[0] * 5, start=np.ones(5))
    figure = plot.heatmap(result, scaling="image")
    found = notes(figure)
    assert found[:3] == [NOTHING, CONSTANT, NOT_FINITE]
    assert found[3].startswith("next to no relevance reached the input (at most 3e-09")
    assert found[4] == ""
    assert found == list(result.notes())
    assert (
        len([text for text in written(figure) if text.startswith("±")]) == 3
    )  # a map of zeros has no limit
    assert notes(plot.heatmap(relevance)) == [NOTHING, CONSTANT, NOT_FINITE, "", ""]


def test_a_note_stands_on_its_map_and_can_be_given():
    figure = plot.heatmap(np.zeros((40, 40)), note="cat.png", axes=HW)
    assert notes(figure) == [NOTHING]
    dark = shown(figure, figure.axes[0]).max(-1) < 128
    assert 100 < dark[3:-3, 3:-3].sum() < 0.1 * dark.size
    assert_no_overlap(figure)
    assert notes(plot.heatmap(np.eye(4), notes=["as I say"], axes=HW)) == ["as I say"]
    with pytest.raises(ValueError, match="notes are a sequence of 1"):
        plot.heatmap(np.eye(4), notes="as I say", axes=HW)


@pytest.mark.parametrize("shape", [(2, 4, 40, 1), (2, 40, 4, 1), (2, 16, 16, 1)])
def test_a_note_stays_within_its_map(shape):
    figure = plot.heatmap(np.zeros(shape))
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    for axes in pictures(figure):
        note, cell = axes.texts[0].get_window_extent(renderer), axes.get_window_extent(renderer)
        assert cell.y0 <= note.y0
        assert note.y1 <= cell.y1


def written(figure):
    return [text.get_text() for text in figure.texts]
