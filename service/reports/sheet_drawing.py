"""What a picture sheet holds, and its drawing with Pillow."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class SheetCandidate:
    """An answer on the sheet: RGB picture uint8 [h, w, 3], what it is, its score, whether it is the right one."""

    image: NDArray[np.uint8]
    title: str
    subtitle: str
    score: float
    right: bool


@dataclass(frozen=True)
class SheetRow:
    """A query, RGB uint8 [h, w, 3], with what to call it and its candidates, best first."""

    query: NDArray[np.uint8]
    caption: str
    candidates: tuple[SheetCandidate, ...]

    @property
    def right_rank(self) -> int | None:
        """Rank of the right candidate, from 1; None where none of those shown is right."""
        return next((rank for rank, candidate in enumerate(self.candidates, 1) if candidate.right), None)


@dataclass(frozen=True)
class SheetHeading:
    """The sheet's title, its figures as (what, value) and a line below them."""

    title: str
    figures: tuple[tuple[str, str], ...] = ()
    note: str = ""


WIDTH = 1600
_FINE = 2
"""Drawn twice as large and averaged: Pillow's shapes have no soft edges of their own."""
_MARGIN, _GAP, _QUERY, _COLUMNS = 48, 18, 264, 5
_CARD = (WIDTH - 2 * _MARGIN - _QUERY - 44 - (_COLUMNS - 1) * _GAP) // _COLUMNS
_TEXT = 96
_ROW = _CARD + _TEXT + 34

PAPER: Colour = (246, 246, 243)
CARD: Colour = (255, 255, 255)
INK: Colour = (27, 31, 38)
QUIET: Colour = (94, 101, 112)
LINE: Colour = (221, 222, 218)
RIGHT: Colour = (0, 94, 162)
"""Blue and orange stay apart in every common colour blindness; the words carry the meaning all the same."""
MISSED: Colour = (163, 69, 0)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * _FINE)


_SPELT = {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"} | {
    "–": "-", "—": "-", "×": "x", "€": "EUR", "£": "GBP"
}  # fmt: skip
"""What Unicode does not take apart."""


@lru_cache(maxsize=4096)
def _has(letter: str) -> bool:
    """Whether the carried typeface has a letter; what it lacks is drawn as the box it has for U+FFFF."""
    font = _font(16)
    return bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))


def drawable(words: str) -> str:
    """The words in letters that the carried typeface has: others lose their accents, or become a question mark."""
    out = []
    for letter in words:
        plain = unicodedata.normalize("NFKD", _SPELT.get(letter, letter))
        bare = "".join(mark for mark in plain if not unicodedata.combining(mark))
        out.append(letter if _has(letter) else bare if bare and all(map(_has, bare)) else "?")
    return "".join(out)


class _Pen:
    """Drawing in sheet pixels on the larger picture."""

    def __init__(self, height: int) -> None:
        self.picture = Image.new("RGB", (WIDTH * _FINE, height * _FINE), PAPER)
        self._draw = ImageDraw.Draw(self.picture)

    def text(
        self, x: float, y: float, words: str, size: int, tone: Colour, bold: bool = False, right: bool = False
    ) -> None:
        """A line whose top left corner (top right with `right`) is at x, y."""
        font = _font(size)
        words = drawable(words)
        if right:
            x -= self.width(words, size)
        # The carried typeface has one weight; a thin outline in the same tone makes it heavier.
        outline = 1 if bold else 0
        self._draw.text((x * _FINE, y * _FINE), words, fill=tone, font=font, stroke_width=outline, stroke_fill=tone)

    def width(self, words: str, size: int) -> float:
        return self._draw.textlength(drawable(words), font=_font(size)) / _FINE

    def fitted(self, words: str, size: int, room: float) -> str:
        """The words, cut with an ellipsis where they are wider than `room`."""
        if self.width(words, size) <= room:
            return words
        while words and self.width(words + "…", size) > room:
            words = words[:-1]
        return words.rstrip(" ,·") + "…"

    def wrapped(self, words: str, size: int, room: float, lines: int) -> list[str]:
        """The words in at most `lines` lines, the last one cut where more is left."""
        out: list[str] = []
        rest = words.split()
        while rest and len(out) < lines:
            taken = [rest.pop(0)]
            while rest and self.width(" ".join([*taken, rest[0]]), size) <= room:
                taken.append(rest.pop(0))
            if rest and len(out) == lines - 1:
                taken += rest
                rest = []
            out.append(self.fitted(" ".join(taken), size, room))
        return out

    def panel(self, box: Box, fill: Colour, edge: Colour, width: int, radius: int = 10) -> None:
        scaled = [value * _FINE for value in box]
        self._draw.rounded_rectangle(scaled, radius * _FINE, fill, edge, width * _FINE)

    def rule(self, x0: int, x1: int, y: int) -> None:
        self._draw.line([(x0 * _FINE, y * _FINE), (x1 * _FINE, y * _FINE)], fill=LINE, width=_FINE)

    def stroke(self, points: Sequence[tuple[float, float]], tone: Colour, width: float) -> None:
        scaled = [(x * _FINE, y * _FINE) for x, y in points]
        self._draw.line(scaled, fill=tone, width=round(width * _FINE), joint="curve")

    def place(self, image: NDArray[np.uint8], box: Box, radius: int = 6) -> None:
        """A picture, whole, in the middle of a box."""
        room_w, room_h = (box[2] - box[0]) * _FINE, (box[3] - box[1]) * _FINE
        shown = Image.fromarray(image)
        scale = min(room_w / shown.width, room_h / shown.height)
        shown = shown.resize(
            (max(round(shown.width * scale), 1), max(round(shown.height * scale), 1)), Image.Resampling.LANCZOS
        )
        mask = Image.new("L", shown.size, 0)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, shown.width - 1, shown.height - 1), radius * _FINE, 255)
        at = (box[0] * _FINE + (room_w - shown.width) // 2, box[1] * _FINE + (room_h - shown.height) // 2)
        self.picture.paste(shown, at, mask)


def draw(rows: Sequence[SheetRow], heading: SheetHeading) -> Image.Image:
    """The whole sheet, `WIDTH` pixels wide and as high as its rows need."""
    top = _top(heading)
    pen = _Pen(top + len(rows) * _ROW + 40)
    _draw_heading(pen, heading)
    for number, row in enumerate(rows):
        y = top + number * _ROW
        if number:
            pen.rule(_MARGIN, WIDTH - _MARGIN, y - 17)
        _draw_row(pen, row, y)
    return pen.picture.resize((WIDTH, pen.picture.height // _FINE), Image.Resampling.LANCZOS)


def _top(heading: SheetHeading) -> int:
    """Where the first row begins."""
    return 96 + (46 if heading.figures else 0) + (36 if heading.note else 0) + 36


def _draw_heading(pen: _Pen, heading: SheetHeading) -> None:
    pen.text(_MARGIN, 36, heading.title, 34, INK, bold=True)
    x = float(_MARGIN)
    for what, value in heading.figures:
        pen.text(x, 90, value, 26, RIGHT if what != "queries" else INK, bold=True)
        end = x + pen.width(value, 26) + 9
        pen.text(end, 98, what, 17, QUIET)
        x = end + pen.width(what, 17) + 40
    if heading.note:
        y = 132 if heading.figures else 92
        pen.text(_MARGIN, y, pen.fitted(heading.note, 18, WIDTH - 2 * _MARGIN), 18, QUIET)
    pen.rule(_MARGIN, WIDTH - _MARGIN, _top(heading) - 34)


def _draw_row(pen: _Pen, row: SheetRow, y: int) -> None:
    pen.panel((_MARGIN, y, _MARGIN + _QUERY, y + _CARD), (233, 233, 229), LINE, 1)
    pen.place(row.query, (_MARGIN + 8, y + 8, _MARGIN + _QUERY - 8, y + _CARD - 8))
    for k, line in enumerate(pen.wrapped(row.caption, 17, _QUERY, 2)):
        pen.text(_MARGIN, y + _CARD + 12 + 22 * k, line, 17, INK, bold=True)
    rank = row.right_rank
    if rank is None:
        pen.text(_MARGIN, y + _CARD + 62, f"right one not in the first {len(row.candidates)}", 15, MISSED)
    else:
        pen.text(_MARGIN, y + _CARD + 62, f"right one at rank {rank}", 15, RIGHT)
    middle, x = y + _CARD / 2, _MARGIN + _QUERY + 14
    pen.stroke([(x, middle - 9), (x + 9, middle), (x, middle + 9)], QUIET, 2)
    for number, candidate in enumerate(row.candidates[:_COLUMNS]):
        _draw_candidate(pen, candidate, number + 1, _MARGIN + _QUERY + 44 + number * (_CARD + _GAP), y)


def _draw_candidate(pen: _Pen, candidate: SheetCandidate, rank: int, x: int, y: int) -> None:
    edge, width = (RIGHT, 4) if candidate.right else (LINE, 1)
    pen.panel((x, y, x + _CARD, y + _CARD), CARD, edge, width)
    pen.place(candidate.image, (x + 8, y + 8, x + _CARD - 8, y + _CARD - 8))
    if candidate.right:
        word = "right match"
        wide = round(pen.width(word, 15)) + 42
        pen.panel((x, y, x + wide, y + 30), RIGHT, RIGHT, 1)
        pen.stroke([(x + 11, y + 15), (x + 17, y + 21), (x + 26, y + 9)], (255, 255, 255), 2.6)
        pen.text(x + 33, y + 6, word, 15, (255, 255, 255))
    below = y + _CARD + 10
    pen.text(x, below, f"{rank}", 17, RIGHT if candidate.right else QUIET, bold=True)
    pen.text(x + _CARD, below + 1, f"{candidate.score:.2f}", 16, QUIET, right=True)
    room = _CARD - 22
    lines = pen.wrapped(candidate.title, 15, room - 42, 2)
    for k, line in enumerate(lines):
        pen.text(x + 22, below + 1 + 20 * k, line, 15, INK)
    pen.text(x + 22, below + 4 + 20 * len(lines), pen.fitted(candidate.subtitle, 14, room), 14, QUIET)
