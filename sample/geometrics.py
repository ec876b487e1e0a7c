"""Constructed prints: stripes, checks, dots, terrazzo, waves. Each makes one repeating tile of sRGB pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sample.canvas import Canvas, ellipse, put
from sample.florals import scatter
from sample.noise import fractal
from sample.palettes import Colour, Colourway, blend
from sample.pixels import Pixels, codes, field


def _bars(way: Colourway, rng: np.random.Generator) -> list[tuple[float, float, Colour]]:
    """Edges and colours of a stripe repeat that is mirrored, as woven ones are."""
    tones = [way.inks[0], way.inks[1], way.inks[3], way.inks[2], way.dark]
    edges = np.sort(rng.uniform(0.03, 0.47, 5))
    bars = []
    for k, at in enumerate(edges):
        width = float(rng.choice([0.008, 0.018, 0.035, 0.06]))
        bars += [(at - width, at + width, tones[k % 5]), (1 - at - width, 1 - at + width, tones[k % 5])]
    return bars


def stripes(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Upright stripes of several widths."""
    canvas = Canvas(way.ground, size)
    for low, high, tone in _bars(way, rng):
        canvas.box(low, 0, high, 1, tone)
    return canvas.picture()


def ticking(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Groups of fine lines, as on mattress cloth."""
    canvas = Canvas(way.ground, size)
    for k in range(6):
        x = (k + 0.5) / 6
        canvas.box(x - 0.022, 0, x + 0.022, 1, way.inks[0])
        for side in (-1, 1):
            canvas.box(x + side * 0.043 - 0.005, 0, x + side * 0.043 + 0.005, 1, way.inks[3])
    return canvas.picture()


def awning(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Broad even stripes."""
    canvas = Canvas(way.ground, size)
    for k in range(4):
        canvas.box(k / 4, 0, k / 4 + 0.125, 1, way.inks[0])
    return canvas.picture()


def gingham(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Even checks with the half tone where they cross."""
    n = 8
    cell = (np.arange(size) * n // size) % 2
    level = cell[:, None] + cell[None, :]
    tones = np.array([way.ground, blend(way.ground, way.inks[0], 0.5), way.inks[0]], np.uint8)
    return codes(tones[level])


def tartan(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """A sett woven in twill: warp and weft show in turn."""
    sett = np.zeros((size, 3), np.float32) + field(way.inks[0])
    spans = np.cumsum(rng.dirichlet(np.full(6, 3.0)) * size / 2).astype(int)
    tones = [way.inks[0], way.dark, way.inks[3], way.inks[0], way.inks[1], way.dark]
    start = 0
    for end, tone in zip(spans, tones, strict=True):
        sett[start:end] = tone
        start = int(end)
    for at, width, tone in ((0.12, 3, way.inks[2]), (0.33, 5, way.ground), (0.36, 2, way.inks[2])):
        middle = int(at * size)
        sett[middle : middle + width] = tone
    half = size // 2
    sett[half:] = sett[:half][::-1]
    y, x = np.mgrid[:size, :size]
    twill = ((x + y) // 2 % 4 < 2)[..., None]
    return codes(np.where(twill, sett[None, :, :], sett[:, None, :]))


def houndstooth(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """The broken check, from its weave: four dark threads, four light, in a two-and-two twill."""
    n = 64
    y, x = np.mgrid[:n, :n]
    warp, weft = (x // 4) % 2, (y // 4) % 2
    dark = np.where((x + y) % 4 < 2, warp, weft)
    tones = np.array([way.ground, way.dark if sum(way.ground) > 450 else way.inks[0]], np.uint8)
    grown = np.kron(dark, np.ones((size // n, size // n), dtype=np.int64))
    return tones[grown]


def herringbone(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Slanting planks in columns, in three tones."""
    canvas = Canvas(way.ground, size)
    rows, columns = 12, 6
    tones = [way.inks[0], way.inks[1], blend(way.inks[0], way.ground, 0.6), way.inks[3]]
    for c in range(columns):
        for r in range(rows):
            x, y, w, h = c / columns, r / rows, 1 / columns, 1 / rows
            lean = h * 1.4 if c % 2 else -h * 1.4
            canvas.fill(
                field(
                    [
                        (x + 0.003, y),
                        (x + w - 0.003, y + lean),
                        (x + w - 0.003, y + lean + h * 0.86),
                        (x + 0.003, y + h * 0.86),
                    ]
                ),
                tones[(r * 5 + c * 3 + (r * r) % 3) % 4],
            )
    return canvas.picture()


def dots(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Even spots in a half-drop."""
    canvas = Canvas(way.ground, size)
    for k in range(8):
        for j in range(4):
            canvas.disc((k + 0.5) / 8, (j + 0.5 * (k % 2) + 0.25) / 4, 0.038, way.inks[(k + 2 * j) % 2 * 3])
    return canvas.picture()


def confetti(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Spots of many sizes and colours."""
    canvas = Canvas(way.ground, size)
    for k, (x, y) in enumerate(scatter(60, 0.085, rng)):
        canvas.disc(x, y, rng.choice([0.014, 0.022, 0.036]), way.inks[k % 4])
    return canvas.picture()


def terrazzo(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Stone chips in plaster."""
    canvas = Canvas(way.ground, size)
    tones = [*way.inks, way.dark, blend(way.ground, way.dark, 0.25)]
    for reach, count, gap in ((0.06, 26, 0.13), (0.032, 60, 0.07), (0.014, 150, 0.035)):
        for x, y in scatter(count, gap, rng):
            corners = rng.integers(4, 8)
            angle = np.sort(rng.uniform(0, 2 * np.pi, corners)) + rng.uniform(0, 6)
            r = reach * rng.uniform(0.5, 1.1, corners)
            canvas.fill(
                field(np.stack([x + r * np.cos(angle), y + r * np.sin(angle) * 0.8], -1)), tones[rng.integers(6)]
            )
    return canvas.picture()


def triangles(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """A patchwork of triangles."""
    canvas = Canvas(way.ground, size)
    n = 6
    for r in range(n):
        for c in range(n):
            x, y, w = c / n, r / n, 1 / n
            canvas.fill(field([(x, y), (x + w, y), (x, y + w)]), way.inks[rng.integers(4)])
            if rng.uniform() < 0.55:
                canvas.fill(field([(x + w, y), (x + w, y + w), (x, y + w)]), way.inks[rng.integers(4)])
    return canvas.picture()


def chevron(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Zigzags."""
    canvas = Canvas(way.ground, size)
    for k in range(-2, 10):
        x = np.linspace(0, 1, 9)
        y = k / 8 + np.where(np.arange(9) % 2, 0.06, -0.06)
        band = np.concatenate([np.stack([x, y], -1), np.stack([x, y + 0.062], -1)[::-1]])
        canvas.fill(field(band), way.inks[(k % 8) % 4] if k % 2 else way.inks[0])
    return canvas.picture()


def scallop(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Fish scales with ribs."""
    canvas = Canvas(way.ground, size)
    n = 5
    for row in range(-2, 2 * n + 1):
        for c in range(n):
            x, y = (c + 0.5 + 0.5 * (row % 2)) / n, row / (2 * n)
            for k, tone in enumerate((way.ground, way.inks[0], way.ground, way.inks[1], way.inks[3])):
                canvas.disc(x, y, (0.5 - 0.085 * k - 0.01 * (k == 1)) / n, tone)
    return canvas.picture()


def hexagons(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Nested honeycomb cells."""
    canvas = Canvas(way.ground, size)
    n = 4
    t = np.arange(6) * np.pi / 3
    for c in range(2 * n):
        for r in range(n):
            x, y = c / (2 * n), (r + 0.5 * (c % 2)) / n
            tones = (way.dark, way.inks[(c + 2 * r) % 4], way.ground, way.inks[0])
            for k, tone in enumerate(tones):
                reach = (0.155, 0.14, 0.085, 0.06)[k]
                cell = np.stack([x + reach * 0.9 * np.cos(t), y + reach * np.sin(t) * 0.95], -1)
                canvas.fill(field(cell), tone)
    return canvas.picture()


def trellis(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """A lattice of curved ribbons (ogee) with a flower in every field."""
    canvas = Canvas(way.ground, size)
    t = np.linspace(0, 1, 60)
    for width, tone in ((0.05, way.inks[0]), (0.022, way.ground), (0.010, way.inks[3])):
        for c in range(2):
            for side in (-1, 1):
                x = c / 2 + side * 0.125 * np.sin(2 * np.pi * t) + 0.125
                canvas.line(field(np.stack([x, t], -1)), tone, width)
    for cx, cy in (
        (0.125, 0.25),
        (0.625, 0.25),
        (0.375, 0.75),
        (0.875, 0.75),
        (0.375, 0.25),
        (0.875, 0.25),
        (0.125, 0.75),
        (0.625, 0.75),
    ):
        for k in range(8):
            a = k * np.pi / 4
            canvas.disc(cx + 0.042 * np.cos(a), cy + 0.055 * np.sin(a), 0.021, way.inks[1 if k % 2 else 2])
        canvas.disc(cx, cy, 0.024, way.inks[3])
    return canvas.picture()


def harlequin(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Lozenges with a fine overcheck (argyle)."""
    canvas = Canvas(way.ground, size)
    n, m = 4, 3
    for c in range(2 * n):
        for r in range(m):
            x, y = c / (2 * n), (r + 0.5 * (c % 2)) / m
            w, h = 0.5 / n, 0.5 / m
            canvas.fill(
                field([(x - w, y), (x, y - h), (x + w, y), (x, y + h)]),
                (way.inks[0], way.ground, way.inks[1], way.ground)[c % 4],
            )
    for r in range(-m, 2 * m):
        for slope in (-1, 1):
            start = r / m + (0.5 / m)
            canvas.line(
                field([(-0.2, start - slope * 0.2 * 4 / 3), (1.2, start + slope * 1.2 * 4 / 3)]), way.inks[2], 0.006
            )
    return canvas.picture()


def atomic(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Starbursts, boomerangs and ovals of the nineteen-fifties."""
    canvas = Canvas(way.ground, size)
    for k, (x, y) in enumerate(scatter(16, 0.2, rng)):
        turn = rng.uniform(0, 6.28)
        if k % 3 == 0:
            for j in range(6):
                a = turn + j * np.pi / 6
                reach = 0.085 if j % 2 else 0.06
                canvas.line(
                    field(
                        [(x - reach * np.cos(a), y - reach * np.sin(a)), (x + reach * np.cos(a), y + reach * np.sin(a))]
                    ),
                    way.dark,
                    0.006,
                )
                for side in (-1, 1):
                    canvas.disc(x + side * reach * np.cos(a), y + side * reach * np.sin(a), 0.011, way.inks[j % 4])
        elif k % 3 == 1:
            canvas.blob(
                put(
                    [(-0.5, -0.4), (0, -0.14), (0.5, -0.4), (0.56, -0.24), (0, 0.34), (-0.56, -0.24)], x, y, 0.17, turn
                ),
                way.inks[k % 4],
            )
        else:
            canvas.fill(ellipse(x, y, 0.08, 0.045, turn), way.inks[(k + 1) % 4])
            canvas.line(ellipse(x + 0.012, y + 0.01, 0.08, 0.045, turn), way.dark, 0.005, closed=True)
    return canvas.picture()


def waves(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Rolling bands."""
    canvas = Canvas(way.ground, size)
    x = np.linspace(0, 1, 80)
    tones = [way.inks[0], way.ground, way.inks[1], way.inks[3], way.ground, way.inks[2], way.inks[1], way.ground]
    for k in range(-3, 20):
        y = k / 16 + 0.05 * np.sin(2 * np.pi * x) + 0.018 * np.sin(4 * np.pi * x + 1)
        band = np.concatenate([np.stack([x, y], -1), np.stack([x, y + 1 / 15.5], -1)[::-1]])
        canvas.fill(field(band), tones[(k % 16) % 8])
    return canvas.picture()


def ikat(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Nested lozenges whose edges feather along the warp, as dyed thread does."""
    y, x = np.mgrid[:size, :size] / size
    shake = np.repeat(rng.uniform(-1, 1, size // 4), 4)[None, :] * 0.022
    yy = (y + shake + 0.02 * fractal(size, 6, rng)) % 1.0
    u, v = np.abs((x * 3) % 1 - 0.5) * 2, np.abs((yy * 2 + 0.5 * (np.floor(x * 3) % 2)) % 1 - 0.5) * 2
    level = (u + v) * 3.2
    rings = [way.inks[2], way.ground, way.inks[0], way.inks[3], way.ground, way.inks[0], way.ground]
    band: NDArray[np.int64] = np.clip(level.astype(np.int64), 0, 6)
    return codes(np.array(rings)[band])


def grid(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """A hand-drawn windowpane check."""
    canvas = Canvas(way.ground, size)
    for k in range(5):
        at = (k + 0.5) / 5
        t = np.linspace(0, 1, 30)
        wobble = 0.006 * np.sin(2 * np.pi * (2 * t + k * 0.37))
        canvas.line(field(np.stack([at + wobble, t], -1)), way.inks[0], 0.013)
        canvas.line(field(np.stack([t, at + wobble], -1)), way.inks[0], 0.013)
    return canvas.picture()


def checkerboard(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Squares in two colours."""
    cell = np.arange(size) * 6 // size
    tones = np.array([way.ground, way.inks[0]], np.uint8)
    return codes(tones[(cell[:, None] + cell[None, :]) % 2])


def brush(way: Colourway, rng: np.random.Generator, size: int) -> Pixels:
    """Loose brush marks."""
    canvas = Canvas(way.ground, size)
    for k, (x, y) in enumerate(scatter(48, 0.095, rng)):
        turn = rng.uniform(-0.5, 0.5) - 0.9
        for j in range(5):
            off = (j - 2) * 0.008
            length = rng.uniform(0.05, 0.075)
            p = put([(-length, off), (0, off + 0.006), (length, off)], x, y, 1.0, turn)
            canvas.stroke(p, blend(way.inks[k % 4], way.ground, 0.12 * (j % 3)), 0.009)
    return canvas.picture()


def nordic(way: Colourway, _rng: np.random.Generator, size: int) -> Pixels:
    """Knitted bands: stars, zigzags and lice, on a grid of stitches."""
    n = 48
    art = np.zeros((n, n), np.int64)
    y, x = np.mgrid[:n, :n]
    fx = np.abs((x % 16) - 8)
    for top in (0, 24):
        fy = np.abs(y - (top + 9))
        star = (
            (np.maximum(fx, fy) <= 7) & ((np.abs(fx - fy) <= 1) | (np.minimum(fx, fy) == 0)) & (np.maximum(fx, fy) > 0)
        )
        art[star & (y >= top + 1) & (y <= top + 17)] = 1 if top == 0 else 2
        zig = (y - (top + 19)) == np.abs((x % 6) - 3) // 1
        art[zig & (y >= top + 19) & (y < top + 23)] = 3
        art[(y == top + 23) & (x % 2 == 0)] = 2
    tones = np.array([way.ground, way.inks[0], way.inks[3], way.inks[2]], np.uint8)
    grown = np.kron(tones[art], np.ones((size // n + 1, size // n + 1, 1), np.uint8))
    return codes(grown[:size, :size])
