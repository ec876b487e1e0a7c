"""Figures that prints are made of: flowers, leaves, animals, things. Each draws itself on a canvas at x, y.

A figure spans about -0.5..0.5 of its `scale` around its place; `turn` is in radians.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from service.sample.canvas import Canvas, ellipse, put
from service.sample.mesh import curve
from service.sample.palettes import Colour, Colourway, blend
from service.sample.pixels import Field, field

Figure = Callable[[Canvas, float, float, float, float, Colourway], None]

WHITE: Colour = (252, 250, 245)


def spot(points: Field) -> tuple[float, float]:
    """The first of some points, as two numbers."""
    return float(points[0, 0]), float(points[0, 1])


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


def star(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    t = np.arange(10) * np.pi / 5 + turn - np.pi / 2
    r = np.where(np.arange(10) % 2 == 0, 0.5, 0.21)
    canvas.fill(field(np.stack([x + scale * r * np.cos(t), y + scale * r * np.sin(t)], -1)), way.inks[2])


def heart(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    t = np.linspace(0, 2 * np.pi, 60)
    px = 16 * np.sin(t) ** 3
    py = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    canvas.fill(put(field(np.stack([px, py], -1) / 34), x, y, scale, turn), way.inks[0])


def moon(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    t = np.linspace(0.6, 2 * np.pi - 0.6, 40)
    outer = np.stack([np.cos(t), np.sin(t)], -1) * 0.5
    inner = np.stack([0.2 + 0.385 * np.cos(t[::-1] * 0.93 + 0.22), 0.385 * np.sin(t[::-1] * 0.93 + 0.22)], -1)
    canvas.fill(put(field(np.concatenate([outer, inner])), x, y, scale, turn), way.inks[1])


def cloud(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    for dx, dy, r in ((-0.28, 0.06, 0.2), (-0.05, -0.08, 0.26), (0.22, 0.02, 0.22), (0.0, 0.12, 0.2)):
        p = put([(dx, dy)], x, y, scale, turn)[0]
        canvas.disc(float(p[0]), float(p[1]), r * scale, way.inks[1])


def rainbow(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    t = np.linspace(np.pi, 2 * np.pi, 30)
    for k, tone in enumerate((way.inks[0], way.inks[2], way.inks[1], way.inks[3])):
        r = 0.46 - 0.1 * k
        canvas.line(
            put(field(np.stack([r * np.cos(t), 0.2 + r * np.sin(t)], -1)), x, y, scale, turn), tone, scale * 0.085
        )


def fox(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    """A fox's face."""
    fur, pale = way.inks[0], WHITE
    for side in (-1, 1):
        canvas.fill(put([(side * 0.12, -0.2), (side * 0.42, -0.48), (side * 0.44, 0.0)], x, y, scale, turn), fur)
        canvas.fill(put([(side * 0.22, -0.2), (side * 0.38, -0.36), (side * 0.38, -0.08)], x, y, scale, turn), way.dark)
    canvas.blob(
        put(
            [
                (0, -0.27),
                (0.34, -0.16),
                (0.46, 0.08),
                (0.2, 0.34),
                (0, 0.48),
                (-0.2, 0.34),
                (-0.46, 0.08),
                (-0.34, -0.16),
            ],
            x,
            y,
            scale,
            turn,
        ),
        fur,
    )
    for side in (-1, 1):
        canvas.blob(
            put(
                [(side * 0.03, 0.1), (side * 0.28, 0.0), (side * 0.43, 0.1), (side * 0.2, 0.32), (0, 0.45)],
                x,
                y,
                scale,
                turn,
            ),
            pale,
        )
        p = put([(side * 0.17, 0.0)], x, y, scale, turn)[0]
        canvas.disc(float(p[0]), float(p[1]), scale * 0.045, way.dark)
    nose = put([(0.0, 0.43)], x, y, scale, turn)[0]
    canvas.disc(float(nose[0]), float(nose[1]), scale * 0.065, way.dark, 0.8)


def cat(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    """A sitting cat from behind, tail curled."""
    tone = way.inks[0]
    canvas.blob(
        put(
            [(0, -0.2), (0.17, 0.0), (0.25, 0.3), (0.18, 0.46), (-0.18, 0.46), (-0.25, 0.3), (-0.17, 0.0)],
            x,
            y,
            scale,
            turn,
        ),
        tone,
    )
    head = put([(0, -0.24)], x, y, scale, turn)[0]
    canvas.disc(float(head[0]), float(head[1]), scale * 0.17, tone, 0.9)
    for side in (-1, 1):
        canvas.fill(put([(side * 0.05, -0.36), (side * 0.15, -0.5), (side * 0.17, -0.24)], x, y, scale, turn), tone)
    canvas.stroke(put([(0.16, 0.42), (0.4, 0.4), (0.42, 0.16), (0.32, 0.1)], x, y, scale, turn), tone, scale * 0.07)
    for k in range(3):
        canvas.stroke(
            put([(-0.12, 0.05 + 0.12 * k), (0, 0.08 + 0.12 * k), (0.12, 0.05 + 0.12 * k)], x, y, scale, turn),
            way.inks[1],
            scale * 0.028,
        )


def bird(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway, flip: bool = False) -> None:
    def at(points: list[tuple[float, float]]) -> object:
        return put(points, x, y, scale, turn, flip)

    canvas.fill(
        put([(-0.3, 0.02), (-0.56, -0.04), (-0.58, 0.06), (-0.52, 0.12)], x, y, scale, turn, flip),
        blend(way.inks[0], way.dark, 0.3),
    )
    canvas.blob(
        put(
            [
                (-0.34, 0.02),
                (-0.1, -0.14),
                (0.14, -0.26),
                (0.32, -0.22),
                (0.34, -0.06),
                (0.2, 0.14),
                (-0.06, 0.2),
                (-0.26, 0.14),
            ],
            x,
            y,
            scale,
            turn,
            flip,
        ),
        way.inks[0],
    )
    canvas.blob(
        put([(-0.02, 0.18), (0.2, 0.12), (0.32, -0.06), (0.24, -0.08), (0.08, 0.06)], x, y, scale, turn, flip),
        way.inks[2],
    )
    canvas.blob(
        put([(-0.36, 0.04), (-0.16, -0.1), (0.1, -0.1), (0.06, 0.06), (-0.14, 0.1)], x, y, scale, turn, flip),
        way.inks[1],
    )
    canvas.line(put([(-0.26, 0.02), (-0.02, -0.03)], x, y, scale, turn, flip), way.inks[0], scale * 0.02)
    canvas.fill(put([(0.33, -0.2), (0.48, -0.14), (0.33, -0.11)], x, y, scale, turn, flip), way.inks[3])
    eye = put([(0.24, -0.17)], x, y, scale, turn, flip)[0]
    canvas.disc(float(eye[0]), float(eye[1]), scale * 0.03, way.dark)
    for dx in (-0.02, 0.06):
        canvas.line(put([(dx, 0.18), (dx + 0.02, 0.34)], x, y, scale, turn, flip), way.dark, scale * 0.018)


def whale(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    canvas.blob(
        put(
            [
                (-0.44, 0.0),
                (-0.38, -0.2),
                (-0.1, -0.28),
                (0.16, -0.16),
                (0.34, 0.0),
                (0.28, 0.12),
                (0.0, 0.22),
                (-0.3, 0.2),
            ],
            x,
            y,
            scale,
            turn,
        ),
        way.inks[0],
    )
    canvas.blob(
        put(
            [(0.28, 0.06), (0.36, -0.12), (0.3, -0.26), (0.42, -0.2), (0.5, -0.26), (0.48, -0.1), (0.38, 0.08)],
            x,
            y,
            scale,
            turn,
        ),
        way.inks[0],
    )
    canvas.blob(
        put([(-0.43, 0.04), (-0.2, 0.08), (0.1, 0.1), (0.1, 0.17), (-0.14, 0.22), (-0.34, 0.19)], x, y, scale, turn),
        way.inks[1],
    )
    eye = put([(-0.3, -0.02)], x, y, scale, turn)[0]
    canvas.disc(float(eye[0]), float(eye[1]), scale * 0.028, way.dark)
    for side in (-1, 1):
        canvas.stroke(
            put(
                [(-0.16, -0.27), (-0.16, -0.38), (-0.16 + side * 0.12, -0.42), (-0.16 + side * 0.15, -0.34)],
                x,
                y,
                scale,
                turn,
            ),
            way.inks[2],
            scale * 0.03,
        )


def fish(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway, flip: bool = False) -> None:
    canvas.fill(put([(0.22, 0.0), (0.5, -0.2), (0.43, 0.0), (0.5, 0.2)], x, y, scale, turn, flip), way.inks[3])
    canvas.blob(
        put(
            [(-0.46, 0.0), (-0.2, -0.2), (0.12, -0.16), (0.3, 0.0), (0.12, 0.16), (-0.2, 0.2)], x, y, scale, turn, flip
        ),
        way.inks[0],
    )
    for k in range(3):
        at = -0.12 + 0.12 * k
        canvas.stroke(
            put([(at, -0.13 + 0.015 * k), (at + 0.05, 0), (at, 0.13 - 0.015 * k)], x, y, scale, turn, flip),
            way.inks[1],
            scale * 0.035,
        )
    eye = put([(-0.3, -0.05)], x, y, scale, turn, flip)[0]
    canvas.disc(float(eye[0]), float(eye[1]), scale * 0.05, WHITE)
    canvas.disc(float(eye[0]), float(eye[1]), scale * 0.025, way.dark)


def rabbit(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway, flip: bool = False) -> None:
    """A sitting rabbit from the side."""
    tone = way.inks[0]
    for lean in (0.0, 0.09):
        canvas.blob(
            put(
                [
                    (0.12 + lean, -0.2),
                    (0.06 + lean, -0.44),
                    (0.12 + lean, -0.56),
                    (0.18 + lean, -0.44),
                    (0.2 + lean, -0.2),
                ],
                x,
                y,
                scale,
                turn,
                flip,
            ),
            tone if lean else blend(tone, way.dark, 0.25),
        )
    canvas.blob(
        put(
            [(-0.3, 0.36), (-0.36, 0.08), (-0.18, -0.12), (0.04, -0.08), (0.16, 0.12), (0.18, 0.4), (-0.1, 0.44)],
            x,
            y,
            scale,
            turn,
            flip,
        ),
        tone,
    )
    canvas.blob(
        put(
            [(0.04, -0.02), (0.06, -0.22), (0.22, -0.28), (0.36, -0.14), (0.3, -0.01), (0.16, 0.08)],
            x,
            y,
            scale,
            turn,
            flip,
        ),
        tone,
    )
    tail = put([(-0.35, 0.28)], x, y, scale, turn, flip)[0]
    canvas.disc(float(tail[0]), float(tail[1]), scale * 0.09, WHITE)
    canvas.stroke(
        put([(-0.24, 0.1), (-0.06, 0.08), (0.0, 0.26), (-0.08, 0.38)], x, y, scale, turn, flip),
        blend(tone, way.dark, 0.3),
        scale * 0.022,
    )
    eye = put([(0.22, -0.15)], x, y, scale, turn, flip)[0]
    canvas.disc(float(eye[0]), float(eye[1]), scale * 0.026, way.dark)


def dinosaur(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    tone = way.inks[0]
    for k in range(6):
        p = put([(-0.22 + 0.1 * k, -0.12 - 0.05 * np.sin(k * 0.62))], x, y, scale, turn)[0]
        canvas.fill(put([(-0.06, 0.04), (0, -0.11), (0.06, 0.04)], float(p[0]), float(p[1]), scale, turn), way.inks[2])
    canvas.blob(
        put(
            [
                (-0.52, 0.2),
                (-0.3, -0.04),
                (0.0, -0.16),
                (0.24, -0.08),
                (0.3, -0.3),
                (0.4, -0.4),
                (0.52, -0.32),
                (0.5, -0.22),
                (0.42, -0.2),
                (0.38, 0.06),
                (0.26, 0.22),
                (-0.1, 0.26),
                (-0.3, 0.14),
            ],
            x,
            y,
            scale,
            turn,
        ),
        tone,
    )
    for dx in (-0.12, 0.2):
        canvas.blob(
            put([(dx - 0.07, 0.1), (dx + 0.08, 0.1), (dx + 0.07, 0.42), (dx - 0.08, 0.42)], x, y, scale, turn),
            blend(tone, way.dark, 0.12),
        )
    eye = put([(0.44, -0.31)], x, y, scale, turn)[0]
    canvas.disc(float(eye[0]), float(eye[1]), scale * 0.025, way.dark)


def bee(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    for side in (-1, 1):
        wing = put([(side * 0.26, -0.1)], x, y, scale, turn)[0]
        canvas.disc(
            float(wing[0]), float(wing[1]), scale * 0.24, blend(way.inks[1], way.ground, 0.3), 0.5, turn + side * 0.6
        )
    canvas.blob(
        put([(0, -0.26), (0.15, -0.08), (0.14, 0.2), (0, 0.42), (-0.14, 0.2), (-0.15, -0.08)], x, y, scale, turn),
        way.inks[2],
    )
    for k in range(3):
        w = (0.14, 0.15, 0.09)[k]
        canvas.line(put([(-w, 0.0 + 0.13 * k), (w, 0.0 + 0.13 * k)], x, y, scale, turn), way.dark, scale * 0.055)
    head = put([(0, -0.28)], x, y, scale, turn)[0]
    canvas.disc(float(head[0]), float(head[1]), scale * 0.1, way.dark)


def boat(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    canvas.fill(put([(-0.44, 0.16), (0.44, 0.16), (0.3, 0.38), (-0.3, 0.38)], x, y, scale, turn), way.inks[0])
    canvas.line(put([(0, 0.16), (0, -0.46)], x, y, scale, turn), way.dark, scale * 0.03)
    canvas.fill(put([(0.04, -0.44), (0.36, 0.1), (0.04, 0.1)], x, y, scale, turn), way.inks[1])
    canvas.fill(put([(-0.04, -0.34), (-0.28, 0.1), (-0.04, 0.1)], x, y, scale, turn), way.inks[2])


def mushroom(canvas: Canvas, x: float, y: float, scale: float, turn: float, way: Colourway) -> None:
    canvas.blob(put([(-0.1, 0.0), (0.1, 0.0), (0.13, 0.42), (-0.13, 0.42)], x, y, scale, turn), WHITE)
    canvas.blob(
        put(
            [(-0.44, 0.06), (-0.34, -0.24), (0, -0.42), (0.34, -0.24), (0.44, 0.06), (0.2, 0.1), (-0.2, 0.1)],
            x,
            y,
            scale,
            turn,
        ),
        way.inks[0],
    )
    for dx, dy, r in ((-0.18, -0.12, 0.07), (0.08, -0.24, 0.06), (0.22, -0.04, 0.06), (0.0, -0.02, 0.045)):
        p = put([(dx, dy)], x, y, scale, turn)[0]
        canvas.disc(float(p[0]), float(p[1]), scale * r, WHITE)


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


FIGURES: dict[str, Figure] = {
    "daisy": daisy,
    "rose": rose,
    "tulip": tulip,
    "blossom": blossom,
    "poppy": poppy,
    "sprig": sprig,
    "fern": fern,
    "monstera": monstera,
    "palm": palm,
    "berry": berries,
    "star": star,
    "heart": heart,
    "moon": moon,
    "cloud": cloud,
    "rainbow": rainbow,
    "fox": fox,
    "cat": cat,
    "bird": bird,
    "whale": whale,
    "fish": fish,
    "rabbit": rabbit,
    "dinosaur": dinosaur,
    "bee": bee,
    "boat": boat,
    "mushroom": mushroom,
    "lemon": lemon,
    "cherry": cherry,
}
