"""Prints of one figure tossed or set in rows, and lettering prints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sample.canvas import Canvas
from sample.florals import scatter
from sample.motifs import FIGURES
from sample.palettes import Colourway
from sample.pixels import Pixels

Print = Callable[[Colourway, np.random.Generator, int], Pixels]

_FILLERS = ("star", "heart", "dot", "sprig")


def tossed(figure: str, filler: str = "dot") -> Print:
    """The figure in a half-drop, a little turned, with small fillers between."""

    def draw(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
        canvas = Canvas(way.ground, size)
        accents = Colourway("", way.ground, way.dark, (way.inks[3], way.inks[1], way.inks[2], way.inks[3]))
        other = Colourway("", way.ground, way.dark, (way.inks[3], way.inks[1], way.inks[2], way.inks[0]))
        for k in range(4):
            for j in range(3):
                x, y = (k + 0.5) / 4, (j + 0.25 + 0.5 * (k % 2)) / 3
                turn = rng.uniform(-0.3, 0.3)
                FIGURES[figure](canvas, x, y, 0.21, turn, way if (k + j) % 3 else other)
                fx, fy = x, y + 1 / 6
                if filler == "dot":
                    for dx, dy in ((0, 0.0), (-0.03, 0.02), (0.03, 0.02)):
                        canvas.disc(fx + dx, fy + dy, 0.011, way.inks[2])
                else:
                    FIGURES[filler](canvas, fx, fy, 0.07, turn, accents)
        return canvas.picture()

    return draw


def dense(figure: str) -> Print:
    """Many small ones, turned every way."""

    def draw(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
        canvas = Canvas(way.ground, size)
        for k, (x, y) in enumerate(scatter(34, 0.14, rng)):
            tones = Colourway(
                "", way.ground, way.dark, (way.inks[k % 4], way.inks[(k + 1) % 4], way.inks[(k + 2) % 4], way.inks[3])
            )
            FIGURES[figure](canvas, x, y, rng.uniform(0.1, 0.15), rng.uniform(0, 6.28), tones)
        return canvas.picture()

    return draw


def night_sky(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Moons, stars and clouds."""
    canvas = Canvas(way.ground, size)
    for k, (x, y) in enumerate(scatter(12, 0.22, rng)):
        FIGURES[("moon", "cloud", "star")[k % 3]](canvas, x, y, (0.15, 0.17, 0.1)[k % 3], rng.uniform(-0.4, 0.4), way)
    for x, y in scatter(50, 0.09, rng):
        canvas.disc(x, y, 0.006, way.inks[2])
    return canvas.picture()


def aquarium(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Fish and bubbles."""
    canvas = Canvas(way.ground, size)
    for k, (x, y) in enumerate(scatter(13, 0.2, rng)):
        FIGURES["fish"](canvas, x, y, 0.19, rng.uniform(-0.35, 0.35) + (np.pi if k % 2 else 0), way)
    for x, y in scatter(40, 0.1, rng):
        r = rng.choice([0.008, 0.014])
        canvas.disc(x, y, r, way.inks[1])
        canvas.disc(x, y, r * 0.55, way.ground)
    return canvas.picture()
