"""Cushions: printed cloth over filling, with piping."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from sample.family import Design, Family, View, combine, sentence
from sample.materials import woven
from sample.mesh import Patch, Shape, curve, move, rotation, tube, uv_grid
from sample.noise import fractal
from sample.palettes import COLOURWAYS, plain
from sample.patterns import draw_print
from sample.pixels import Field, field, sample_field
from sample.render import Material, Surface

SIZES: dict[str, tuple[float, float]] = {"square": (0.45, 0.45), "lumbar": (0.60, 0.38), "round": (0.42, 0.42)}
COUNT = 57


def _half(variant: str, sign: float) -> Field:
    """One side of the cushion as a grid of points, float32 [n, n, 3]."""
    w, h = SIZES[variant]
    # Points crowd towards the seam, where the surface turns fastest.
    t = np.sin(np.linspace(-np.pi / 2, np.pi / 2, COUNT))
    s, r = np.meshgrid(t, -t)
    if variant == "round":
        # Concentric map of the square to the disc keeps the print's scale even.
        x = s * np.sqrt(1 - r * r / 2)
        y = r * np.sqrt(1 - s * s / 2)
        puff = np.sqrt(np.maximum(1 - x * x - y * y, 0)) ** 0.85
        px, py = x * w / 2, y * h / 2
    else:
        # Between the corners the seam is drawn inwards by the filling.
        x = s * (1 - 0.075 * (1 - r**2) * np.abs(s) ** 3)
        y = r * (1 - 0.075 * (1 - s**2) * np.abs(r) ** 3)
        puff = ((1 - s * s) * (1 - r * r)) ** 0.46
        px, py = x * w / 2, y * h / 2
    rng = np.random.default_rng(31 if sign > 0 else 32)
    folds = fractal(256, 4, rng, 3)
    u, v = field((s.ravel() * 0.5 + 0.5) * 0.98), field((r.ravel() * 0.5 + 0.5) * 0.98)
    soft = sample_field(folds, u, v).reshape(s.shape)
    # Creases run from the corners towards the middle.
    corner = np.abs(s * r) ** 2.2
    creases = np.sin((np.arctan2(np.abs(r), np.abs(s)) - np.pi / 4) * 17 + soft * 1.5) * corner * 0.012
    z = sign * (0.085 * puff + 0.006 * soft * puff + creases * (puff**0.5))
    return field(np.stack([px, py, z], axis=-1))


@lru_cache(maxsize=8)
def _shape(variant: str, arrangement: str) -> Shape:
    front, back = _half(variant, 1.0), _half(variant, -1.0)
    # Texture follows the cloth's own length, not the grid's crowding.
    w, h = SIZES[variant]
    uv = field(np.stack([front[..., 0] / w + 0.5, 0.5 - front[..., 1] / h], axis=-1))
    seam = np.concatenate([front[0, :-1], front[:-1, -1], front[-1, :0:-1], front[:0:-1, 0]])
    seam[:, 2] = 0
    closed = np.concatenate([seam, seam[:1]])
    path = curve(closed[::2].tolist(), 260)
    shape: Shape = (
        Patch("print", front, uv),
        Patch("back", field(back[:, ::-1]), uv_grid(COUNT, COUNT)),
        tube("piping", path, 0.0055, 10, up=(0.0, 0.0, 1.0)),
    )
    lean = rotation(pitch=-8 if arrangement != "home" else -18)
    return move(shape, lean, rest=True)


def _surfaces(design: Design) -> Mapping[str, Surface]:
    way = COLOURWAYS[design.way]
    w, h = SIZES[design.variant]
    cloth = Material(sheen=0.25)
    printed = woven(draw_print(design.art, design.way), 128, 0.22)
    trim = woven(plain(way.inks[0] if sum(way.ground) > 500 else way.inks[1], 512), 64, 0.3)
    return {
        "print": Surface(printed, cloth, (w / 0.26, h / 0.26)),
        "back": Surface(trim, cloth, (w / 0.26, h / 0.26)),
        "piping": Surface(trim, cloth, (8.0, 0.3)),
    }


def _title(design: Design) -> str:
    size = "x".join(str(round(side * 100)) for side in SIZES[design.variant])
    return sentence(f"{design.variant} cushion {size} cm, {design.art}, {design.way}")


CUSHIONS = Family(
    name="cushion",
    category="Home > Cushions",
    designs=combine(
        "cushion",
        (
            ("square", "cabbage rose, glasshouse, atomic, songbird", "blush, teal"),
            ("lumbar", "ikat, tartan, brush mark", "terracotta, midnight"),
            ("round", "daisy, triangle", "mustard, lilac"),
        ),
    ),
    title=_title,
    shape=_shape,
    surfaces=_surfaces,
    views=(View(-16, 8), View(4, 4, 1.9)),
    setting="soft",
    price=(12.0, 45.0),
)
