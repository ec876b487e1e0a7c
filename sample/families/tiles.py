"""Glazed tiles, single and laid."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from sample.family import Design, Family, View, combine, sentence
from sample.mesh import Patch, Shape, move, rotation, sheet
from sample.palettes import plain
from sample.pixels import Field, field
from sample.render import Material, Surface
from sample.tilework import laid, tile_art

SIDE, THICK = 0.2, 0.009
GLAZE = Material(shine=1.3, softness=0.06)
_EDGE = 0.006


def _rounded(t: Field) -> Field:
    """How far a glazed edge has sunk at a place 0..1 across the tile, metres."""
    near = np.minimum(t, 1 - t) * SIDE
    return field(np.where(near < _EDGE, _EDGE - np.sqrt(np.maximum(_EDGE**2 - (_EDGE - near) ** 2, 0)), 0.0) * 0.45)


def _stretch(count: int) -> Field:
    """Steps across the tile that crowd at its edges."""
    e = _EDGE / SIDE
    return field(
        np.concatenate([np.linspace(0, e, 9)[:-1], np.linspace(e, 1 - e, count), np.linspace(1 - e, 1, 9)[1:]])
    )


def _one(x: float, y: float, tilt: float = 0.0, deep: float = 0.0) -> Shape:
    """One tile upright, its lower left corner at x, y."""
    steps = _stretch(14)
    s, t = np.meshgrid(steps, steps)
    z = THICK - np.maximum(_rounded(field(s)), _rounded(field(t))) + tilt * (s - 0.5)
    face = Patch("face", field(np.stack([x + s * SIDE, y + (1 - t) * SIDE, z + deep], -1)), field(np.stack([s, t], -1)))
    side = THICK - _EDGE * 0.45

    def wall(a: tuple[float, float], b: tuple[float, float]) -> Patch:
        return sheet(
            "body", lambda s, t: (a[0] + (b[0] - a[0]) * s, a[1] + (b[1] - a[1]) * s, side * (1 - t) + deep), 4, 8
        )

    return (
        face,
        wall((x, y), (x + SIDE, y)),
        wall((x + SIDE, y), (x + SIDE, y + SIDE)),
        wall((x + SIDE, y + SIDE), (x, y + SIDE)),
        wall((x, y + SIDE), (x, y)),
    )


@lru_cache(maxsize=8)
def _shape(_: str, arrangement: str) -> Shape:
    if arrangement == "laid":
        rng = np.random.default_rng(4)
        pieces: Shape = ()
        for row in range(3):
            for column in range(3):
                pieces += _one(column * (SIDE + 0.004), row * (SIDE + 0.004), float(rng.uniform(-0.002, 0.002)))
        back = sheet("joint", lambda s, t: (s * 0.608, (1 - t) * 0.608, field(np.full_like(s, 0.004))), 4, 4)
        return move((*pieces, back), rotation(pitch=-12), rest=True)
    return move(_one(-SIDE / 2, 0.0), rotation(pitch=-14), rest=True)


def _surfaces(design: Design) -> Mapping[str, Surface]:
    return {
        "face": Surface(tile_art(design.art, design.way), GLAZE),
        "body": Surface(plain((226, 214, 196))),
        "joint": Surface(plain((196, 190, 180))),
    }


def _flat(design: Design) -> tuple[Surface, float]:
    return Surface(laid(design.art, design.way), GLAZE), 3 * (SIDE + 0.004)


def _title(design: Design) -> str:
    return sentence(f"wall tile “{design.art}” 20x20 cm, {design.way}")


TILES = Family(
    name="tile",
    category="Building > Tiles",
    designs=combine(
        "tile",
        (
            ("tile", "Alvor, Benfica, Caldas, Dorna, Évora, Faro, Guarda, Horta, Lagos", "delft, terracotta"),
            ("tile", "Alvor, Caldas, Faro", "emerald"),
        ),
    ),
    title=_title,
    shape=_shape,
    surfaces=_surfaces,
    views=(View(-24, 6, 0.72), View(16, 5, 0.86, "laid")),
    setting="wall",
    price=(1.9, 7.5),
    flat=_flat,
)
