"""Knitted hats with a turned-up cuff and a pompom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from sample.family import Design, Family, Fur, View, combine, sentence
from sample.materials import knitted, relief
from sample.mesh import Shape, ball, curve, move, revolve, rotation
from sample.palettes import COLOURWAYS, plain
from sample.patterns import draw_print
from sample.pixels import field
from sample.render import Material, Surface


@lru_cache(maxsize=8)
def _shape(variant: str, arrangement: str) -> Shape:
    crown = curve(
        [(0.004, 0.215), (0.030, 0.212), (0.062, 0.196), (0.090, 0.160), (0.101, 0.110), (0.102, 0.060), (0.101, 0.02)],
        60,
    )
    cuff = curve([(0.104, 0.083), (0.109, 0.079), (0.111, 0.045), (0.110, 0.008), (0.105, 0.0)], 30)
    under = curve([(0.105, 0.0), (0.098, 0.004), (0.096, 0.05)], 12)
    parts: Shape = (revolve("knit", crown, 84), revolve("cuff", cuff, 84), revolve("cuff", under, 84))
    if variant == "pompom hat":
        parts = (*parts, ball("pompom", (0, 0.238, 0), (0.036, 0.034, 0.036)))
    # Ribs of the cuff and a soft slump make it cloth, not a bell.
    shaped = []
    for part in parts:
        grid = part.grid.copy()
        angle = np.arctan2(grid[..., 0], grid[..., 2])
        if part.slot == "cuff":
            grid[..., [0, 2]] *= (1 + 0.012 * np.cos(angle * 64))[..., None]
        slump = 1 + 0.02 * np.sin(3 * angle + grid[..., 1] * 30) + 0.015 * np.sin(5 * angle + 1)
        grid[..., [0, 2]] *= np.where(part.slot == "pompom", 1.0, slump)[..., None]
        grid[..., 2] *= 0.9
        shaped.append(type(part)(part.slot, field(grid), part.uv, part.two_sided))
    if arrangement == "home":
        return move(tuple(shaped), rotation(roll=9), rest=True)
    return tuple(shaped)


@lru_cache(maxsize=24)
def _surfaces(design: Design) -> Mapping[str, Surface]:
    way = COLOURWAYS[design.way]
    wool = Material(sheen=0.6)
    trim = way.inks[0]
    pom = relief(plain(way.inks[2], 128), field(1 + 0.05 * np.random.default_rng(1).standard_normal((128, 128))))
    return {
        "knit": Surface(knitted(draw_print(design.art, design.way), 36, 0.55), wool, (4.0, 1.3)),
        "cuff": Surface(knitted(plain(trim, 512), 30, 0.5), wool, (8.0, 1.0)),
        "pompom": Surface(pom, wool),
    }


BEANIES = Family(
    name="beanie",
    category="Fashion > Hats",
    designs=combine(
        "beanie",
        (
            ("pompom hat", "nordic, zigzag, argyle, tartan", "forest, cherry"),
            ("knitted hat", "stripe, dot, nordic", "petrol, mustard"),
        ),
    ),
    title=lambda design: sentence(f"{design.variant}, {design.art}, {design.way}"),
    shape=_shape,
    surfaces=_surfaces,
    views=(View(-14, 8, 0.8), View(40, 20, 0.8)),
    setting="soft",
    price=(9.0, 34.0),
    fur={"pompom": Fur(0.012, 1.3, 0.4)},
)
