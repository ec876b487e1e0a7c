"""Bags: cotton totes, rucksacks and zipped pouches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from sample.canvas import Canvas
from sample.family import Design, Family, View, combine, sentence
from sample.lettering import arc, write
from sample.materials import woven
from sample.mesh import Patch, Shape, ball, curve, move, sheet, tube
from sample.motifs import FIGURES
from sample.noise import fractal
from sample.palettes import COLOURWAYS, Colourway, blend, plain
from sample.patterns import PRINTS, draw_print
from sample.pixels import Field, Pixels, field, sample_field
from sample.render import Material, Surface


def _tote() -> Shape:
    w, h, depth = 0.37, 0.40, 0.055
    folds = fractal(256, 3, np.random.default_rng(21), 3)

    def panel(sign: float) -> Patch:
        def place(s: Field, t: Field) -> tuple[Field, Field, Field]:
            x = (s - 0.5) * w * (1 - 0.03 * np.sin(np.pi * t))
            y = h * (1 - t)
            edge = np.clip((1 - np.abs(2 * s - 1) ** 3), 0, 1)
            soft = sample_field(folds, field(s * 0.98).ravel(), field(t * 0.98).ravel()).reshape(s.shape)
            belly = depth * (0.18 + 0.82 * np.sin(np.pi * np.clip(t * 0.72 + 0.12, 0, 1)) ** 1.2) * edge**0.7
            drape = 0.010 * soft * edge + 0.005 * np.sin(s * 19 + soft * 3) * t * (1 - t) * 3 * edge
            # The bottom is drawn together underneath.
            tuck = np.clip((t - 0.94) / 0.06, 0, 1) ** 2
            z = (belly * (1 - tuck) + drape) * 0.5 * 2
            return field(x), field(y), field(z * sign * 0.5)

        patch = sheet("front" if sign > 0 else "back", place, 60, 60)
        if sign < 0:
            return Patch("back", field(patch.grid[:, ::-1]), patch.uv)
        return patch

    hem = panel(1.0).grid[0]
    straps = []
    for sign, slot in ((1.0, "strap"), (-1.0, "strap")):
        z = float(hem[30, 2]) * sign
        reach = 0.24 if sign > 0 else 0.21
        lean = 0.02 * sign
        path = curve(
            [
                (-0.088, h - 0.045, z * 1.05 + 0.003 * sign),
                (-0.086, h, z * 1.05 + 0.003 * sign),
                (-0.074, h + reach * 0.55, z + lean),
                (-0.035, h + reach * 0.93, z + lean * 1.4),
                (0.0, h + reach, z + lean * 1.5),
                (0.035, h + reach * 0.93, z + lean * 1.4),
                (0.074, h + reach * 0.55, z + lean),
                (0.086, h, z * 1.05 + 0.003 * sign),
                (0.088, h - 0.045, z * 1.05 + 0.003 * sign),
            ],
            90,
        )
        straps.append(tube(slot, path, 0.0105, 14, 0.14, up=(0, 0, 1), box=(0, 0, 0.4, 7)))
    return (panel(1.0), panel(-1.0), *straps)


def _rucksack() -> Shape:
    body = ball("front", (0, 0.205, 0), (0.150, 0.205, 0.085), rows=44, cols=72, power=0.55)
    pocket = ball("pocket", (0, 0.130, 0.075), (0.118, 0.098, 0.036), rows=36, cols=60, power=0.55)
    lid = curve(
        [
            (-0.118, 0.275, 0.062),
            (-0.128, 0.335, 0.058),
            (-0.090, 0.385, 0.050),
            (0, 0.398, 0.048),
            (0.090, 0.385, 0.050),
            (0.128, 0.335, 0.058),
            (0.118, 0.275, 0.062),
        ],
        70,
    )
    zip_low = curve(
        [(-0.096, 0.196, 0.103), (-0.05, 0.2, 0.1105), (0, 0.201, 0.1115), (0.05, 0.2, 0.1105), (0.096, 0.196, 0.103)],
        40,
    )
    handle = curve(
        [
            (-0.042, 0.402, -0.02),
            (-0.036, 0.438, -0.02),
            (0, 0.452, -0.02),
            (0.036, 0.438, -0.02),
            (0.042, 0.402, -0.02),
        ],
        40,
    )
    straps = []
    for sign in (-1.0, 1.0):
        path = curve(
            [
                (0.06 * sign, 0.39, -0.06),
                (0.10 * sign, 0.37, -0.125),
                (0.115 * sign, 0.24, -0.150),
                (0.125 * sign, 0.10, -0.120),
                (0.125 * sign, 0.04, -0.07),
            ],
            50,
        )
        straps.append(tube("strap", path, 0.024, 14, 0.28, up=(0, 0, 1)))
    puller = ball("metal", (0.062, 0.188, 0.113), (0.004, 0.013, 0.003), rows=10, cols=12)
    badge = ball(
        "badge", (0, 0.300, 0.0865), (0.030, 0.018, 0.003), rows=16, cols=24, power=0.5, box=(-0.5, 0.0, 1.5, 1.0)
    )
    return (
        body,
        pocket,
        tube("zip", lid, 0.0035, 10),
        tube("zip", zip_low, 0.0035, 10),
        tube("strap", handle, 0.010, 12, 0.45),
        *straps,
        puller,
        badge,
    )


def _pouch() -> Shape:
    w, h, depth = 0.25, 0.16, 0.075
    t = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 45))
    s, r = np.meshgrid(t, -t)
    folds = fractal(256, 4, np.random.default_rng(9), 3)
    soft = sample_field(folds, field(s.ravel() * 0.4 + 0.5), field(r.ravel() * 0.4 + 0.5)).reshape(s.shape)
    lift = (
        ((1 - s**4) ** 0.6)
        * np.sqrt(np.clip((1 - r) / 2, 0, 1)) ** 0.55
        * np.clip(1 - np.clip(-r - 0.7, 0, 1) ** 2 * 6, 0.2, 1)
    )
    z = depth * (0.06 + 0.94 * lift) * np.clip(1 - np.abs(s) ** 6, 0, 1) ** 0.5 * 0.5 + 0.004 * soft * (1 - s * s)
    x, y = s * w / 2 * (1 - 0.04 * (1 - r * r) * np.abs(s) ** 3), (r + 1) / 2 * h
    uv = field(np.stack([s / 2 + 0.5, 0.5 - r / 2], -1))
    front = Patch("front", field(np.stack([x, y, z], -1)), uv)
    back = Patch("back", field(np.stack([x, y, -z], -1)[:, ::-1]), uv)
    zipper = tube(
        "zip",
        curve([(-w / 2, h, 0), (-w / 4, h + 0.003, 0), (w / 4, h + 0.003, 0), (w / 2, h, 0)], 40),
        0.006,
        12,
        box=(0, 0, 30, 1),
    )
    tab = ball("metal", (-0.085, h - 0.004, 0.009), (0.005, 0.013, 0.003), rows=10, cols=12)
    loop = tube(
        "strap",
        curve(
            [
                (w / 2 - 0.004, h - 0.012, 0),
                (w / 2 + 0.03, h - 0.005, 0.004),
                (w / 2 + 0.032, h - 0.035, 0.006),
                (w / 2 - 0.002, h - 0.03, 0),
            ],
            40,
        ),
        0.008,
        10,
        0.25,
    )
    return (front, back, zipper, tab, loop)


_BUILDERS = {"tote": _tote, "rucksack": _rucksack, "pouch": _pouch}


@lru_cache(maxsize=8)
def _shape(variant: str, _: str) -> Shape:
    return move(_BUILDERS[variant](), rest=True)


def _emblem(art: str, way: Colourway) -> Pixels:
    """What is printed on a tote: a figure within lettering, a word pile, or a market's name."""
    size = 560
    cloth = (236, 228, 210)
    canvas = Canvas(cloth, size, 0.92, wrap=False)
    kind, _, what = art.partition(" ")
    ink = way.inks[0] if sum(way.inks[0]) < 560 else way.dark
    if kind == "badge":
        canvas.line(
            field([(0.46 + 0.30 * np.cos(a), 0.54 + 0.30 * np.sin(a)) for a in np.linspace(0, 6.2832, 90)]),
            ink,
            0.012,
            closed=True,
        )
        FIGURES[what](canvas, 0.46, 0.54, 0.42, 0.0, Colourway("", cloth, way.dark, (ink, *way.inks[1:])))
        picture = canvas.picture()
        arc(picture, "MARKET HALL", (0.5, 0.54), 0.355, 0.058, ink)
        arc(picture, "SINCE 1924", (0.5, 0.54), 0.355, 0.058, ink, top=False)
        return picture
    if kind == "words":
        picture = canvas.picture()
        for k, word in enumerate(what.upper().split("+")):
            write(
                picture,
                word,
                (0.5, 0.34 + 0.145 * k),
                0.68,
                0.12,
                ink if k % 2 == 0 else way.inks[2],
                weight=10,
                narrow=0.85,
            )
        return picture
    for row in range(4):
        for column in range(4):
            x, y = 0.16 + 0.2 * column, 0.28 + 0.17 * row
            tones = replace(way.on_paper.turned(row + column), ground=cloth)
            FIGURES[what](canvas, x, y, 0.15, 0.0, tones)
    return canvas.picture()


@lru_cache(maxsize=32)
def _surfaces(design: Design) -> Mapping[str, Surface]:
    way = COLOURWAYS[design.way]
    cloth = Material(sheen=0.2)
    if design.variant == "tote" and design.art not in PRINTS:
        picture = woven(_emblem(design.art, way), 150, 0.24)
        raw = woven(plain((236, 228, 210), 512), 150, 0.24)
        front, back, repeat = Surface(picture, cloth), Surface(raw, cloth), (1.0, 1.0)
        strap = Surface(raw, cloth, (0.5, 0.5))
    else:
        printed = woven(draw_print(design.art, design.way), 128, 0.2)
        repeat = {"tote": (2.0, 2.2), "rucksack": (5.0, 2.6), "pouch": (1.6, 1.02)}[design.variant]
        front, back = Surface(printed, cloth, repeat), Surface(printed, cloth, repeat)
        trim = way.inks[0] if sum(way.ground) > 500 else way.inks[1]
        strap = Surface(woven(plain(trim, 256), 48, 0.35), cloth, (1.0, 1.0))
    solid = way.inks[0] if sum(way.ground) > 500 else way.inks[1]
    badge = Canvas(way.dark, 120, 1.7, wrap=False).picture()
    write(badge, "CARRUS", (0.5, 0.5), 0.6, 0.3, (248, 244, 234), weight=4)
    pocket = woven(plain(solid, 256), 64, 0.25)
    return {
        "front": front,
        "back": back,
        "strap": strap,
        "pocket": Surface(pocket, cloth, (4.0, 2.0)),
        "zip": Surface(plain(blend(way.dark, (30, 30, 30), 0.4)), Material(shine=0.6, softness=0.5)),
        "metal": Surface(plain((190, 186, 176)), Material(shine=3.0, softness=0.2, metal=0.6)),
        "badge": Surface(badge, Material(shine=0.4, softness=0.6)),
    }


def _title(design: Design) -> str:
    art = design.art
    if design.variant == "tote" and art not in PRINTS:
        kind, _, what = art.partition(" ")
        art = {"badge": f"{what} badge", "words": what.replace("+", " "), "rows": f"{what}s"}[kind]
    return sentence(f"{design.variant}, {art}, {design.way}")


BAGS = Family(
    name="bag",
    category="Fashion > Bags",
    designs=combine(
        "bag",
        (
            ("tote", "badge fish, badge lemon, words fresh+bread+daily, rows bird", "petrol, cherry"),
            ("rucksack", "dinosaur, atomic, herringbone", "sky, olive"),
            ("pouch", "cherry, tulip", "rust, lilac"),
        ),
    ),
    title=_title,
    shape=_shape,
    surfaces=_surfaces,
    views=(View(-16, 8, 0.84), View(30, 16, 0.84)),
    setting="floor",
    price=(9.0, 58.0),
    brand=lambda design: {"tote": "Market Hall", "rucksack": "Carrus", "pouch": "Sacoche"}[design.variant],
)
