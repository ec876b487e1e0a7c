"""Decorated plates and bowls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from sample.canvas import Canvas
from sample.family import Design, Family, View, combine, sentence
from sample.mesh import Patch, Shape, curve, move, revolve, rotation
from sample.motifs import FIGURES
from sample.palettes import COLOURWAYS, blend, plain
from sample.patterns import PRINTS, draw_print
from sample.pixels import Pixels, field, resize_pixels
from sample.plants import leaf, petal
from sample.render import Material, Surface

_RADIUS = 0.13


def _seen_from_above(patch: Patch) -> Patch:
    """Texture laid on from above, so that a picture fills the plate."""
    x, z = patch.grid[..., 0], patch.grid[..., 2]
    uv = np.stack([x / _RADIUS * 0.49 + 0.5, z / _RADIUS * 0.49 + 0.5], axis=-1)
    return replace(patch, uv=field(uv))


@lru_cache(maxsize=8)
def _shape(variant: str, arrangement: str) -> Shape:
    if variant == "bowl":
        well = [
            (0.001, 0.012),
            (0.03, 0.012),
            (0.060, 0.020),
            (0.095, 0.042),
            (0.116, 0.068),
            (0.126, 0.080),
            (0.130, 0.082),
        ]
    else:
        well = [
            (0.001, 0.006),
            (0.045, 0.006),
            (0.080, 0.007),
            (0.090, 0.013),
            (0.105, 0.018),
            (0.125, 0.022),
            (0.130, 0.0225),
        ]
    top = curve(well, 48)
    under = curve(
        [
            (well[-1][0], well[-1][1]),
            (well[-1][0] - 0.004, well[-1][1] - 0.005),
            (0.085, well[-3][1] * 0.4),
            (0.06, 0.001),
            (0.055, 0.0),
        ],
        30,
    )
    inside = _seen_from_above(revolve("art", top, 90))
    shape: Shape = (inside, revolve("under", under, 90))
    if arrangement == "home":
        return shape
    return move(shape, rotation(pitch=62 if variant != "bowl" else 38), rest=True)


@lru_cache(maxsize=32)
def _art(art: str, colourway: str, size: int = 640) -> Pixels:
    way = COLOURWAYS[colourway]
    pale = way.paper
    if art in PRINTS:
        tile = resize_pixels(draw_print(art, colourway), size // 2, size // 2)
        full = np.tile(tile, (2, 2, 1))[:size, :size]
        canvas = Canvas(pale, size, wrap=False)
        canvas.disc(0.5, 0.5, 0.485, way.dark)
        rim = canvas.picture()
        y, x = np.mgrid[:size, :size] / size - 0.5
        inner = np.hypot(x, y) < 0.474
        rim[inner] = full[inner]
        return rim
    canvas = Canvas(pale, size, wrap=False)
    inks = way.on_paper
    canvas.disc(0.5, 0.5, 0.488, inks.inks[0])
    canvas.disc(0.5, 0.5, 0.478, pale)
    border, figure = art.split(" and ")
    count = 20
    for k in range(count):
        a = k * 2 * np.pi / count
        x, y = 0.5 + 0.405 * np.cos(a), 0.5 + 0.405 * np.sin(a)
        if border == "leaf":
            leaf(canvas, x, y, 0.1, a + 1.2, inks.inks[3 if k % 2 else 0], blend(inks.inks[0], way.dark, 0.4))
        elif border == "petal":
            petal(canvas, 0.5 + 0.36 * np.cos(a), 0.5 + 0.36 * np.sin(a), 0.1, 0.28, a, inks.inks[k % 2])
        else:
            canvas.disc(x, y, 0.034 if k % 2 else 0.018, inks.inks[k % 2 * 2])
    ring = [(0.5 + 0.335 * np.cos(t), 0.5 + 0.335 * np.sin(t)) for t in np.linspace(0, 6.283, 120)]
    canvas.line(field(ring), inks.inks[0], 0.008)
    FIGURES[figure](canvas, 0.5, 0.5, 0.42, 0.0, inks)
    return canvas.picture()


def _surfaces(design: Design) -> Mapping[str, Surface]:
    way = COLOURWAYS[design.way]
    glaze = Material(shine=1.2, softness=0.08)
    pale = way.paper
    return {"art": Surface(_art(design.art, design.way), glaze), "under": Surface(plain(pale), glaze)}


PLATES = Family(
    name="plate",
    category="Kitchen > Plates and bowls",
    designs=combine(
        "plate",
        (
            ("plate", "leaf and rabbit, petal and fish, dot and bird, leaf and rose", "delft, rust"),
            ("plate", "scallop, ikat", "teal"),
            ("bowl", "petal and lemon, dot and fox, checkerboard", "sky, olive"),
        ),
    ),
    title=lambda design: sentence(f"{design.variant} 26 cm, {design.art}, {design.way}"),
    shape=_shape,
    surfaces=_surfaces,
    views=(View(-12, 14, 0.82), View(20, 30, 0.82)),
    setting="table",
    flat_out=True,
    price=(5.0, 24.0),
)
