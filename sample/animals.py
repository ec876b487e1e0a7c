"""Animals that prints are made of; see motifs for what a figure is."""

from __future__ import annotations

import numpy as np

from sample.canvas import Canvas, put
from sample.palettes import Colourway, blend
from sample.strokes import WHITE


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
