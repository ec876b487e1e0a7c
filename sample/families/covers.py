"""Cloth and paper by the metre: wallpaper rolls, folded fabric, curtains."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from sample.family import Design, Family, View, combine, sentence
from sample.materials import woven
from sample.mesh import Patch, Shape, curve, move, rotation, sheet, tube, uv_grid
from sample.noise import fractal
from sample.palettes import plain
from sample.patterns import draw_print
from sample.pixels import Field, field, sample_field
from sample.render import Material, Surface


def _strip(slot: str, path: Field, width: float, cols: int = 30, reverse: bool = False) -> Patch:
    """A strip of `width` along a path of (y, z); v counts metres along it, u metres across it."""
    x = np.linspace(-width / 2, width / 2, cols)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    grid = np.stack(np.broadcast_arrays(x[None, :], path[:, :1], path[:, 1:]), -1)
    uv = np.stack(np.broadcast_arrays((x / width + 0.5)[None, :] * width, length[:, None]), -1)
    if reverse:
        grid = grid[:, ::-1]
    return Patch(slot, field(grid), field(uv))


@lru_cache(maxsize=4)
def _roll(_: str, arrangement: str) -> Shape:
    """Wallpaper that comes down a wall and ends in its roll."""
    width, radius, rise = 0.53, 0.052, 0.62
    if arrangement == "detail":
        return (_strip("print", field([[0.53, 0.0], [0.0, 0.0]]), 0.53),)
    drop = curve([(rise, -0.012), (rise * 0.72, 0.0), (rise * 0.4, 0.006), (0.17, 0.012), (0.105, 0.020)], 50)
    turn = np.linspace(0.0, 4 * np.pi, 150)
    r = radius * (1 - 0.13 * turn / turn[-1])
    # The paper runs over the roll's back and down its front.
    start = np.arctan2(0.105 - radius, 0.020 - 0.078)
    spiral = np.stack([radius + r * np.sin(start - turn), 0.078 + r * np.cos(start - turn)], -1)
    path = field(np.concatenate([drop, spiral]))
    path[:, 0] -= path[:, 0].min()
    front = _strip("print", path, width)
    back = _strip("reverse", field(path + field([0.0, -0.0009])), width, reverse=True)
    return (front, back)


def _flat_roll(design: Design) -> tuple[Surface, float]:
    return Surface(draw_print(design.art, design.way), Material(sheen=0.05)), 0.46


def _roll_surfaces(design: Design) -> Mapping[str, Surface]:
    per_metre = 1 / 0.27
    return {
        "print": Surface(
            draw_print(design.art, design.way), Material(shine=0.25, softness=0.8), (per_metre, per_metre)
        ),
        "reverse": Surface(plain((238, 234, 226))),
    }


WALLPAPERS = Family(
    name="wallpaper",
    category="Building > Wallpaper",
    designs=combine(
        "wallpaper",
        (
            ("wallpaper", "blossom branch, acanthus, damask, glasshouse, songbird", "petrol, sage"),
            ("wallpaper", "trellis, fern, atomic", "delft, terracotta"),
        ),
    ),
    title=lambda design: sentence(f"wallpaper {design.art}, {design.way}, 10.05 x 0.53 m"),
    shape=_roll,
    surfaces=_roll_surfaces,
    views=(View(-24, 16, 0.84), View(0, 0, 1.5, "detail")),
    setting="wall",
    price=(14.0, 79.0),
    flat=_flat_roll,
)


@lru_cache(maxsize=4)
def _fabric(_: str, arrangement: str) -> Shape:
    """Fabric folded into a pile, its last fold turned back over the top."""
    if arrangement == "detail":
        folds = fractal(256, 2, np.random.default_rng(8), 3)

        def cloth(s: Field, t: Field) -> tuple[Field, Field, Field]:
            soft = sample_field(folds, field(s * 0.98).ravel(), field(t * 0.98).ravel()).reshape(s.shape)
            wave = np.abs(np.sin((s * 0.8 + t * 1.1) * 5.2 + soft * 2.2)) ** 1.6
            return field((s - 0.5) * 0.6), field((1 - t) * 0.6), field(0.045 * wave + 0.012 * soft)

        patch = sheet("print", cloth, 90, 90, (0, 0, 0.6, 0.6))
        return (patch,)
    width, deep, thick, layers = 0.42, 0.30, 0.011, 7
    rng = np.random.default_rng(6)
    path: list[tuple[float, float]] = []
    for k in range(layers):
        y = (layers - k) * thick * 1.12
        shift = float(rng.uniform(-0.006, 0.006))
        run = np.linspace(-deep / 2, deep / 2, 14)
        sag = 0.003 * np.cos(np.linspace(-1.5, 1.5, 14))
        zs, ys = (run if k % 2 == 0 else run[::-1]) + shift, y + sag
        path += list(zip(ys.tolist(), zs.tolist(), strict=True))
        if k < layers - 1:
            sign = 1 if k % 2 == 0 else -1
            for a in np.linspace(0.3, np.pi - 0.3, 7):
                path.append((y - thick * 0.56 * (1 - np.cos(a)), sign * (deep / 2 + thick * 0.75 * np.sin(a)) + shift))
    strip = _strip("print", field(path), width, 40)
    other = _strip("print", field(np.array(path) - np.array([0.0014, 0.0])), width, 40, reverse=True)
    # The topmost layer is rumpled a little, as folded cloth is.
    soft = fractal(256, 3, np.random.default_rng(3), 3)
    grid = strip.grid.copy()
    top = 16
    u, v = strip.uv[:top, :, 0] / width, np.linspace(0, 0.9, top)[:, None] * np.ones((1, 40))
    grid[:top, :, 1] += 0.006 * sample_field(soft, field(u.ravel() * 0.9), field(v.ravel())).reshape(top, 40)
    return move((Patch("print", grid, strip.uv), other), rotation(yaw=-24), rest=True)


def _fabric_surfaces(design: Design) -> Mapping[str, Surface]:
    per_metre = 1 / 0.20
    return {
        "print": Surface(
            woven(draw_print(design.art, design.way), 128, 0.22), Material(sheen=0.3), (per_metre, per_metre)
        )
    }


TEXTILES = Family(
    name="textile",
    category="Home > Fabric and bedding",
    designs=combine(
        "textile",
        (
            ("fabric", "meadow, gingham, ikat, fox, terrazzo", "mustard, lilac"),
            ("fabric", "tartan, aquarium, poppy", "emerald, denim"),
        ),
    ),
    title=lambda design: sentence(f"cotton fabric {design.art}, {design.way}, per metre"),
    shape=_fabric,
    surfaces=_fabric_surfaces,
    views=(View(10, 34, 0.86), View(0, 0, 1.5, "detail")),
    setting="spread",
    price=(8.0, 29.0),
    flat=lambda design: (Surface(woven(draw_print(design.art, design.way), 128, 0.22), Material(sheen=0.2)), 0.24),
)


@lru_cache(maxsize=4)
def _curtain(_: str, _arrangement: str) -> Shape:
    """A curtain gathered in pleats on a rod."""
    wide, tall = (1.1, 1.45)
    soft = fractal(256, 2, np.random.default_rng(12), 3)

    def place(s: Field, t: Field) -> tuple[Field, Field, Field]:
        slow = sample_field(soft, field(s * 0.98).ravel(), field(t * 0.35).ravel()).reshape(s.shape)
        phase = s * 2 * np.pi * 8 + slow * (0.4 + 1.6 * t)
        z = (0.031 + 0.018 * t) * np.sin(phase) + 0.02 * slow * t
        x = (s - 0.5) * wide * (1 + 0.05 * t) + 0.016 * np.sin(2 * phase)
        return field(x), field((1 - t) * tall), field(z)

    cloth = sheet("print", place, 70, 260, (0, 0, 1.75, tall), two_sided=True)
    rod = tube(
        "metal",
        curve([(-wide / 2 - 0.10, tall - 0.035, 0), (0, tall - 0.035, 0), (wide / 2 + 0.10, tall - 0.035, 0)], 30),
        0.012,
        16,
    )
    rings = []
    for k in range(16):
        at = (k + 0.5) / 16
        x = (at - 0.5) * wide
        z = 0.040 * float(np.sin(at * 2 * np.pi * 8))
        ring = [
            (x + 0.004, tall - 0.035 + 0.021 * np.cos(a), z * 0.35 + 0.021 * np.sin(a))
            for a in np.linspace(0, 6.2832, 24)
        ]
        rings.append(tube("metal", field(ring), 0.0035, 8, up=(1, 0, 0)))
    ends = [(-wide / 2 - 0.10), (wide / 2 + 0.10)]
    knobs = []
    for x in ends:
        a = np.linspace(0.05, np.pi - 0.05, 16)
        profile = np.stack([0.022 * np.sin(a), 0.022 * np.cos(a)], -1)
        angle = np.linspace(-np.pi, np.pi, 24)
        grid = np.stack(
            [
                x + np.broadcast_to(profile[:, 1:], (16, 24)),
                tall - 0.035 + profile[:, :1] * np.cos(angle),
                profile[:, :1] * np.sin(angle),
            ],
            -1,
        )
        knobs.append(Patch("metal", field(grid), uv_grid(16, 24)))
    return move((cloth, rod, *rings, *knobs), rest=True)


def _curtain_surfaces(design: Design) -> Mapping[str, Surface]:
    per_metre = 1 / 0.52
    return {
        "print": Surface(
            woven(draw_print(design.art, design.way), 128, 0.12), Material(sheen=0.15), (per_metre, per_metre)
        ),
        "metal": Surface(plain((84, 74, 66)), Material(shine=2.0, softness=0.4)),
    }


CURTAINS = Family(
    name="curtain",
    category="Home > Curtains",
    designs=combine(
        "curtain",
        (
            ("curtain", "cabbage rose, night sky, awning, brush mark", "lilac, denim"),
            ("curtain", "whale, ferns, scallop, wave".replace("ferns", "fern"), "coral, forest"),
        ),
    ),
    title=lambda design: sentence(f"eyelet curtain {design.art}, {design.way}, 140 x 145 cm"),
    shape=_curtain,
    surfaces=_curtain_surfaces,
    views=(View(0, 2, 0.9), View(-30, 4, 1.25)),
    setting="hung",
    price=(19.0, 69.0),
    grounded=False,
)
