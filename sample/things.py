"""Stars, hearts, clouds, boats that prints are made of; see motifs for what a figure is."""

from __future__ import annotations

import numpy as np

from sample.canvas import Canvas, put
from sample.palettes import Colourway
from sample.pixels import field
from sample.strokes import WHITE


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
