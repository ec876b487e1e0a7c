"""Flowers, leaves and fruit that prints are made of; see motifs for what a figure is."""

from __future__ import annotations

import numpy as np

from sample.canvas import Canvas, ellipse, put
from sample.mesh import curve
from sample.palettes import Colour, Colourway, blend
from sample.pixels import field
from sample.strokes import WHITE, spot


def petal(canvas: Canvas, x: float, y: float, length: float, width: float, turn: float, tone: Colour) -> None:
    """A drop that starts at x, y and points along `turn`."""
    shape = [(0, 0), (0.32, -width), (0.78, -width * 0.85), (1.0, 0), (0.78, width * 0.85), (0.32, width)]
    canvas.blob(put(shape, x, y, length, turn), tone)


def leaf(
    canvas: Canvas, x: float, y: float, length: float, turn: float, tone: Colour, vein: Colour, width: float = 0.2
) -> None:
    """A pointed leaf with its midrib and side veins."""
    t = np.linspace(0, 1, 14)
    bulge = width * np.sin(np.pi * t**0.8) * (1 - 0.15 * t)
    outline = np.concatenate([np.stack([t, -bulge], -1), np.stack([t, bulge], -1)[::-1]])
    canvas.fill(put(field(outline), x, y, length, turn), tone)
    canvas.line(put([(0, 0), (0.92, 0)], x, y, length, turn), vein, length * 0.025)
    for at in (0.25, 0.42, 0.6):
        reach = width * 0.75 * np.sin(np.pi * at**0.8)
        for side in (-1, 1):
            rib = [(at, 0), (at + 0.13, side * reach)]
            canvas.line(put(rib, x, y, length, turn), vein, length * 0.016)


def daisy(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway, petals: int = 9) -> None:
    light, deep = way.inks[1], way.inks[0]
    for ring, (size, tone) in enumerate(((0.5, deep), (0.42, light))):
        for k in range(petals):
            petal(canvas, x, y, scale * size, 0.2, turn + (k + ring * 0.5) * 2 * np.pi / petals, tone)
    canvas.disc(x, y, scale * 0.15, way.inks[2])
    canvas.disc(x - scale * 0.02, y - scale * 0.02, scale * 0.08, blend(way.inks[2], way.dark, 0.35))


def rose(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    """Rings of overlapping petals that darken towards the heart."""
    outer, inner = way.inks[1], way.inks[0]
    for ring in range(5):
        reach = scale * (0.5 - ring * 0.09)
        count = 7 - ring
        tone = blend(outer, inner, ring / 3.2) if ring < 4 else blend(inner, way.dark, 0.35)
        for k in range(count):
            a = turn + ring * 0.6 + k * 2 * np.pi / count
            px, py = x + np.cos(a) * reach * 0.48, y + np.sin(a) * reach * 0.48
            canvas.fill(ellipse(px, py, reach * 0.56, reach * 0.44, a + np.pi / 2), blend(tone, way.dark, 0.12))
            canvas.fill(
                ellipse(
                    px + np.cos(a) * reach * 0.03,
                    py + np.sin(a) * reach * 0.03,
                    reach * 0.51,
                    reach * 0.39,
                    a + np.pi / 2,
                ),
                tone,
            )
    canvas.disc(x, y, scale * 0.06, blend(inner, way.dark, 0.6))


def tulip(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    up = turn - np.pi / 2
    stem = put([(0, 0.0), (0.04, 0.25), (0, 0.5)], x, y, scale, turn)
    canvas.stroke(stem, way.inks[3], scale * 0.04)
    foot = put([(0, 0.5)], x, y, scale, turn)[0]
    leaf(
        canvas,
        float(foot[0]),
        float(foot[1]),
        scale * 0.5,
        up - 0.5,
        way.inks[3],
        blend(way.inks[3], way.dark, 0.4),
        0.13,
    )
    leaf(
        canvas,
        float(foot[0]),
        float(foot[1]),
        scale * 0.4,
        up + 0.55,
        way.inks[3],
        blend(way.inks[3], way.dark, 0.4),
        0.13,
    )
    base = put([(0, 0.05)], x, y, scale, turn)[0]
    for lean, tone in ((-0.42, way.inks[0]), (0.42, way.inks[0]), (0.0, way.inks[1])):
        petal(canvas, float(base[0]), float(base[1]), scale * 0.5, 0.26, up + lean, tone)


def blossom(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    for k in range(5):
        a = turn + k * 2 * np.pi / 5
        px, py = x + np.cos(a) * scale * 0.25, y + np.sin(a) * scale * 0.25
        canvas.disc(px, py, scale * 0.22, way.inks[1], 0.9, a)
        canvas.line(field([(x, y), (px, py)]), way.inks[0], scale * 0.03)
    canvas.disc(x, y, scale * 0.1, way.inks[0])
    for k in range(7):
        a = turn + k * 2 * np.pi / 7
        canvas.disc(x + np.cos(a) * scale * 0.16, y + np.sin(a) * scale * 0.16, scale * 0.022, way.inks[2])


def poppy(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    for k, tone in enumerate(
        (blend(way.inks[0], way.dark, 0.15), blend(way.inks[0], way.dark, 0.08), way.inks[0], way.inks[0])
    ):
        a = turn + k * np.pi / 2 * 1.02
        canvas.disc(x + np.cos(a) * scale * 0.2, y + np.sin(a) * scale * 0.2, scale * 0.3, tone, 0.85, a + np.pi / 2)
    canvas.disc(x, y, scale * 0.13, way.dark)
    for k in range(11):
        a = turn + k * 2 * np.pi / 11
        canvas.disc(x + np.cos(a) * scale * 0.19, y + np.sin(a) * scale * 0.19, scale * 0.02, way.dark)
    canvas.disc(x, y, scale * 0.06, way.inks[3])


def sprig(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway, pairs: int = 5) -> None:
    """A stem with paired leaves."""
    vein = blend(way.inks[3], way.dark, 0.45)
    spine = curve(put([(-0.5, 0.06), (-0.1, -0.03), (0.25, 0.02), (0.5, -0.02)], x, y, scale, turn).tolist(), 40)
    canvas.line(spine, vein, scale * 0.02)
    for k in range(pairs):
        at = spine[int(4 + k * 34 / pairs)]
        size = scale * (0.3 - 0.025 * k)
        for side in (-1, 1):
            leaf(
                canvas,
                float(at[0]),
                float(at[1]),
                size,
                turn + side * 0.85,
                way.inks[3] if side > 0 else blend(way.inks[3], way.ground, 0.25),
                vein,
            )
    leaf(canvas, float(spine[-1][0]), float(spine[-1][1]), scale * 0.18, turn, way.inks[3], vein)


def fern(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    spine = curve(put([(-0.5, 0.1), (-0.15, -0.04), (0.2, -0.06), (0.5, 0.05)], x, y, scale, turn).tolist(), 60)
    tone = way.inks[0]
    canvas.line(spine, tone, scale * 0.014)
    for k in range(4, 58, 3):
        reach = scale * 0.24 * np.sin(np.pi * (k / 60) ** 0.7)
        heading = np.arctan2(*(spine[k] - spine[k - 2])[::-1])
        for side in (-1, 1):
            petal(canvas, float(spine[k][0]), float(spine[k][1]), reach, 0.16, float(heading) + side * 1.05, tone)


def monstera(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    """A heart-shaped leaf with slits."""
    tone, vein = way.inks[0], way.inks[1]
    heart = [
        (-0.4, 0),
        (-0.5, -0.22),
        (-0.3, -0.42),
        (0.02, -0.4),
        (0.3, -0.24),
        (0.52, 0),
        (0.3, 0.24),
        (0.02, 0.4),
        (-0.3, 0.42),
        (-0.5, 0.22),
    ]
    canvas.blob(put(heart, x, y, scale, turn), tone)
    for at, reach in ((-0.2, 0.46), (0.02, 0.44), (0.2, 0.34)):
        for side in (-1, 1):
            canvas.line(put([(at - 0.05, 0), (at + 0.12, side * reach * 0.8)], x, y, scale, turn), vein, scale * 0.012)
            slit = [(at + 0.08, side * 0.14), (at + 0.22, side * reach), (at + 0.13, side * reach * 1.1)]
            canvas.fill(put(slit, x, y, scale, turn), way.ground)
    canvas.line(put([(-0.72, 0.02), (-0.4, 0), (0.46, 0)], x, y, scale, turn), vein, scale * 0.02)


def palm(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    for k in range(-5, 6):
        a = turn + k * 0.27
        tone = way.inks[0] if k % 2 else way.inks[3]
        petal(
            canvas,
            x - np.cos(turn) * scale * 0.3,
            y - np.sin(turn) * scale * 0.3,
            scale * (0.85 - abs(k) * 0.045),
            0.06,
            a,
            tone,
        )
    canvas.line(put([(-0.6, 0), (-0.3, 0)], x, y, scale, turn), way.inks[3], scale * 0.03)


def berries(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    for k, (dx, dy) in enumerate(((0, 0.1), (0.2, 0.0), (-0.18, -0.04), (0.05, -0.2))):
        p = put([(dx, dy)], x, y, scale, turn)[0]
        root = put([(0.0, 0.5)], x, y, scale, turn)[0]
        canvas.line(field([root, p]), way.inks[3], scale * 0.02)
        canvas.disc(float(p[0]), float(p[1]), scale * 0.12, way.inks[2 if k % 2 else 0])
        canvas.disc(float(p[0]) - scale * 0.03, float(p[1]) - scale * 0.04, scale * 0.03, WHITE)


def lemon(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    leaf(
        canvas,
        *spot(put([(0.3, -0.1)], x, y, scale, turn)),
        scale * 0.42,
        turn - 0.9,
        way.inks[3],
        blend(way.inks[3], way.dark, 0.4),
    )
    canvas.blob(
        put(
            [
                (-0.46, 0.0),
                (-0.32, -0.1),
                (-0.1, -0.26),
                (0.18, -0.24),
                (0.36, -0.08),
                (0.44, 0.0),
                (0.36, 0.08),
                (0.18, 0.24),
                (-0.1, 0.26),
                (-0.32, 0.1),
            ],
            x,
            y,
            scale,
            turn,
        ),
        way.inks[0],
    )
    canvas.blob(put([(-0.24, -0.06), (-0.06, -0.18), (0.14, -0.17), (0.02, -0.08)], x, y, scale, turn), way.inks[1])


def cherry(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    canvas.stroke(put([(-0.2, 0.2), (-0.1, -0.15), (0.1, -0.42)], x, y, scale, turn), way.inks[2], scale * 0.035)
    canvas.stroke(put([(0.24, 0.24), (0.22, -0.1), (0.1, -0.42)], x, y, scale, turn), way.inks[2], scale * 0.035)
    leaf(canvas, *spot(put([(0.1, -0.42)], x, y, scale, turn)), scale * 0.4, turn + 0.35, way.inks[2], way.dark)
    for dx, dy in ((-0.2, 0.24), (0.24, 0.27)):
        p = put([(dx, dy)], x, y, scale, turn)[0]
        canvas.disc(float(p[0]), float(p[1]), scale * 0.19, way.inks[0])
        canvas.disc(float(p[0]) - scale * 0.06, float(p[1]) - scale * 0.07, scale * 0.045, WHITE)
