"""Texts broken into lines that fit, measured in the font that figures are written in."""

import re
from collections.abc import Iterator
from functools import lru_cache

from matplotlib.font_manager import FontProperties, findfont, get_font

LINE = 1.25 / 72  # a line of text per point of its size, in inches


def wrapped(text: str, width: float, size: float, most: int | None = None) -> str:
    """Text in lines of at most `width` inches at `size` points, broken at spaces, after "_", or else inside a word.

    most: how many lines; where there are more, one ends in "…" and the last that `text` has itself follows it.

    >>> wrapped("epsilon_alpha2_beta1_flat", 1.25, 8).splitlines()
    ['epsilon_alpha2_', 'beta1_flat']
    >>> wrapped("American Staffordshire terrier\\n97.3 %", 1.0, 8, most=2).splitlines()
    ['American…', '97.3 %']
    """
    paragraphs = [list(_lines(paragraph, width, size)) for paragraph in text.splitlines()]
    kept = paragraphs.pop() if len(paragraphs) > 1 else []
    lines = [line for paragraph in paragraphs for line in paragraph]
    if most is not None and len(lines) + len(kept) > most:
        kept = kept[: most - 1]
        lines = lines[: most - len(kept)]
        lines[-1] = _cut(lines[-1].rstrip() + "…", width, size)
    return "\n".join(line.rstrip() for line in (*lines, *kept))


def balanced(text: str, width: float, size: float) -> str:
    """As `wrapped`, with lines of about one length, and no more of them.

    >>> balanced("epsilon_alpha2_beta1_flat", 1.4, 8).splitlines()
    ['epsilon_alpha2_', 'beta1_flat']
    """
    widest = wrapped(text, width, size)
    lines = len(widest.splitlines())
    if lines < 2:
        return widest
    narrower = (wrapped(text, width * share / 10, size) for share in range(5, 10))
    return next((shape for shape in narrower if len(shape.splitlines()) == lines), widest)


def width_of(text: str, size: float) -> float:
    """How wide a line of text is, in inches: the sum of its letters' advances.

    >>> width_of("mm", 8) > 2 * width_of("i", 8) > 0
    True
    """
    return sum(map(_advance, text)) * size / 72


@lru_cache(maxsize=4096)
def _advance(letter: str) -> float:
    """Of a letter, in its size; of one that the font does not have, a square's."""
    font = get_font(findfont(FontProperties()))
    if not font.get_char_index(ord(letter)):
        return 1.0
    font.set_size(100, 72)
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


def _lines(text: str, width: float, size: float) -> Iterator[str]:
    """Greedy: as many pieces on a line as fit."""
    line = ""
    for piece in re.findall(r"[^\s_]*_+|[^\s_]+|\s+", text):
        if line and width_of((line + piece).rstrip(), size) > width:
            yield line
            line = ""
        if line:
            line += piece
        else:
            *whole, line = _broken(piece.lstrip(), width, size)
            yield from whole
    yield line


def _broken(word: str, width: float, size: float) -> list[str]:
    """A word in parts that fit, of as many letters as do, but of one at least."""
    parts, begin, taken = [], 0, 0.0
    for position, letter in enumerate(word):
        advance = _advance(letter)
        if position > begin and (taken + advance) * size / 72 > width:
            parts.append(word[begin:position])
            begin, taken = position, 0.0
        taken += advance
    return [*parts, word[begin:]]


def _cut(line: str, width: float, size: float) -> str:
    """The line without the letters before its last that do not fit."""
    while len(line) > 2 and width_of(line, size) > width:
        line = line[:-2] + line[-1]
    return line
