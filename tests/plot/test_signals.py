"""Series as curves, tables as bars, volumes as slices, and whatever it is by its axes."""

from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from jlrp import Explanation, plot
from jlrp.propagation.checks import NO_START, NOTHING
from tests.plot.reading import (
    IMAGES,
    assert_no_overlap,
    assert_pixels,
    decoded,
    explained,
    notes,
    pictures,
)

SERIES, TABLE = ("image", "step", "channel"), ("image", "feature")
VOLUMES = ("image", "depth", "row", "column", "channel")
SVG = "{http://www.w3.org/2000/svg}"
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
LONG = "running very fast over a long distance, on a treadmill, in the morning, before breakfast, in winter"


def titles(figure):
    return [place.get_title() for place in figure.axes if place.get_title()]


def said(figure):
    return [
        " ".join(word for text in place.texts for word in text.get_text().split())
        for place in figure.axes
    ]


def curve(place):
    """The values of a place's line of relevance."""
    return place.lines[0].get_ydata()


# --- series


def test_a_curve_for_each_series_with_its_class(rng):
    relevance = rng.normal(size=(3, 40, 2))
    figure = plot.curves(explained(relevance, SERIES, [1, 0, 1], ("sit", "walk")))
    assert titles(figure) == ["walk", "sit", "walk"]
    for place, values in zip(figure.axes, relevance.sum(-1), strict=True):
        np.testing.assert_allclose(curve(place), values)
        low, high = place.get_ylim()
        assert low == -high
        assert high > np.abs(values).max()
    assert figure.axes[-1].get_xlabel() == "step"
    assert_no_overlap(figure)


def test_a_curve_is_red_above_zero_and_blue_below():
    figure = plot.curves([[1.0, 2.0, -1.0, -3.0]], axes=("image", "step"))
    above, below = figure.axes[0].collections
    assert tuple(above.get_facecolor()[0, :3]) == RED
    assert tuple(below.get_facecolor()[0, :3]) == BLUE
    assert above.get_datalim(figure.axes[0].transData).y0 == 0
    assert below.get_datalim(figure.axes[0].transData).y1 == 0
    assert any((np.asarray(line.get_ydata()) == 0).all() for line in figure.axes[0].lines)


def test_a_line_for_each_channel(rng):
    relevance = rng.normal(size=(2, 40, 3))
    figure = plot.curves(relevance, axes=SERIES, channels=True)
    for channel in range(3):
        np.testing.assert_array_equal(
            figure.axes[1].lines[channel].get_ydata(), relevance[1, :, channel]
        )
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "channel 0",
        "channel 1",
        "channel 2",
    ]
    assert_no_overlap(figure)


def test_channels_first_series(rng):
    relevance = rng.normal(size=(1, 2, 40))
    figure = plot.curves(relevance, relevance, axes=("image", "channel", "step"))
    np.testing.assert_allclose(curve(figure.axes[0]), relevance[0].sum(0))
    assert [len(line.get_ydata()) for line in figure.axes[1].lines] == [40, 40]


def test_the_signal_lies_under_its_relevance(rng):
    relevance, signal = rng.normal(size=(2, 2, 40, 3)), rng.normal(size=(2, 40, 3))
    figure = plot.curves(explained(relevance, ("class", *SERIES), [[0, 0], [1, 1]]), signal)
    over, under = figure.axes[:4], figure.axes[4:]
    assert titles(figure) == [f"class {k}\nimage {n}" for k in (0, 1) for n in (0, 1)]
    for index, place in enumerate(under):
        assert place.get_zorder() < over[index].get_zorder()
        np.testing.assert_array_equal(place.lines[2].get_ydata(), signal[index % 2, :, 2])
    assert_no_overlap(figure)


def test_a_signal_of_another_shape():
    with pytest.raises(
        ValueError, match=r"the shape \(2, 41, 3\), which is not that of the relevance: 2 series"
    ):
        plot.curves(np.ones((2, 40, 3)), np.ones((2, 41, 3)), axes=SERIES)


def test_series_that_show_nothing_say_so(rng):
    relevance = rng.normal(size=(3, 40, 2))
    relevance[1:] = 0
    figure = plot.curves(explained(relevance, SERIES, [0] * 3, start=np.array([1.0, 1.0, 0.0])))
    assert said(figure) == ["", NOTHING, NO_START]
    assert_no_overlap(figure)


@pytest.mark.parametrize("title", ["$5 or $6", r"$\frac$", "", LONG])
@pytest.mark.parametrize("steps", [1, 2, 300])
def test_titles_of_series_are_shown_as_written(rng, title, steps):
    figure = plot.curves(rng.normal(size=(2, steps, 1)), title=title, axes=SERIES)
    assert_no_overlap(figure)
    assert decoded(plot.png(figure)).std() > 0


@pytest.mark.parametrize(
    "label", ["t\x1b[31m\0\b\ud800\ufffehree", "$\\frac{", "x" * 20_000], ids=["odd", "tex", "long"]
)
def test_any_text_stands_at_series_tables_and_volumes(label):
    figures = [
        plot.curves(np.ones((2, 40, 1)), title=label, axes=SERIES, notes=[label] * 2),
        plot.bars(np.ones((2, 3)), [label] * 3, label, axes=TABLE, notes=[label] * 2),
        plot.slices(np.ones((2, 3, 6, 6, 1)), title=label, axes=VOLUMES, notes=[label] * 2),
    ]
    for figure in figures:
        texts = {
            each.text
            for each in ElementTree.fromstring(plot.encoded(figure, ".svg")).iter(f"{SVG}text")
        }
        assert texts
        assert max(map(len, filter(None, texts))) < 200
        assert all(text.isprintable() for text in texts if text)
        assert_no_overlap(figure)


def test_a_single_step_has_a_whole_number():
    (place,) = plot.curves([[1.0]], axes=("image", "step")).axes
    low, high = place.get_xlim()
    assert [tick for tick in place.get_xticks() if low <= tick <= high] == [0]


def test_too_many_series():
    with pytest.raises(ValueError, match=r"^A picture of 6 × \d+ inches is too large to draw: "):
        plot.curves(np.ones((500, 4, 1)), axes=SERIES)


# --- tables


def test_the_features_with_the_most_relevance_come_first():
    relevance = np.array([[0.5, -2.0, 0.0, 1.0]])
    figure = plot.bars(
        explained(relevance, TABLE, [1], ("no", "yes")), ["age", "height", "$ $", "x" * 99], most=3
    )
    (place,) = figure.axes
    assert [label.get_text() for label in place.get_yticklabels()][:2] == ["height", "x" * 22 + "…"]
    assert [bar.get_width() for bar in place.patches] == [-2.0, 1.0, 0.5]
    assert [to_rgb(bar.get_facecolor()) for bar in place.patches] == [BLUE, RED, RED]
    assert place.get_ylim()[0] > place.get_ylim()[1]  # the first is on top
    assert place.get_xlim()[0] == -place.get_xlim()[1]
    assert place.get_xlabel() == "relevance R (3 of 4 features)"
    assert titles(figure) == ["yes"]
    assert_no_overlap(figure)


def test_tables_with_their_values(rng):
    relevance, table = rng.normal(size=(2, 2, 3)), 100 * rng.normal(size=(2, 3))
    figure = plot.bars(explained(relevance, ("class", *TABLE), [[0, 0], [1, 1]]), table=table)
    for index, place in enumerate(figure.axes):
        first = np.abs(relevance.reshape(4, 3)[index]).argmax()
        value = f"{table[index % 2, first]:.3g}".replace("-", "\N{MINUS SIGN}")
        assert place.get_yticklabels()[0].get_text() == f"feature {first} = {value}"
    assert len(figure.axes) == 4
    assert_no_overlap(figure)


def test_tables_that_show_nothing_say_so():
    figure = plot.bars(
        explained(np.zeros((2, 9)), TABLE, [0, 0], start=np.ones(2)), title=["a", "b"]
    )
    assert said(figure) == [NOTHING] * 2
    assert_no_overlap(figure)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"names": ["a"]}, "There are 3 features and 1 names"),
        ({"most": 0}, "most is how many features are shown"),
        ({"title": ["a"]}, "There are 2 maps and 1 titles"),
        (
            {"table": np.ones((2, 4))},
            "which is not that of the relevance: 2 tables with the axes feature",
        ),
        (
            {"axes": ("row", "column")},
            r"plot.bars draws tables, and this is .*: plot.heatmap draws images",
        ),
        ({"axes": None}, "may be an image .* or a table"),
    ],
)
def test_wrong_options_of_bars(options, words):
    with pytest.raises(ValueError, match=words):
        plot.bars(np.ones((2, 3)), **{"axes": TABLE, **options})


# --- volumes


def test_slices_of_each_volume_in_a_row_under_its_class(rng):
    relevance = rng.normal(size=(2, 9, 6, 7, 2))
    figure = plot.slices(explained(relevance, VOLUMES, [3, 5]), count=3)
    full = np.abs(relevance.sum(-1)[:, [1, 4, 7]]).max()
    assert [text.get_text() for text in figure.texts][:8] == [
        *("class 3", "slice 1", "slice 4", "slice 7"),
        *("class 5", "slice 1", "slice 4", "slice 7"),
    ]
    for index, place in enumerate(pictures(figure)):
        row, column = divmod(index, 3)
        assert_pixels(figure, place, plot.colours(relevance[row, 1 + 3 * column].sum(-1), full))
    assert_no_overlap(figure)


def test_slices_over_the_volume(rng):
    relevance, volume = rng.normal(size=(1, 1, 6, 7, 2)), np.arange(42.0).reshape(1, 1, 6, 7) - 5
    figure = plot.slices(relevance, volume.repeat(2).reshape(1, 1, 6, 7, 2), axes=VOLUMES)
    grey = np.rint(255 * np.arange(42) / 41).reshape(6, 7).astype(np.uint8)
    assert_pixels(figure, pictures(figure)[0], plot.overlay(grey, relevance[0, 0]))


def test_volumes_channels_first(rng):
    relevance = rng.normal(size=(1, 2, 3, 6, 7))
    figure = plot.slices(relevance, axes=("image", "channel", "depth", "row", "column"))
    assert len(pictures(figure)) == 3
    full = np.abs(relevance.sum(1)).max()
    assert_pixels(figure, pictures(figure)[2], plot.colours(relevance[0].sum(0)[2], full))


def test_a_volume_that_shows_nothing_says_so(rng):
    relevance = rng.normal(size=(2, 4, 6, 6, 1))
    relevance[1] = 0
    assert notes(plot.slices(relevance, axes=VOLUMES)) == [*[""] * 4, NOTHING, *[""] * 3]
    with pytest.raises(ValueError, match="count is how many slices"):
        plot.slices(relevance, axes=VOLUMES, count=0)


# --- whatever it is


@pytest.mark.parametrize(
    ("shape", "axes", "draw", "under"),
    [
        ((2, 8, 8, 3), IMAGES, plot.heatmap, "image"),
        ((2, 8, 8), SERIES, plot.curves, "signal"),
        ((2, 8), TABLE, plot.bars, "table"),
        ((2, 8, 8, 8, 1), VOLUMES, plot.slices, "volume"),
    ],
)
def test_an_explanation_is_drawn_as_its_axes_say(rng, shape, axes, draw, under):
    result, images = explained(rng.normal(size=shape), axes, [0, 1]), rng.uniform(size=shape)
    assert plot.png(plot.explanation(result)) == plot.png(draw(result))
    options = {"title": "a", under: images}
    assert plot.png(plot.explanation(result, images, title="a")) == plot.png(
        draw(result, **options)
    )


def test_images_without_an_axis_for_channels(rng):
    relevance, images = rng.normal(size=(2, 8, 8)), rng.uniform(size=(2, 8, 8))
    figure = plot.explanation(explained(relevance, ("image", "row", "column")), images)
    expected = plot.overlay(images[1], relevance[1], np.abs(relevance).max())
    assert_pixels(figure, pictures(figure)[1], expected)


def test_one_of_several_inputs(rng):
    inputs = rng.normal(size=(2, 5)), rng.normal(size=(2, 8, 8, 1)), rng.normal(size=(2, 4, 4, 1))
    result = Explanation(inputs, None, np.array([0, 1]), {}, axes=(TABLE, IMAGES, IMAGES))
    assert len(plot.explanation(result, position=0).axes) == 2
    given = [None, rng.uniform(size=(2, 8, 8, 1)), None]
    expected = plot.heatmap(explained(inputs[1], target=[0, 1]), image=given[1])
    assert plot.png(plot.explanation(result, given, position=1)) == plot.png(expected)
    for position in (None, 3):
        with pytest.raises(ValueError, match=rf"position is one of 0, 1, 2, not {position}\."):
            plot.explanation(result, position=position)
    with pytest.raises(
        ValueError, match="The model has 3 inputs: images are a sequence with one for each"
    ):
        plot.explanation(result, inputs[1], position=1)
    with pytest.raises(
        ValueError, match=r"has 2 inputs that are images: say which, such as plot\.explanation"
    ):
        plot.heatmap(result)
    assert len(plot.bars(result).axes) == 2


def test_what_there_is_no_picture_of():
    with pytest.raises(
        ValueError, match=r"shape \(2, 3\) with the axes image, axis 1: no axes of a picture"
    ):
        plot.explanation(explained(np.ones((2, 3)), ("image", "axis 1")))
    with pytest.raises(
        TypeError, match=r"draws a jlrp.Explanation, not ndarray: see plot\.heatmap"
    ):
        plot.explanation(np.ones((2, 3)))
