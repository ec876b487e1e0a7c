"""Flowing prints: flowers, foliage, damask. Each makes one repeating tile of sRGB pixels."""

from __future__ import annotations

import numpy as np

from sample import animals, plants
from sample.canvas import Canvas, put
from sample.mesh import curve
from sample.palettes import Colourway, blend
from sample.pixels import Field, Pixels, field


def scatter(count: int, gap: float, rng: np.random.Generator) -> Field:
    """Up to `count` places on the tile at least `gap` apart across its meeting edges (dart throwing), [k, 2]."""
    kept = np.zeros((count, 2), np.float32)
    found = 0
    for place in rng.uniform(0, 1, (count * 40, 2)).astype(np.float32):
        away = np.abs((place - kept[:found] + 0.5) % 1.0 - 0.5)
        if not found or float((away * away).sum(axis=1).min()) >= gap * gap:
            kept[found] = place
            found += 1
            if found == count:
                break
    return kept[:found]


def meadow(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Garden flowers of several kinds over sprigs and berries."""
    canvas = Canvas(way.ground, size)
    for x, y in scatter(26, 0.13, rng):
        plants.sprig(canvas, x, y, rng.uniform(0.2, 0.3), rng.uniform(0, 6.28), way)
    for x, y in scatter(18, 0.15, rng):
        plants.berries(canvas, x, y, 0.09, rng.uniform(0, 6.28), way)
    for k, (x, y) in enumerate(scatter(9, 0.27, rng)):
        figure = (plants.daisy, plants.rose, plants.poppy)[k % 3]
        figure(canvas, x, y, rng.uniform(0.2, 0.27), rng.uniform(0, 6.28), way)
    return canvas.picture()


def ditsy(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Small blossoms evenly strewn."""
    canvas = Canvas(way.ground, size)
    for x, y in scatter(70, 0.075, rng):
        turn = rng.uniform(0, 6.28)
        plants.leaf(canvas, x, y, 0.055, turn, way.inks[3], blend(way.inks[3], way.dark, 0.4))
        plants.leaf(canvas, x, y, 0.05, turn + 2.2, way.inks[3], blend(way.inks[3], way.dark, 0.4))
    for x, y in scatter(40, 0.12, rng):
        plants.blossom(canvas, x, y, rng.uniform(0.075, 0.11), rng.uniform(0, 6.28), way)
    return canvas.picture()


def roses(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Big cabbage roses with their leaves, in a half-drop repeat."""
    canvas = Canvas(way.ground, size)
    places = [
        (0.25, 0.22, 0.42),
        (0.75, 0.72, 0.42),
        (0.74, 0.2, 0.24),
        (0.24, 0.7, 0.26),
        (0.5, 0.47, 0.16),
        (0.0, 0.97, 0.15),
    ]
    for x, y, r in places:
        for k in range(7):
            turn = k * 0.9 + rng.uniform(-0.25, 0.25)
            reach = r * 0.32
            tone = way.inks[3] if k % 2 else blend(way.inks[3], way.dark, 0.3)
            plants.leaf(
                canvas,
                x + np.cos(turn) * reach,
                y + np.sin(turn) * reach,
                r * 0.55,
                turn,
                tone,
                blend(tone, way.ground, 0.4),
                0.24,
            )
    for x, y, r in places:
        plants.rose(canvas, x, y, r, rng.uniform(0, 6.28), way)
    for x, y in scatter(14, 0.14, rng):
        plants.blossom(canvas, x, y, 0.05, 0, way)
    return canvas.picture()


def blossom_branch(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Branches that climb through the tile, with blossoms and birds: after hand-painted Chinese papers."""
    canvas = Canvas(way.ground, size)
    bark = blend(way.inks[0], way.dark, 0.55)
    for offset in (0.0, 0.5):
        t = np.linspace(0, 1, 9)
        bend = 0.07 * np.sin(2 * np.pi * t + offset * 9)
        trunk = curve(np.stack([0.25 + offset + bend, 1 - t + offset], -1).tolist(), 120)
        for width, piece in ((0.022, trunk), (0.012, trunk + field([0.012, 0.0]))):
            canvas.line(piece, bark if width > 0.02 else blend(bark, way.ground, 0.25), width)
        for k in range(6):
            root = trunk[8 + k * 19]
            side = 1 if k % 2 else -1
            twig = curve(
                [root, root + field([side * 0.1, -0.05]), root + field([side * 0.2, -0.04 - 0.03 * (k % 3)])], 24
            )
            canvas.line(twig, bark, 0.009)
            for j in (6, 10, 14, 18, 22):
                turn = float(rng.uniform(-0.9, 0.9)) + (0 if side > 0 else np.pi)
                plants.leaf(canvas, twig[j][0], twig[j][1], 0.075, turn, way.inks[3], blend(way.inks[3], way.dark, 0.4))
            for j in (11, 17, 23):
                plants.blossom(
                    canvas, twig[j][0], twig[j][1] - 0.01, float(rng.uniform(0.06, 0.1)), float(rng.uniform(0, 6)), way
                )
        animals.bird(canvas, 0.13 + offset, 0.42 + offset, 0.17, -0.1, way, flip=bool(offset))
    return canvas.picture()


def damask(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Mirrored leaf medallions in a half-drop, tone on tone."""
    canvas = Canvas(way.ground, size)
    tone = blend(way.ground, way.inks[0], 0.75)
    pale = blend(way.ground, way.inks[0], 0.32)
    for cx, cy in ((0.5, 0.5), (0.0, 0.0)):
        frame = [(0, -0.48), (0.1, -0.36), (0.23, -0.14), (0.2, 0.1), (0.08, 0.3), (0, 0.48)]
        for side in (False, True):

            def at(points: Field | list[tuple[float, float]], flip: bool = side, x: float = cx, y: float = cy) -> Field:
                return put(points, x, y, 1.0, 0.0, flip)

            for width, ink in ((0.03, tone), (0.011, way.ground)):
                canvas.stroke(at(frame), ink, width)
            for k, (px, py, length, turn) in enumerate(
                (
                    (0.02, 0.3, 0.2, -1.15),
                    (0.02, 0.2, 0.2, -0.8),
                    (0.015, 0.08, 0.18, -0.45),
                    (0.015, -0.03, 0.15, -0.1),
                    (0.01, -0.12, 0.17, -1.2),
                    (0.03, 0.33, 0.13, 0.35),
                    (0.0, -0.22, 0.16, -0.85),
                    (0.25, -0.1, 0.13, -0.6),
                    (0.245, 0.0, 0.13, 0.1),
                    (0.2, 0.14, 0.12, 0.7),
                    (0.15, -0.3, 0.12, -0.3),
                    (0.1, 0.3, 0.12, 0.9),
                )
            ):
                bend = [(0, 0), (0.3, -0.15), (0.75, -0.13), (1, 0.06), (0.7, 0.08), (0.3, 0.07)]
                shape = put(bend, px, py, length, turn)
                canvas.blob(at(shape), tone if k % 3 else blend(tone, way.dark, 0.12))
                rib = put([(0.08, 0.0), (0.5, -0.05), (0.86, 0.02)], px, py, length, turn)
                canvas.stroke(at(rib), pale, 0.005)
            for j, r in enumerate((0.034, 0.027, 0.02)):
                p = at([(0.05 + 0.045 * j, -0.33 + 0.045 * j)])[0]
                canvas.disc(float(p[0]), float(p[1]), r * 0.6, pale)
        plants.petal(canvas, cx, cy + 0.36, 0.62, 0.07, -np.pi / 2, tone)
        plants.petal(canvas, cx, cy + 0.3, 0.46, 0.04, -np.pi / 2, pale)
        for k in range(5):
            plants.petal(canvas, cx, cy - 0.17, 0.13, 0.2, -np.pi / 2 + (k - 2) * 0.55, way.inks[1] if k % 2 else tone)
        canvas.disc(cx, cy - 0.17, 0.022, pale)
    return canvas.picture()


def acanthus(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Dense scrolling foliage with fruit: an Arts and Crafts paper."""
    canvas = Canvas(way.dark if sum(way.ground) > 500 else way.ground, size)
    base = way.dark if sum(way.ground) > 500 else way.ground
    for x, y in scatter(60, 0.09, rng):
        plants.leaf(
            canvas, x, y, 0.1, rng.uniform(0, 6.28), blend(base, way.inks[3], 0.35), blend(base, way.inks[3], 0.6)
        )
    stems = blend(way.inks[1], base, 0.2)
    for cx, cy, flip in ((0.25, 0.25, False), (0.75, 0.25, True), (0.75, 0.75, False), (0.25, 0.75, True)):
        t = np.linspace(0, 1, 50)
        angle, radius = 0.6 + t * 5.2, 0.26 * (1 - t * 0.78)
        scroll = put(field(np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)), cx, cy, 1.0, 0.0, flip)
        canvas.line(scroll, stems, 0.013)
        for k in range(3, 46, 4):
            heading = float(np.arctan2(*(scroll[k + 1] - scroll[k - 1])[::-1]))
            for side in (-1, 1):
                tone = way.inks[0] if side > 0 else way.inks[3]
                length = 0.145 * (1 - 0.011 * k)
                plants.leaf(
                    canvas,
                    scroll[k][0],
                    scroll[k][1],
                    length,
                    heading + side * 0.8,
                    tone,
                    blend(tone, way.ground, 0.5),
                    0.26,
                )
        plants.daisy(canvas, cx, cy, 0.13, 0.0, way, 12)
    for x, y in ((0.5, 0.5), (0, 0), (0.5, 0.0), (0.0, 0.5)):
        plants.tulip(canvas, x, y, 0.17, 0.0, way)
    return canvas.picture()


def botanical(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Large leaves of the glasshouse."""
    canvas = Canvas(way.ground, size)
    for x, y in scatter(9, 0.26, rng):
        plants.fern(
            canvas,
            x,
            y,
            0.42,
            rng.uniform(0, 6.28),
            Colourway("", way.ground, way.dark, (way.inks[1], way.inks[1], way.inks[2], way.inks[3])),
        )
    for k, (x, y) in enumerate(scatter(6, 0.33, rng)):
        (plants.monstera, plants.palm)[k % 2](canvas, x, y, 0.36 if k % 2 == 0 else 0.34, rng.uniform(0, 6.28), way)
    for x, y in scatter(5, 0.3, rng):
        plants.blossom(
            canvas,
            x,
            y,
            0.12,
            0.3,
            Colourway(
                "", way.ground, way.dark, (way.inks[2], blend(way.inks[2], way.ground, 0.4), way.inks[1], way.inks[3])
            ),
        )
    return canvas.picture()


def ferns(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Fronds in upright rows."""
    canvas = Canvas(way.ground, size)
    other = Colourway("", way.ground, way.dark, (way.inks[1], way.inks[0], way.inks[2], way.inks[3]))
    for k in range(4):
        for j in range(2):
            plants.fern(
                canvas,
                0.125 + k * 0.25,
                j * 0.5 + (k % 2) * 0.25,
                0.52,
                -np.pi / 2 + (0.18 if k % 2 else -0.18),
                way if k % 2 else other,
            )
    return canvas.picture()


def tulips(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Tulips standing in a half-drop."""
    canvas = Canvas(way.ground, size)
    other = Colourway(
        "", way.ground, way.dark, (way.inks[2], blend(way.inks[2], way.ground, 0.4), way.inks[0], way.inks[3])
    )
    for k in range(4):
        for j in range(3):
            plants.tulip(
                canvas, 0.125 + 0.25 * k, (j + 0.5 * (k % 2) + 0.2) / 3, 0.25, 0.0, way if (k + j) % 2 else other
            )
    return canvas.picture()
