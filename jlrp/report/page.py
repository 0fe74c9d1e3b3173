"""The page: a template with pictures, styles and script, and nothing from outside.

All text goes through jinja2 with autoescape on. The page's own policy (CSP) forbids loading
anything. It allows only the style and the script that are part of the page.
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
"""Ledger entries below this share of the largest count as rounding, and are 0 in the report."""

SMALL = 128
"""The report shows pictures of up to this many pixels in width with sharp pixels."""


class Report:
    """A report of many pictures, added one by one.

    Each picture is encoded when it is added, so the report keeps no arrays.

    Args:
        title: The heading.
        facts: What all pictures share, `{heading: text}`.
        presets: The presets of the maps, in order.
        layers: The model's graph, from `jlrp.report.layers`.
        probabilities: Whether the scores are probabilities.

    Attributes:
        left_out: Sentences about images that are missing; the page shows them.
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
        """Encode a picture and its maps.

        Raises:
            ValueError: The report does not have the preset of a map.
        """
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
                "maps": [
                    _described(number, each, self._place(each))
                    for number, each in enumerate(picture.maps)
                ],
                "data": {
                    "width": width,
                    "height": height,
                    "maps": [_numbers(each) for each in picture.maps],
                },
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
                policy="default-src 'none'; img-src data:; "
                f"style-src {_hash(style)}; script-src {_hash(script)}",
                score=_percent if self.probabilities else _number,
                steps=STEPS,
                small=SMALL,
            )
        )

    def _place(self, each: Map) -> int:
        """The position of a map's preset; `ValueError` if the report does not have it."""
        if each.preset not in self.presets:
            raise ValueError(
                f"The report has the presets {', '.join(self.presets)}, but a map has "
                f"{each.preset!r}."
            )
        return self.presets.index(each.preset)

    def _seen(self) -> list[tuple[int, str, int]]:
        """The predicted classes: number, title, and how many pictures."""
        best = [card["scores"][0] for card in self._cards]
        titles = {score.index: score.title for score in best}
        return [
            (index, titles[index], sum(s.index == index for s in best)) for index in sorted(titles)
        ]


def _described(number: int, each: Map, place: int) -> dict[str, Any]:
    """What the page says about a map, for readers who do not see it too.

    Args:
        number: The map's number.
        each: The map.
        place: The position of its preset.
    """
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
    """The numbers of a map that the page's script reads."""
    text, scale = quantised(each.values)
    ledger = None if each.ledger is None else _entries(each.ledger)
    return {
        "preset": each.preset,
        "values": text,
        "scale": scale,
        "full": each.full,
        "ledger": ledger,
    }


def _entries(ledger: Ledger) -> dict[str, Any] | None:
    """One image's ledger: a row of numbers per layer, to four digits; `None` if not finite."""
    entries = np.asarray(ledger.entries, np.float64)[..., 0]
    start, inputs = float(np.asarray(ledger.start)[0]), float(np.asarray(ledger.inputs)[0])
    if not np.isfinite([start, inputs, *entries.ravel()]).all():
        return None
    noise = NOISE * max(abs(start), float(np.abs(entries).max(initial=0)))
    rows = [
        [0 if abs(value) < noise else float(f"{value:.4g}") for value in row]
        for row in entries.tolist()
    ]
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
    """Text that is safe to show. What is no plain text, for example HTML, stays as it is."""
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
