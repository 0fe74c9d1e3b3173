"""The page: pictures put into the template, styles and script put in, everything else kept out.

All text goes through jinja2 with autoescape on. The page's own policy (CSP) lets nothing be loaded, and only the style
and the script that it was made with take effect.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from jlrp.propagation.ledger import COLUMNS, Ledger
from jlrp.report.content import Map, Picture
from jlrp.report.encoding import STEPS, png_uri, quantised
from jlrp.report.layers import Layer
from jlrp.text import printable

NOISE = 1e-5
"""Ledger entries below this share of the largest are taken for rounding, and are 0 in the report."""

SMALL = 128
"""Pictures up to this many pixels wide are shown with sharp pixels."""


class Report:
    """A report that pictures are added to, one by one; each is encoded at once, so that no array is kept.

    title: the heading. facts: what all pictures share, `{heading: text}`. presets: those of the maps, in order.
    layers: the model's graph, from `jlrp.report.layers`. probabilities: whether the scores are probabilities.
    """

    def __init__(
        self,
        title: str,
        facts: Mapping[str, str],
        presets: Sequence[str],
        layers: Sequence[Layer] = (),
        probabilities: bool = True,
    ) -> None:
        self.title, self.facts, self.presets = title, dict(facts), tuple(presets)
        self.layers, self.probabilities = tuple(layers), probabilities
        self.left_out: list[str] = []
        self._cards: list[dict[str, Any]] = []
        self._books: dict[str, dict[str, Any]] = {}

    def add(self, picture: Picture) -> None:
        """Encode a picture and its maps."""
        for each in picture.maps:
            if each.ledger is not None:
                names = {"layers": each.ledger.layers, "rules": each.ledger.rules}
                self._books.setdefault(each.preset, names)
        height, width = picture.pixels.shape[:2]
        self._cards.append(
            {
                "name": picture.name,
                "uri": png_uri(picture.pixels),
                "height": height,
                "width": width,
                "scores": picture.scores,
                "maps": [_described(number, each, self._place(each)) for number, each in enumerate(picture.maps)],
                "data": {"width": width, "height": height, "maps": [_numbers(each) for each in picture.maps]},
            }
        )

    def html(self) -> str:
        """The whole page."""
        style, script = _static("report.css"), _static("report.js")
        return (
            _environment()
            .get_template("report.html")
            .render(
                report=self,
                cards=self._cards,
                books={"columns": list(COLUMNS), "presets": self._books},
                seen=self._seen(),
                position={layer.name: number for number, layer in enumerate(self.layers)},
                style=Markup(style),
                script=Markup(script),
                policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}",
                score=_percent if self.probabilities else _number,
                steps=STEPS,
                small=SMALL,
            )
        )

    def _place(self, each: Map) -> int:
        """The place of a map's preset; `ValueError` where the report has no such preset."""
        if each.preset not in self.presets:
            raise ValueError(
                f"The report has the presets {', '.join(self.presets)}, and the map is of {each.preset!r}."
            )
        return self.presets.index(each.preset)

    def _seen(self) -> list[tuple[int, str, int]]:
        """The classes that pictures were taken for: number, title, how many."""
        best = [card["scores"][0] for card in self._cards]
        titles = {score.index: score.title for score in best}
        return [(index, titles[index], sum(s.index == index for s in best)) for index in sorted(titles)]


def _described(number: int, each: Map, place: int) -> dict[str, Any]:
    """What is said of a map, also to those who do not see it; place: that of its preset."""
    values = np.asarray(each.values, np.float64)
    row, column = np.unravel_index(values.argmax(), values.shape)
    return {
        "number": number,
        "place": place,
        "preset": each.preset,
        "title": each.title,
        "start": _number(each.start),
        "sum": _number(values.sum()),
        "full": _number(each.full, 3),
        "largest": _number(values.max(), 3),
        "smallest": _number(values.min(), 3),
        "row": int(row) + 1,
        "column": int(column) + 1,
        "note": each.note,
    }


def _numbers(each: Map) -> dict[str, Any]:
    """What the page's script reads of a map."""
    text, scale = quantised(each.values)
    ledger = None if each.ledger is None else _entries(each.ledger)
    return {"preset": each.preset, "values": text, "scale": scale, "full": each.full, "ledger": ledger}


def _entries(ledger: Ledger) -> dict[str, Any] | None:
    """One image's ledger: a row of numbers for each layer, to four digits; `None` where they are not finite."""
    entries = np.asarray(ledger.entries, np.float64)[..., 0]
    start, inputs = float(np.asarray(ledger.start)[0]), float(np.asarray(ledger.inputs)[0])
    if not np.isfinite([start, inputs, *entries.ravel()]).all():
        return None
    noise = NOISE * max(abs(start), float(np.abs(entries).max(initial=0)))
    rows = [[0 if abs(value) < noise else float(f"{value:.4g}") for value in row] for row in entries.tolist()]
    return {"rows": rows, "start": float(f"{start:.4g}"), "inputs": float(f"{inputs:.4g}")}


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _number(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}g}".replace("-", "\N{MINUS SIGN}")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _static(name: str) -> str:
    source, _, _ = _environment().loader.get_source(_environment(), name)  # type: ignore[union-attr]
    return source.replace("\r\n", "\n")


def _finalized(value: Any) -> Any:
    """Text without what is no letter; the rest, such as what is HTML already, as it is."""
    return printable(value) if type(value) is str else value


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("jlrp.report"),
        autoescape=True,
        finalize=_finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
