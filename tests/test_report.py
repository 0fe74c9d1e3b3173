"""The report: what is in the page, what is escaped, and that it asks for nothing."""

import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from jlrp.report import Map, Picture, Report, Score
from tests.reports import HOSTILE, PRESETS, picture, report

VOID = {"meta", "img", "input", "br", "hr", "link", "wbr"}


class Page(HTMLParser):
    """A page's tags in order, as (name, attributes, text inside)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str], list[str]]] = []
        self.open: list[int] = []
        self.feed(text)
        assert not self.open, "tags are not closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs), []))
        if tag not in VOID:
            self.open.append(len(self.tags) - 1)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs), []))

    def handle_endtag(self, tag):
        assert self.tags[self.open.pop()][0] == tag

    def handle_data(self, data):
        for position in self.open:
            self.tags[position][2].append(data)

    def every(self, tag, **wanted):
        """The attributes and texts of all tags of a name with some attributes."""
        return [
            (attributes, "".join(text))
            for name, attributes, text in self.tags
            if name == tag
            and all(attributes.get(key.rstrip("_")) == value for key, value in wanted.items())
        ]


@pytest.fixture(scope="module")
def text() -> str:
    return report([picture(n, f"{n}.png", "bee" if n == 1 else "") for n in range(3)]).html()


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def data_of(page: Page) -> list[dict]:
    return [json.loads(text) for _, text in page.every("script", type="application/json")]


# --- contents


def test_every_image_with_its_best_classes(page):
    names = [
        text
        for attributes, text in page.every("h2")
        if attributes.get("id", "").startswith("name-")
    ]
    assert names == ["0.png", "1.png", "2.png"]
    cards = [attributes for attributes, _ in page.every("article")]
    assert [(c["data-class"], float(c["data-score"])) for c in cards] == [
        ("0", 0.2),
        ("1", pytest.approx(0.3)),
        ("2", pytest.approx(0.4)),
    ]
    second = page.every("table", class_="scores")[1][1].split()
    assert second[:6] == ["Best", "classes", "ClassNumberProbability", "bee", "1", "30.0"]
    assert [row.count("%") for _, row in page.every("table", class_="scores")] == [5, 5, 5]


def test_pictures_are_png_in_the_page_and_decoded_when_shown(page):
    images = page.every("img")
    assert len(images) == 3
    for number, (attributes, _) in enumerate(images):
        assert attributes["loading"] == "lazy"
        assert attributes["decoding"] == "async"
        kind, _, content = attributes["src"].partition(",")
        assert kind == "data:image/png;base64"
        with Image.open(BytesIO(b64decode(content))) as shown:
            np.testing.assert_array_equal(np.asarray(shown), picture(number, "").pixels)


def test_grey_pictures():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    made = Report("grey", {}, ("zero",))
    made.add(
        Picture(
            "a",
            pixels,
            (Score(0, "", 1.0),),
            (Map("zero", 0, "class 0", np.zeros((3, 4)), 1.0, 0.0),),
        )
    )
    ((attributes, _),) = Page(made.html()).every("img")
    with Image.open(BytesIO(b64decode(attributes["src"].partition(",")[2]))) as shown:
        np.testing.assert_array_equal(np.asarray(shown), pixels[..., 0])


def test_relevance_is_kept_to_16_bits(page):
    for number, found in enumerate(data_of(page)[:-1]):
        given = picture(number, "")
        assert (found["height"], found["width"]) == given.pixels.shape[:2]
        for kept, each in zip(found["maps"], given.maps, strict=True):
            values = (
                np.frombuffer(b64decode(kept["values"]), "<i2").reshape(each.values.shape)
                * kept["scale"]
            )
            assert np.abs(values - each.values).max() <= np.abs(each.values).max() / 65534 * (
                1 + 1e-9
            )
            assert (kept["preset"], kept["full"]) == (each.preset, each.full)


def test_a_map_of_zeros():
    made = Report("zeros", {}, ("zero",))
    flat = Map("zero", 0, "class 0", np.zeros((2, 2)), 1.0, 0.0)
    made.add(Picture("a", np.zeros((2, 2, 3), np.uint8), (Score(0, "", 1.0),), (flat,)))
    (kept,) = data_of(Page(made.html()))[0]["maps"]
    assert kept["scale"] == 1
    assert not np.frombuffer(b64decode(kept["values"]), "<i2").any()


def test_a_map_that_shows_nothing_has_a_note_beside_it(page):
    assert page.every("span", class_="note") == []
    made, zeros = Report("zeros", {}, ("zero",)), np.zeros((2, 2))
    maps = [
        Map("zero", k, f"class {k}", zeros, 1.0, 0.0, note=note)
        for k, note in enumerate(("", HOSTILE))
    ]
    made.add(Picture("a", np.zeros((2, 2, 3), np.uint8), (Score(0, "", 1.0),), tuple(maps)))
    noted = Page(made.html())
    assert [text for _, text in noted.every("span", class_="note")] == [HOSTILE]
    first, second = (
        attributes["aria-label"] for attributes, _ in noted.every("canvas", role="img")
    )
    assert first.endswith("most at row 1, column 1")
    assert second.endswith(f"; {HOSTILE}")
    assert len(noted.every("img")) == 1


def test_a_map_for_each_preset_and_class(page):
    groups = [attributes["aria-label"] for attributes, _ in page.every("div", role="group")]
    assert groups == list(PRESETS) * 3
    spoken = [attributes["aria-label"] for attributes, _ in page.every("canvas", role="img")]
    assert len(spoken) == 12
    assert (
        spoken[0]
        == "Relevance for class 0 under epsilon: from \N{MINUS SIGN}1 to 2, most at row 2, column 3"
    )
    assert spoken[6].startswith("Relevance for bee under epsilon_plus: from \N{MINUS SIGN}0.00")


def test_the_ledger_of_each_map(page):
    *cards, books = data_of(page)
    assert books["columns"][:3] == ["received", "passed", "bias"]
    names = {"layers": ["scores", "relu", "conv"], "rules": ["Epsilon", "Pass", "ZPlus"]}
    assert books["presets"] == dict.fromkeys(PRESETS, names)
    kept = cards[0]["maps"][0]["ledger"]
    assert kept == {
        "rows": [[10, 8, 2, 0, 0, 0, 0], [8, 8, 0, 0, 0, 0, 0], [8, 9, -1.5, 0.5, 0, 0, 0]],
        "start": 10,
        "inputs": 9,
    }


def test_ledger_entries_that_are_rounding_or_no_numbers():
    first = picture(0, "a")
    noisy, broken = (m.ledger for m in first.maps[:2])
    noisy.entries[1, 3, 0], broken.entries[0, 0, 0] = 1e-7, np.nan
    found = data_of(Page(report([first]).html()))[0]["maps"]
    assert found[0]["ledger"]["rows"][1] == [8, 8, 0, 0, 0, 0, 0]
    assert found[1]["ledger"] is None


def test_without_ledgers_there_is_no_chart():
    made = Report("bare", {}, ("zero",))
    flat = Map("zero", 0, "class 0", np.ones((2, 2)), 1.0, 0.0)
    made.add(Picture("a", np.zeros((2, 2, 3), np.uint8), (Score(0, "", 1.0),), (flat,)))
    assert Page(made.html()).every("details") == []


def test_the_graph_with_the_rules_of_each_layer(page):
    rows = [
        text
        for attributes, text in page.every("tr")
        if attributes.get("id", "").startswith("layer-")
    ]
    starts = [
        "imageinput",
        "convDense()image",
        "reluRelu()conv",
        "scoresDense()relu",
        "chancesSoftmax()scores",
    ]
    assert all(row.startswith(start) for row, start in zip(rows, starts, strict=True))
    assert "Epsilon(epsilon=1e-06)" in rows[1]
    links = [
        (attributes["href"], text)
        for attributes, text in page.every("a")
        if "layer" in attributes["href"]
    ]
    assert links == [
        ("#layer-0", "image"),
        ("#layer-1", "conv"),
        ("#layer-2", "relu"),
        ("#layer-3", "scores"),
    ]
    headings = [text for _, text in page.every("th", scope="col") if text.startswith("Rule")]
    assert headings == [f"Rule ({name})" for name in PRESETS]


def test_classes_to_filter_by(page):
    options = {attributes["value"]: text for attributes, text in page.every("option")}
    assert [options[key] for key in ("", "0", "1", "2")] == [
        "all (3)",
        "class 0 (1)",
        "bee (1)",
        "class 2 (1)",
    ]
    assert {"given", "name", "class", "falling", "rising"} <= options.keys()


def test_a_model_without_probabilities():
    page = Page(report([picture(3, "a.png")], probabilities=False).html())
    assert page.every("input", id="least") == []
    assert "%" not in page.every("article")[0][1].partition("{")[0]
    assert {text for _, text in page.every("option")} >= {
        "output, highest first",
        "output, lowest first",
    }


def test_images_that_were_left_out_are_named():
    made = report([picture(0, "a.png")])
    made.left_out.append("b.png cannot be read: it is no image of a known format.")
    assert made.left_out[0] in Page(made.html()).every("section", class_="left-out")[0][1]


# --- safety


@pytest.fixture(scope="module")
def hostile() -> str:
    made = report([picture(0, HOSTILE, HOSTILE, layer=HOSTILE)], layer=HOSTILE)
    made.left_out.append(HOSTILE)
    return made.html()


def test_text_of_strangers_is_text(hostile):
    page, harmless = (
        Page(hostile),
        Page(report([picture(0, "a", "b", layer="c")], layer="c").html()),
    )
    count = [len(harmless.every(tag)) for tag in ("script", "img", "style", "svg")]
    assert [len(page.every(tag)) for tag in ("script", "img", "style", "svg")] == count
    assert not [
        name for _, attributes, _ in page.tags for name in attributes if name.startswith("on")
    ]
    assert page.every("article")[0][0]["data-name"] == HOSTILE
    assert page.every("h2")[1][1] == HOSTILE
    assert "49" not in page.every("h2")[1][1]
    texts = [text for _, text in page.every("th", scope="row")]
    assert HOSTILE in texts
    assert HOSTILE in next(iter(data_of(page)[-1]["presets"].values()))["layers"]


def test_nothing_is_asked_of_a_network(text, hostile):
    for each in (text, hostile):
        assert not re.search(
            r"https?:|wss?:|ftp:|@import|url\((?!#)|importScripts|fetch\(|XMLHttpRequest", each
        )
        for _, attributes, _ in Page(each).tags:
            assert attributes.get("src", "data:image/png").startswith("data:image/png")
            assert attributes.get("href", "#").startswith("#")
            assert not attributes.keys() & {
                "srcset",
                "action",
                "formaction",
                "poster",
                "background",
                "style",
            }
        assert not Page(each).every("link")


def test_only_its_own_style_and_script_take_effect(page):
    ((policy, _),) = [found for found in page.every("meta") if found[0].get("http-equiv")]
    (style,), (script,) = (
        page.every("style"),
        [s for s in page.every("script") if "type" not in s[0]],
    )
    allowed = [
        f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
        for _, text in (style, script)
    ]
    assert policy["content"] == (
        f"default-src 'none'; img-src data:; style-src {allowed[0]}; script-src {allowed[1]}"
    )


# --- for everybody


def test_what_screen_readers_need(page):
    assert page.every("html")[0][0]["lang"] == "en"
    assert len(page.every("main")) == len(page.every("h1")) == 1
    assert all(attributes["alt"] for attributes, _ in page.every("img"))
    ids = [attributes["id"] for _, attributes, _ in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes, _ in page.tags:
        for reference in ("aria-labelledby", "aria-describedby", "for"):
            assert attributes.get(reference, ids[0]) in ids
    assert page.every("p", role="status")[0][1] == "3 of 3 shown"
    first = next(
        attributes for tag, attributes, _ in page.tags if tag in ("a", "button", "input", "select")
    )
    assert first["href"] == "#pictures"


# --- what is refused


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"pixels": np.zeros((2, 2), np.uint8)},
            r"uint8 \(height, width, 1 or 3\), not uint8 \(2, 2\)",
        ),
        ({"pixels": np.zeros((2, 2, 3))}, "not float64"),
        ({"scores": ()}, "at least one class"),
        ({"maps": (Map("zero", 0, "0", np.zeros((2, 2, 3)), 1.0, 0.0),)}, "sum over the channels"),
    ],
)
def test_pictures_that_do_not_fit(change, words):
    fine = {
        "name": "a",
        "pixels": np.zeros((2, 2, 3), np.uint8),
        "scores": (Score(0, "", 1.0),),
        "maps": (),
    }
    with pytest.raises(ValueError, match=words):
        Picture(**{**fine, **change})


def test_a_map_of_a_preset_that_the_report_does_not_have():
    with pytest.raises(ValueError, match="presets zero, but a map has 'epsilon'"):
        Report("a", {}, ("zero",)).add(picture(0, "a"))
