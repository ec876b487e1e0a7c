"""Mugs: a turned body with a handle, printed all around or with one picture or word."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from sample.canvas import Canvas
from sample.family import Design, Family, View, combine, repeats, sentence
from sample.lettering import write
from sample.mesh import Shape, curve, move, revolve, rotation, tube
from sample.motifs import FIGURES
from sample.palettes import COLOURWAYS, Colourway, plain
from sample.patterns import PRINTS, draw_print
from sample.pixels import Pixels
from sample.render import Material, Surface

# Outer profile (radius, height) from the rim down, the wall's thickness and the handle's path, metres.
_PROFILES: dict[str, tuple[list[tuple[float, float]], list[tuple[float, float]]]] = {
    "mug": (
        [(0.041, 0.096), (0.041, 0.07), (0.041, 0.04), (0.041, 0.012), (0.0395, 0.004), (0.036, 0.0)],
        [(0.040, 0.081), (0.058, 0.084), (0.069, 0.070), (0.068, 0.045), (0.057, 0.026), (0.040, 0.022)],
    ),
    "barrel mug": (
        [(0.0385, 0.088), (0.042, 0.075), (0.0465, 0.05), (0.0455, 0.025), (0.040, 0.008), (0.033, 0.0)],
        [(0.042, 0.076), (0.062, 0.080), (0.075, 0.064), (0.073, 0.041), (0.061, 0.023), (0.044, 0.020)],
    ),
    "latte mug": (
        [(0.0455, 0.126), (0.043, 0.09), (0.040, 0.05), (0.0365, 0.02), (0.034, 0.006), (0.030, 0.0)],
        [(0.043, 0.101), (0.060, 0.106), (0.070, 0.092), (0.066, 0.060), (0.053, 0.036), (0.037, 0.034)],
    ),
    "enamel mug": (
        [(0.0435, 0.082), (0.0425, 0.079), (0.042, 0.05), (0.042, 0.01), (0.0405, 0.002), (0.039, 0.0)],
        [(0.042, 0.066), (0.054, 0.069), (0.0655, 0.058), (0.0645, 0.037), (0.055, 0.021), (0.042, 0.019)],
    ),
}


@lru_cache(maxsize=8)
def _shape(variant: str, _: str) -> Shape:
    points, grip = _PROFILES[variant]
    outer = curve(points, 48)
    top = points[0]
    wall = 0.0015 if variant == "enamel mug" else 0.0035
    inner = curve([(0.002, 0.006), (points[-1][0] * 0.8, 0.007), *[(r - wall, y) for r, y in points[::-1][1:]]], 40)[
        ::-1
    ]
    lip = curve([(top[0] - wall, top[1]), (top[0] - wall / 2, top[1] + wall * 0.6), (top[0], top[1])], 10)
    handle = curve([(x, y, 0.0) for x, y in grip], 48)
    thick = 0.0036 if variant == "enamel mug" else 0.0056
    shape = (
        revolve("print", outer, 72),
        revolve("inside", inner[::-1], 72),
        revolve("rim", lip, 72),
        tube("handle", handle, thick, 22, 1.35 if variant != "enamel mug" else 1.9),
    )
    return move(shape, rotation(yaw=0))


def _picture(figure: str, way: Colourway) -> Pixels:
    """One figure large on the front and on the back of an otherwise plain body."""
    canvas = Canvas(way.ground, 400, 2.6, wrap=False)
    for x in (0.0, 1.0, 1.6):
        FIGURES[figure](canvas, x + 0.02, 0.5, 0.52, 0.0, way)
    for low in (0.03, 0.93):
        canvas.box(0, low, 2.6, low + 0.035, way.inks[0])
    return canvas.picture()


def _word(word: str, way: Colourway) -> Pixels:
    """A word on a band of colour."""
    canvas = Canvas(way.inks[0], 400, 2.6, wrap=False)
    canvas.box(0, 0.66, 2.6, 1.0, way.ground)
    canvas.box(0, 0.64, 2.6, 0.66, way.inks[2])
    picture = canvas.picture()
    for x in (0.09, 0.385, 0.645):
        write(picture, word, (x, 0.34), 0.22, 0.27, way.ground, weight=5, narrow=0.9)
        write(picture, "GOOD MORNING", (x, 0.83), 0.2, 0.07, way.inks[0], tracking=0.25)
    return picture


def _surfaces(design: Design) -> Mapping[str, Surface]:
    way = COLOURWAYS[design.way]
    glazed = Material(shine=1.0, softness=0.12)
    pale = way.ground if sum(way.ground) > 500 else way.inks[0]
    trim = way.inks[0]
    radius, height = _PROFILES[design.variant][0][0]
    if design.art.startswith("picture "):
        body = Surface(_picture(design.art.removeprefix("picture "), way), glazed)
    elif design.art.startswith("word "):
        body = Surface(_word(design.art.removeprefix("word "), way), glazed)
    else:
        body = Surface(draw_print(design.art, design.way), glazed, repeats(2 * np.pi * radius, height, 0.062))
    enamel = design.variant == "enamel mug"
    inside = Surface(plain((250, 249, 245) if not enamel else pale), glazed)
    return {
        "print": body,
        "inside": inside,
        "rim": Surface(plain(way.dark if enamel else pale), glazed),
        "handle": Surface(plain(way.dark if enamel else trim if design.art in PRINTS else pale), glazed),
    }


def _title(design: Design) -> str:
    art = design.art.removeprefix("picture ")
    if art.startswith("word "):
        art = f"“{art.removeprefix('word ')}”"
    return sentence(f"{design.variant}, {art}, {design.way}")


MUGS = Family(
    name="mug",
    category="Kitchen > Mugs",
    designs=combine(
        "mug",
        (
            ("mug", "fox, gingham", "rust, ink blue"),
            ("barrel mug", "meadow, scallop", "teal, plum"),
            ("latte mug", "terrazzo, ticking", "coral, charcoal"),
            ("enamel mug", "picture fox, picture boat", "denim, cherry"),
            ("mug", "word hello, word coffee", "mustard, petrol"),
        ),
    ),
    title=_title,
    shape=_shape,
    surfaces=_surfaces,
    views=(View(-38, 20), View(38, 12)),
    setting="table",
    price=(6.0, 19.0),
)
