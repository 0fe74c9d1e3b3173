"""The mapping from values to colours, exactly; and what is said of each colour map, measured."""

import numpy as np
import pytest

from jlrp import plot

WHITE, RED, BLUE = [255, 255, 255], [255, 0, 0], [0, 0, 255]

VISION = {
    "none": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""What becomes of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1)."""

XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
STRENGTHS = np.linspace(0, 1, 41)
QUARTER = 10  # the index of 0.25 in it


def lab(colours: np.ndarray, vision: np.ndarray) -> np.ndarray:
    """sRGB colours as CIELAB (white point D65) as somebody sees them."""
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ vision.T, 0, 1) @ XYZ.T / XYZ.sum(1)
    x, y, z = np.moveaxis(
        np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116), -1, 0
    )
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def signs(name: str, vision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return lab(plot.colours(STRENGTHS, 1.0, name), vision), lab(
        plot.colours(-STRENGTHS, 1.0, name), vision
    )


def is_safe(name: str, vision: np.ndarray) -> bool:
    """Signs are 20 apart in CIELAB (2.3 is just noticeable) from a quarter up, and about farthest
    at full strength."""
    positive, negative = signs(name, vision)
    if not plot.COLOUR_MAPS[name].signed:
        return bool((np.diff(positive[:, 0]) > 0).all())
    apart = np.linalg.norm(positive - negative, axis=-1)
    return bool(apart[QUARTER:].min() > 20 and apart[-1] > 0.95 * apart.max())


@pytest.mark.parametrize("name", plot.COLOUR_MAPS)
def test_which_maps_are_safe_for_readers_with_a_colour_vision_deficiency(name):
    assert plot.COLOUR_MAPS[name].safe == all(is_safe(name, vision) for vision in VISION.values())


@pytest.mark.parametrize("name", plot.COLOUR_MAPS)
def test_which_maps_are_equally_light_for_both_signs(name):
    positive, negative = signs(name, VISION["none"])
    assert plot.COLOUR_MAPS[name].balanced == bool(np.abs(positive - negative)[:, 0].max() < 1)


@pytest.mark.parametrize("name", [name for name, each in plot.COLOUR_MAPS.items() if each.signed])
def test_zero_has_a_colour_without_hue(name):
    (zero,) = plot.colours([0.0], 1.0, name).astype(int)
    assert np.ptp(zero) <= 2
    assert zero.min() > 215


def test_every_map_says_what_it_is_for():
    for name, each in plot.COLOUR_MAPS.items():
        assert each.name == name
        assert each.about.endswith(".")


def test_zero_is_white_and_the_limits_are_full_red_and_full_blue():
    assert plot.colours([[0.0, 3.0, -3.0]], full=3.0).tolist() == [[WHITE, RED, BLUE]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bwr", [[0, 0, 255], [127, 127, 255], [255, 255, 255], [255, 127, 127], [255, 0, 0]]),
        (
            "blue_orange",
            [[0, 121, 203], [127, 188, 229], [255, 255, 255], [227, 167, 127], [200, 80, 0]],
        ),
        (
            "coolwarm",
            [[59, 76, 192], [141, 175, 254], [221, 221, 221], [244, 153, 122], [180, 4, 38]],
        ),
        ("seismic", [[0, 0, 76], [0, 0, 254], [255, 255, 255], [254, 0, 0], [128, 0, 0]]),
        ("magma", [[252, 253, 191], [183, 55, 121], [0, 0, 4], [183, 55, 121], [252, 253, 191]]),
    ],
)
def test_colours_of_both_limits_both_halves_and_zero(name, expected):
    assert plot.colours([-2.0, -1.0, 0.0, 1.0, 2.0], full=2.0, cmap=name).tolist() == expected


def test_values_beyond_the_limit_keep_its_colour():
    assert plot.colours([7.0, -1e30, np.inf], full=3.0).tolist() == [RED, BLUE, RED]


@pytest.mark.parametrize("name", ["bwr", "blue_orange"])
def test_colours_are_linear_in_relevance(name):
    values = np.linspace(-1, 1, 401)[:, None]
    low, high = plot.colours([-1.0, 1.0], 1.0, name).astype(float)
    expected = np.where(values > 0, 255 + values * (high - 255), 255 - values * (low - 255))
    off = np.abs(plot.colours(values[:, 0], 1.0, name) - expected)
    assert (
        off.max() <= 1.5
    )  # one of the 255 levels of each sign, and what rounding to whole numbers adds


def test_the_default_colours_are_symmetric():
    colours = plot.colours(np.linspace(-1, 1, 401), full=1.0)
    np.testing.assert_array_equal(colours, colours[::-1, ::-1])


def test_an_unknown_colour_map():
    with pytest.raises(
        ValueError, match=r"^There is no colour map 'jet': choose from bwr, blue_orange, .*\.$"
    ):
        plot.colours([0.0], 1.0, "jet")
