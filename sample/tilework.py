"""Ceramic tile motifs: a quarter is drawn once and mirrored, as stencils are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sample.canvas import Canvas, ellipse, put
from sample.noise import fractal
from sample.palettes import COLOURWAYS, blend
from sample.pixels import Pixels, codes, field, resize_pixels
from sample.plants import petal


@dataclass(frozen=True)
class Recipe:
    """How a tile is composed: which field it has, and the rosette on it."""

    field: int
    star: bool
    points: int
    reach: float
    framed: bool
    palmettes: bool


RECIPES = {
    "Alvor": Recipe(0, True, 16, 0.34, False, True),
    "Benfica": Recipe(1, False, 12, 0.30, True, False),
    "Caldas": Recipe(2, False, 16, 0.36, False, False),
    "Dorna": Recipe(3, True, 8, 0.32, True, True),
    "Évora": Recipe(0, False, 8, 0.28, True, False),
    "Faro": Recipe(1, True, 12, 0.38, False, False),
    "Guarda": Recipe(2, True, 8, 0.30, True, False),
    "Horta": Recipe(3, False, 12, 0.34, False, True),
    "Lagos": Recipe(1, True, 8, 0.24, False, True),
}


@lru_cache(maxsize=48)
def tile_art(name: str, colourway: str, size: int = 420) -> Pixels:
    """One tile of a design, sRGB [size, size, 3]. The name alone decides the drawing, the colourway its colours."""
    recipe = RECIPES[name]
    way = COLOURWAYS[colourway]
    canvas = Canvas(way.ground, size, wrap=False)
    deep, mid, accent, fourth = way.inks[0], way.inks[1], way.inks[2], way.inks[3]
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    sides = ((0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5))
    if recipe.field == 0:
        for x, y in corners:
            for k, tone in enumerate((deep, way.ground, mid, way.ground, deep)):
                canvas.disc(x, y, 0.47 - 0.075 * k, tone)
            for k in range(12):
                a = k * np.pi / 6
                petal(canvas, x, y, 0.17, 0.16, a, accent)
    elif recipe.field == 1:
        canvas.fill(field([(0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)]), mid)
        canvas.line(field([(0.5, 0.03), (0.97, 0.5), (0.5, 0.97), (0.03, 0.5)]), deep, 0.02, closed=True)
        for x, y in corners:
            for k in range(8):
                petal(canvas, x, y, 0.34, 0.14, k * np.pi / 4 + np.pi / 8, deep if k % 2 else accent)
            canvas.disc(x, y, 0.07, way.ground)
    elif recipe.field == 2:
        for x, y in sides:
            canvas.disc(x, y, 0.36, deep)
            canvas.disc(x, y, 0.315, way.ground)
            canvas.disc(x, y, 0.27, mid)
        for x, y in corners:
            canvas.fill(put([(0, -0.22), (0.22, 0), (0, 0.22), (-0.22, 0)], x, y, 1.0), accent)
            canvas.fill(put([(0, -0.12), (0.12, 0), (0, 0.12), (-0.12, 0)], x, y, 1.0), way.ground)
    else:
        for k in range(4):
            a = k * np.pi / 2
            canvas.fill(
                put([(0.0, 0.0), (0.5, -0.5), (0.5, -0.22), (0.16, 0.0), (0.5, 0.22), (0.5, 0.5)], 0.5, 0.5, 1.0, a),
                deep if k % 2 else fourth,
            )
            canvas.fill(put([(0.24, 0.0), (0.5, -0.16), (0.5, 0.16)], 0.5, 0.5, 1.0, a), accent)
    points, outer = recipe.points, recipe.reach
    if recipe.star:
        t = np.arange(points * 2) * np.pi / points
        r = np.where(np.arange(points * 2) % 2 == 0, outer, outer * 0.66)
        canvas.fill(field(np.stack([0.5 + r * np.cos(t), 0.5 + r * np.sin(t)], -1)), way.dark)
        r = r * 0.9
        canvas.fill(field(np.stack([0.5 + r * np.cos(t), 0.5 + r * np.sin(t)], -1)), way.ground)
    else:
        for k in range(points // 2):
            a = k * 4 * np.pi / points
            x, y = 0.5 + outer * 0.55 * np.cos(a), 0.5 + outer * 0.55 * np.sin(a)
            canvas.fill(ellipse(x, y, outer * 0.46, outer * 0.3, a), way.dark)
        for k in range(points // 2):
            a = k * 4 * np.pi / points
            x, y = 0.5 + outer * 0.55 * np.cos(a), 0.5 + outer * 0.55 * np.sin(a)
            canvas.fill(ellipse(x, y, outer * 0.40, outer * 0.245, a), way.ground)
    for ring, tone in enumerate((deep, accent)):
        count = points if ring == 0 else points // 2
        for k in range(count):
            petal(
                canvas,
                0.5,
                0.5,
                outer * (0.74 - 0.24 * ring),
                0.13 if ring == 0 else 0.2,
                (k + 0.5 * ring) * 2 * np.pi / count,
                tone,
            )
    canvas.disc(0.5, 0.5, 0.065, way.dark)
    canvas.disc(0.5, 0.5, 0.045, way.ground)
    canvas.disc(0.5, 0.5, 0.022, accent)
    if recipe.framed:
        for inset, tone in ((0.012, deep), (0.03, way.ground)):
            canvas.line(
                field([(inset, inset), (1 - inset, inset), (1 - inset, 1 - inset), (inset, 1 - inset)]),
                tone,
                0.012,
                closed=True,
            )
    if recipe.palmettes:
        for x, y in sides:
            for k in range(5):
                petal(canvas, x, y, 0.13, 0.2, np.arctan2(0.5 - y, 0.5 - x) + (k - 2) * 0.5, fourth)
            canvas.disc(x, y, 0.03, way.dark)
    # Fired glaze pools: the colour is never quite even.
    level = 1 + 0.05 * fractal(size, 5, np.random.default_rng(5), 3)
    return codes(canvas.picture() * level[..., None])


@lru_cache(maxsize=24)
def laid(name: str, colourway: str, count: int = 3, size: int = 240, joint: int = 5) -> Pixels:
    """`count` x `count` tiles with joints: a repeat for walls, sRGB."""
    one = tile_art(name, colourway)
    small = resize_pixels(one, size, size)
    ramp = np.minimum(np.arange(size), np.arange(size)[::-1]).astype(np.float32)
    edge = np.minimum.outer(ramp, ramp)
    shade = (0.86 + 0.14 * np.clip(edge / 5, 0, 1))[..., None]
    grout = blend(COLOURWAYS[colourway].ground, (120, 116, 110), 0.65)
    full = np.full((count * (size + joint), count * (size + joint), 3), grout, np.uint8)
    rng = np.random.default_rng(count)
    for r in range(count):
        for c in range(count):
            piece = codes(small * shade * float(rng.uniform(0.95, 1.03)))
            y, x = r * (size + joint), c * (size + joint)
            full[y : y + size, x : x + size] = piece
    return full
