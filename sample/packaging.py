"""What is printed on a box: fronts in five layouts, narrow sides, plain lids. Faces are 420 pixels high."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sample.canvas import Canvas
from sample.lettering import write
from sample.motifs import FIGURES
from sample.noise import grain
from sample.palettes import Colour, Colourway, blend
from sample.patterns import draw_print
from sample.pixels import Pixels, codes, field, resize_pixels

HEIGHT = 420
PALE: Colour = (250, 248, 240)


@dataclass(frozen=True)
class Line:
    """One branded line: what the front says and shows, its all-over print and its layout."""

    brand: str
    name: str
    claim: str
    weight: str
    figure: str
    pattern: str
    layout: str


@dataclass(frozen=True)
class _Face:
    """A front to be drawn: `aspect` is its width over its height."""

    line: Line
    way: Colourway
    aspect: float

    @property
    def main(self) -> Colour:
        return self.way.inks[0]

    @property
    def paper(self) -> Colour:
        return self.way.ground if sum(self.way.ground) > 500 else self.way.inks[1]

    @property
    def small_print(self) -> Colour:
        """The leading ink where it is dark enough to be read small."""
        return self.main if sum(self.main) < 480 else self.way.dark

    def canvas(self, tone: Colour) -> Canvas:
        return Canvas(tone, HEIGHT, self.aspect, wrap=False)

    def patterned(self) -> Pixels:
        """The face covered with the line's print."""
        tile = resize_pixels(draw_print(self.line.pattern, self.way.name), 260, 260)
        bare = self.canvas(self.main).picture()
        return np.tile(tile, (2, bare.shape[1] // 260 + 1, 1))[: bare.shape[0], : bare.shape[1]].copy()


def reading_on(tone: Colour) -> Colour:
    """Ink that reads on a colour."""
    return PALE if sum(tone) < 430 else (34, 34, 38)


def _badge(face: _Face) -> Pixels:
    """A round label in the middle of the print."""
    line, way, aspect = face.line, face.way, face.aspect
    art = face.canvas(face.main)
    for radius, tone in ((0.41, face.paper), (0.385, face.main), (0.375, face.paper)):
        art.disc(aspect / 2, 0.5, radius, tone)
    FIGURES[line.figure](art, aspect / 2, 0.34, 0.22, 0.0, way)
    picture, over = face.patterned(), art.picture()
    y, x = np.mgrid[:HEIGHT, : picture.shape[1]] / HEIGHT
    inside = np.hypot(x - aspect / 2, y - 0.5) < 0.41
    picture[inside] = over[inside]
    write(picture, line.name, (0.5, 0.575), 0.525 / aspect, 0.14, way.dark, weight=4)
    write(picture, line.claim, (0.5, 0.69), 0.468 / aspect, 0.05, face.small_print, tracking=0.05)
    write(picture, line.brand, (0.5, 0.80), 0.26 / aspect, 0.045, way.dark, weight=2, tracking=0.2)
    return picture


def _burst(face: _Face) -> Pixels:
    """Rays behind a large figure: breakfast cereal."""
    line, way, aspect = face.line, face.way, face.aspect
    art = face.canvas(face.main)
    middle = field([aspect / 2, 0.62])
    for k in range(28):
        angles = np.array([k, k + 0.5]) * 2 * np.pi / 28
        rim = middle + 2 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        art.fill(field([middle, *rim]), blend(face.main, face.paper, 0.22))
    art.disc(aspect / 2, 0.64, 0.255, face.paper)
    inks = (way.inks[2], way.inks[1], way.inks[3], way.inks[0])
    FIGURES[line.figure](art, aspect / 2, 0.62, 0.40, 0.0, Colourway("", face.paper, way.dark, inks))
    art.fill(field([(0, 0.90), (aspect, 0.84), (aspect, 1), (0, 1)]), way.dark)
    picture, ink = art.picture(), reading_on(face.main)
    first, *rest = line.name.split(" ")
    write(picture, first, (0.5, 0.185), 0.84, 0.12, ink, weight=9)
    write(picture, " ".join(rest), (0.5, 0.32), 0.7, 0.11, ink, weight=9)
    write(picture, line.brand, (0.5, 0.065), 0.5, 0.04, ink, weight=3, tracking=0.15)
    write(picture, line.claim, (0.36, 0.945), 0.5, 0.04, PALE, weight=1)
    write(picture, line.weight, (0.84, 0.93), 0.18, 0.035, PALE, weight=1)
    return picture


def _band(face: _Face) -> Pixels:
    """A broad band with a row of figures across the print."""
    line, way, aspect = face.line, face.way, face.aspect
    art = face.canvas(face.main)
    art.box(0, 0, aspect, 0.035, way.inks[2])
    inks = Colourway("", face.main, way.dark, (way.inks[1], face.paper, way.inks[2], way.inks[3]))
    for k in range(5):
        FIGURES[line.figure](art, aspect * (0.14 + 0.18 * k), 0.46 + 0.03 * (k % 2), 0.27, (k - 2) * 0.18, inks)
    picture, over, ink = face.patterned(), art.picture(), reading_on(face.main)
    low, high = int(0.22 * HEIGHT), int(0.88 * HEIGHT)
    picture[low:high] = over[: high - low]
    write(picture, line.name, (0.5, 0.33), 0.8, 0.13, ink, weight=6, narrow=0.92)
    write(picture, line.claim, (0.28, 0.82), 0.4, 0.05, ink, weight=1)
    write(picture, line.weight, (0.86, 0.82), 0.18, 0.05, ink, weight=2)
    tall, wide, top = int(0.12 * HEIGHT), int(0.42 * picture.shape[1]), int(0.05 * HEIGHT)
    left = (picture.shape[1] - wide) // 2
    picture[top : top + tall, left : left + wide] = way.dark
    write(picture, line.brand, (0.5, 0.11), 0.36, 0.055, PALE, weight=2, tracking=0.08)
    return picture


def _label(face: _Face) -> Pixels:
    """A paper label with a fine frame on the print: soap."""
    line, way, aspect = face.line, face.way, face.aspect
    art = face.canvas(face.paper)
    frame = field([(0.33, 0.17), (aspect - 0.33, 0.17), (aspect - 0.33, 0.83), (0.33, 0.83)])
    art.line(frame, face.main, 0.012, closed=True)
    FIGURES[line.figure](art, aspect / 2, 0.68, 0.2, 0.0, way)
    picture, over = face.patterned(), art.picture()
    rows = slice(int(0.14 * HEIGHT), int(0.86 * HEIGHT))
    cols = slice(int(0.3 * HEIGHT), int((aspect - 0.3) * HEIGHT))
    picture[rows, cols] = over[rows, cols]
    write(picture, line.brand, (0.5, 0.26), 0.34, 0.06, face.small_print, weight=2, tracking=0.25)
    write(picture, line.name, (0.5, 0.42), 0.4, 0.15, way.dark, weight=5)
    write(picture, line.claim, (0.5, 0.54), 0.36, 0.04, way.dark)
    return picture


def _window(face: _Face) -> Pixels:
    """A window that shows what is inside: pasta."""
    line, way, aspect = face.line, face.way, face.aspect
    art = face.canvas(face.main)
    art.box(0, 0.0, aspect, 0.30, way.dark)
    art.box(0, 0.30, aspect, 0.315, way.inks[2])
    art.box(aspect * 0.16, 0.46, aspect * 0.84, 0.84, face.paper)
    picture = art.picture()
    top, bottom = int(0.475 * HEIGHT), int(0.825 * HEIGHT)
    left, right = int(0.185 * picture.shape[1]), int(0.815 * picture.shape[1])
    pile = resize_pixels(draw_print("brush mark", "mustard"), 180, 180)
    picture[top:bottom, left:right] = np.tile(pile, (3, 3, 1))[: bottom - top, : right - left]
    brand = way.inks[1] if sum(way.inks[1]) > 420 else PALE
    write(picture, line.brand, (0.5, 0.10), 0.7, 0.05, brand, weight=3, tracking=0.12)
    write(picture, line.name, (0.5, 0.215), 0.82, 0.10, PALE, weight=5)
    write(picture, line.claim, (0.5, 0.385), 0.74, 0.04, reading_on(face.main), weight=1)
    write(picture, line.weight, (0.5, 0.915), 0.3, 0.04, reading_on(face.main), weight=2)
    return picture


_LAYOUTS: dict[str, Callable[[_Face], Pixels]] = {
    "badge": _badge,
    "burst": _burst,
    "band": _band,
    "label": _label,
    "window": _window,
}


def front(line: Line, way: Colourway, aspect: float) -> Pixels:
    """The main face of a line in a colourway."""
    return _LAYOUTS[line.layout](_Face(line, way, aspect))


def side(line: Line, way: Colourway, aspect: float) -> Pixels:
    """A narrow face: the name running down, a barcode below."""
    main = way.inks[0]
    turned = np.rot90(Canvas(blend(main, way.dark, 0.12), HEIGHT, aspect, wrap=False).picture()).copy()
    write(turned, line.name, (0.40, 0.5), 0.62, 0.4, reading_on(main), weight=4)
    picture = np.rot90(turned, -1).copy()
    rng = np.random.default_rng(len(line.name))
    width = picture.shape[1]
    top, bottom = int(0.80 * HEIGHT), int(0.95 * HEIGHT)
    picture[top - 6 : bottom + 6, int(0.1 * width) : int(0.9 * width)] = (248, 248, 246)
    x = int(0.15 * width)
    while x < int(0.85 * width) - 3:
        bar = int(rng.integers(1, 4))
        picture[top:bottom, x : x + bar] = (20, 20, 20)
        x += bar + int(rng.integers(1, 4))
    return picture


def lid(line: Line, way: Colourway, aspect: float) -> Pixels:
    """Top or bottom: the brand on the dark colour."""
    picture = Canvas(way.dark, 200, max(aspect, 0.3), wrap=False).picture()
    write(picture, line.brand, (0.5, 0.5), 0.6, 0.3, reading_on(way.dark), weight=2, tracking=0.1)
    return picture


def worn(face: Pixels) -> Pixels:
    """Board is never quite even, and pale where it is folded."""
    height, width = face.shape[:2]
    uneven = face * (1 + 0.008 * grain(height, width, np.random.default_rng(3)))[..., None]
    rows, cols = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (height, width))
    pale = np.clip(1 - np.minimum.outer(rows, cols) / 2.5, 0, 1)[..., None] * 0.5
    return codes(uneven + (245 - uneven) * pale)
