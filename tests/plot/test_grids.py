"""Tables of maps: what is where, what shares a scale, and that no text lies over anything."""

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
)

PRESETS = ("epsilon", "epsilon_plus", "epsilon_alpha2_beta1_flat")


@pytest.fixture
def images(rng):
    return list(rng.integers(0, 256, (2, 8, 8, 3), np.uint8))


@pytest.fixture
def relevance(rng):
    """{preset: (2, 8, 8, 3)}, each preset and each image of another size."""
    sizes = np.array([1.0, 10.0])[:, None, None, None]
    return {name: rng.normal(size=(2, 8, 8, 3)) * sizes * 3**n for n, name in enumerate(PRESETS)}


def limits(figure):
    """The limits of the maps, row by row."""
    found = [
        axes.images[0].norm.vmax
        for axes in pictures(figure)
        if axes.images[0].get_cmap() is plot.COLOURS
    ]
    return np.reshape(found, (2, -1))


def written(figure):
    return [text.get_text() for text in figure.texts]


def test_a_grid_has_a_row_per_image_and_one_scale_per_group():
    images = [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint8)]
    maps = [np.eye(4), -3 * np.eye(4)]
    columns = [plot.Column(group, "predicted", maps, ["3", "5"]) for group in ("one", "one", "two")]
    columns[2] = plot.Column("two", "predicted", [np.eye(4), np.eye(4)], ["3", "5"])
    figure = plot.grid(images, ["3", "5"], columns, "caption")
    assert limits(figure).tolist() == [[3, 3, 1], [3, 3, 1]]
    assert len(bars(figure)) == 2
    assert written(figure)[-1] == "relevance R; limit: maximum of |R| in each group"
    assert_no_overlap(figure)


def test_every_map_and_image_is_in_its_place(images, relevance):
    figure = plot.comparison(
        images, relevance, ["cat\n97 %", "dog\n61 %"], scaling="all", percentile=99
    )
    full = plot.limit(np.stack([each.sum(-1) for each in relevance.values()]), 99)
    for row in range(2):
        image, *maps = pictures(figure)[4 * row : 4 * row + 4]
        assert_pixels(figure, image, images[row])
        for axes, name in zip(maps, PRESETS, strict=True):
            assert_pixels(figure, axes, plot.colours(relevance[name][row].sum(-1), full))
        assert len({axes.get_position().y0 for axes in (image, *maps)}) == 1
    for column in range(4):
        assert len({axes.get_position().x0 for axes in pictures(figure)[column::4]}) == 1


@pytest.mark.parametrize(
    ("scaling", "different", "count", "where"),
    [
        ("all", [[0, 0, 0], [0, 0, 0]], 1, "over all maps"),
        ("row", [[0, 0, 0], [1, 1, 1]], 2, "in each row"),
        ("column", [[0, 1, 2], [0, 1, 2]], 3, "in each column"),
        ("image", [[0, 1, 2], [3, 4, 5]], 1, "of each map, given under it"),
    ],
)
def test_scales_are_shared_as_asked_for(images, relevance, scaling, different, count, where):
    figure = plot.comparison(images, relevance, scaling=scaling, percentile=95)
    found = limits(figure)
    _, order = np.unique(found, return_inverse=True)
    assert len(np.unique(found)) == len(np.unique(different))
    for group in np.unique(different):
        assert len(np.unique(order.reshape(2, 3)[np.array(different) == group])) == 1
    assert len(bars(figure)) == count
    assert written(figure)[-1] == f"relevance R; limit: percentile 95 of |R| {where}"
    assert_no_overlap(figure)


def test_a_limit_of_its_own_is_written_under_each_map(images, relevance):
    figure = plot.comparison(images, relevance, percentile=100)
    expected = [
        f"± {np.abs(relevance[name][row].sum(-1)).max():.2g}"
        for row in range(2)
        for name in PRESETS
    ]
    assert [text for text in written(figure) if text.startswith("±")] == expected
    (bar,) = bars(figure)
    assert [label.get_text() for label in bar.get_xticklabels()] == ["−limit", "0", "limit"]


def test_one_map_has_its_limit_at_its_bar(images):
    figure = plot.comparison(images[:1], {"epsilon": [np.eye(8)]})
    (bar,) = bars(figure)
    assert [label.get_text() for label in bar.get_xticklabels()] == ["−1", "0", "1"]
    assert written(figure) == ["epsilon", "image", "relevance R; limit: percentile 99.5 of |R|"]
    assert_no_overlap(figure)


def test_classes_as_columns_and_jax_arrays(images, relevance):
    classes = {
        f"class {n}": jnp.asarray(each, jnp.float32) for n, each in enumerate(relevance.values())
    }
    figure = plot.comparison(np.stack(images), classes)
    assert written(figure)[:3] == list(classes)
    assert len(pictures(figure)) == 8


def test_rows_of_one_image_show_it_once(images, relevance):
    figure = plot.comparison([images[0], images[0]], relevance)
    assert len(pictures(figure)) == 7


def test_over_the_images(images, relevance):
    figure = plot.comparison(images, relevance, over=True, cmap="blue_orange", percentile=100)
    for row in range(2):
        values = relevance["epsilon"][row]
        assert_pixels(
            figure,
            pictures(figure)[4 * row + 1],
            plot.overlay(images[row], values, cmap="blue_orange"),
        )


def test_the_norm_in_a_sequential_map(images, relevance):
    figure = plot.comparison(
        images, relevance, cmap="magma", pooling="norm", scaling="all", percentile=100
    )
    norms = {name: np.linalg.norm(each, axis=-1) for name, each in relevance.items()}
    full = np.max(list(norms.values()))
    assert_pixels(figure, pictures(figure)[1], plot.colours(norms["epsilon"][0], full, "magma"))


def test_explanations_as_columns(images, relevance):
    channels_first = explained(
        relevance["epsilon"].transpose(0, 3, 1, 2), ("image", "channel", "row", "column")
    )
    figure = plot.comparison(images, {"epsilon": channels_first}, percentile=100)
    expected = plot.comparison(images, {"epsilon": relevance["epsilon"]}, percentile=100)
    assert plot.png(figure) == plot.png(expected)


def test_a_map_that_shows_nothing_says_so(images, relevance):
    relevance["epsilon"][0], relevance["epsilon_plus"][1] = 0, [1.0, 2.0, 3.0]
    figure = plot.comparison(images, relevance)
    assert notes(figure) == ["", NOTHING, "", "", "", "", CONSTANT, ""]
    next_to_nothing = explained(1e-9 * relevance["epsilon_plus"], start=np.ones(2))
    broken = [np.full((8, 8), np.nan), np.eye(8)]
    figure = plot.comparison(
        images, {"a": next_to_nothing, "b": broken, "c": broken}, notes={"c": ["one", "two"]}
    )
    assert notes(figure)[1].startswith("next to no relevance reached the input")
    assert notes(figure)[2:4] == [NOT_FINITE, "one"]
    assert notes(figure)[6:] == ["", "two"]


LONG = "American Staffordshire terrier, Staffordshire terrier, American pit bull terrier (class 180)\n97.3 %"


@pytest.mark.parametrize("scaling", plot.SCALINGS)
@pytest.mark.parametrize(("size", "count"), [((8, 8), 4), ((6, 16), 4), ((16, 6), 2), ((1, 30), 1)])
def test_no_text_lies_over_anything(scaling, size, count):
    images = [np.zeros(size, np.uint8)] * 3
    labels = [LONG, "x" * 60, "a\n0.1 %"]
    columns = [
        plot.Column(
            "a long name of a group" if n % 2 else "",
            "epsilon_" * (n + 1),
            [np.full(size, 1e-7 * 10**n)] * 3,
            labels,
        )
        for n in range(count)
    ]
    caption = (
        "A caption that is a good deal longer than the figure is wide, so that it is broken into lines. "
        * 2
    )
    figure = plot.grid(
        images, ["photo.jpg"] * 3, columns, caption, 99.5, labels=labels, scaling=scaling
    )
    assert_no_overlap(figure)
    assert any(text.endswith("…\n97.3 %") for text in written(figure))


@pytest.mark.parametrize(
    ("width", "times"), [(28, 10), (32, 9), (96, 3), (224, 2), (299, 1), (380, 1), (600, 1)]
)
def test_each_pixel_of_a_map_is_a_whole_number_of_dots(width, times):
    figure = plot.comparison(
        [np.zeros((width, width), np.uint8)], {"epsilon": [np.ones((width, width))]}
    )
    image, _ = pictures(figure)
    box = image.get_window_extent()
    assert round(box.width) == round(box.height) == times * width
    assert abs(box.width - times * width) < 0.01


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": []}, "A grid has rows and columns, and here are 0 images and 1 columns."),
        ({"maps": {}}, "here are 2 images and 0 columns"),
        (
            {"maps": {"epsilon": np.ones((3, 8, 8, 1))}},
            r"There are 2 images and 3 maps in column 0 \(epsilon\)",
        ),
        ({"notes": {"epsilon": ["a"]}}, r"There are 2 images and 1 notes in column 0 \(epsilon\)"),
        (
            {"maps": {"epsilon": explained(np.ones((2, 9)), ("image", "feature"))}},
            "plot.heatmap draws images",
        ),
        ({"labels": ["a"]}, "There are 2 images and 1 labels: a grid has one per image."),
        ({"maps": {"epsilon": [np.ones((2, 8, 8, 3))] * 2}}, r"and this has \(2, 8, 8, 3\)"),
        ({"maps": {"epsilon": [np.ones(8)] * 2}}, r"and this has \(8,\)"),
        (
            {"maps": {"epsilon": np.ones((2, 4, 4, 1))}, "over": True},
            "Relevance of 4 × 4 pixels cannot lie over",
        ),
        ({"scaling": "batch"}, "scaling is one of"),
        ({"cmap": "jet"}, "There is no colour map 'jet'"),
        ({"pooling": "max"}, "pooling is"),
    ],
)
def test_what_does_not_fit_together(images, change, words):
    given = {"images": images, "maps": {"epsilon": np.ones((2, 8, 8, 1))}} | change
    with pytest.raises(ValueError, match=words):
        plot.comparison(given.pop("images"), given.pop("maps"), **given)


def test_a_figure_that_is_too_large():
    images = [np.zeros((400, 100), np.uint8)] * 200
    with pytest.raises(ValueError, match=r"^A picture of 3 × \d+ inches is too large to draw: "):
        plot.comparison(images, {"epsilon": np.ones((200, 400, 100, 1))})


def test_the_same_grid_gives_the_same_file(images, relevance):
    for suffix in (".png", ".svg", ".pdf"):
        first, second = (plot.encoded(plot.comparison(images, relevance), suffix) for _ in range(2))
        assert first == second, suffix


def test_letters_the_font_does_not_have(images):
    figure = plot.comparison(images[:1], {"epsilon": [np.eye(8)]}, ["日本語\n97 %"])
    assert decoded(plot.png(figure)).std() > 0
