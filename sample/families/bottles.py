"""Plastic bottles with printed labels: shampoo, lotion, squash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sample.canvas import Canvas
from sample.family import Design, Family, View, combine
from sample.lettering import write
from sample.mesh import Shape, curve, move, revolve, tube
from sample.motifs import FIGURES
from sample.palettes import COLOURWAYS, Colour, Colourway, blend, plain
from sample.pixels import Pixels, field
from sample.render import Material, Surface


@dataclass(frozen=True)
class Label:
    brand: str
    name: str
    kind: str
    size: str
    figure: str


LABELS: dict[str, Label] = {
    "nettle": Label("BOTANEA", "Nettle", "SHAMPOO", "300 ml", "sprig"),
    "wild rose": Label("BOTANEA", "Wild Rose", "SHAMPOO", "300 ml", "rose"),
    "blue fern": Label("BOTANEA", "Fern", "SHOWER GEL", "250 ml", "fern"),
    "little whale": Label("Splish", "Whale", "KIDS BATH", "400 ml", "whale"),
    "little star": Label("Splish", "Star", "KIDS BATH", "400 ml", "star"),
    "lemon squash": Label("Orchard Hill", "Lemon", "SQUASH", "1 l", "lemon"),
    "cherry squash": Label("Orchard Hill", "Cherry", "SQUASH", "1 l", "cherry"),
    "honey lotion": Label("Mella", "Honey", "HAND LOTION", "250 ml", "bee"),
    "poppy lotion": Label("Mella", "Poppy", "HAND LOTION", "250 ml", "poppy"),
}

_BODIES: dict[str, tuple[list[tuple[float, float]], float, float]] = {
    # Profile from the neck down, depth over width, radius of the cap.
    "oval bottle": (
        [
            (0.013, 0.172),
            (0.020, 0.166),
            (0.036, 0.150),
            (0.041, 0.120),
            (0.041, 0.050),
            (0.039, 0.010),
            (0.036, 0.001),
        ],
        0.62,
        0.0145,
    ),
    "round bottle": (
        [
            (0.012, 0.225),
            (0.014, 0.205),
            (0.026, 0.178),
            (0.037, 0.145),
            (0.038, 0.080),
            (0.038, 0.015),
            (0.035, 0.001),
        ],
        1.0,
        0.0150,
    ),
    "pump bottle": (
        [
            (0.014, 0.150),
            (0.022, 0.147),
            (0.033, 0.138),
            (0.035, 0.125),
            (0.035, 0.030),
            (0.035, 0.008),
            (0.032, 0.001),
        ],
        1.0,
        0.0150,
    ),
}


@lru_cache(maxsize=8)
def _shape(variant: str, _: str) -> Shape:
    points, depth, cap = _BODIES[variant]
    profile = curve(points, 70)
    top = points[0][1]
    parts = [revolve("body", profile, 72)]
    if variant == "pump bottle":
        parts.append(
            revolve("cap", curve([(0.004, top + 0.012), (cap, top + 0.011), (cap + 0.001, top - 0.004)], 12), 40)
        )
        parts.append(revolve("cap", curve([(0.0045, top + 0.034), (0.0045, top + 0.01)], 8), 24))
        head = curve(
            [(0.012, top + 0.038, 0), (0.0, top + 0.040, 0), (-0.022, top + 0.040, 0), (-0.038, top + 0.033, 0)], 24
        )
        parts.append(tube("cap", head, field(np.linspace(0.0085, 0.005, 24)), 18, 0.7))
    else:
        tall = 0.024 if variant == "oval bottle" else 0.020
        lid = [(0.001, top + tall), (cap - 0.002, top + tall), (cap, top + tall - 0.002), (cap + 0.001, top - 0.002)]
        parts.append(revolve("cap", curve(lid, 24), 48))
    shape = move(tuple(parts))
    return tuple(replace(p, grid=field(p.grid * field([1, 1, depth]))) if depth != 1.0 else p for p in shape)


def _reading(tone: Colour) -> Colour:
    return (252, 250, 244) if sum(tone) < 420 else (40, 38, 42)


@lru_cache(maxsize=32)
def _label(design: Design) -> Pixels:
    """The body unrolled: its front in the middle, the same front again on the back."""
    label, way = LABELS[design.art], COLOURWAYS[design.way]
    size, aspect = 420, 1.5
    body = way.inks[0]
    paper = way.ground if sum(way.ground) > 500 else way.inks[0]
    canvas = Canvas(body, size, aspect, wrap=True)
    for x in (0.75, 0.0):
        canvas.box(x - 0.27, 0.30, x + 0.27, 0.90, paper)
        canvas.box(x - 0.27, 0.30, x + 0.27, 0.325, way.inks[2])
        canvas.box(x - 0.27, 0.80, x + 0.27, 0.90, way.dark)
        FIGURES[label.figure](
            canvas, x, 0.665, 0.2, 0.0, Colourway("", paper, way.dark, way.inks) if paper != body else way
        )
    picture = canvas.picture()
    for x in (0.5, 0.0, 1.0):
        write(picture, label.brand, (x, 0.365), 0.2, 0.032, blend(body, way.dark, 0.5), weight=2, tracking=0.15)
        write(picture, label.name, (x, 0.455), 0.225, 0.08, way.dark, weight=5)
        write(
            picture, label.kind, (x, 0.535), 0.2, 0.028, body if sum(body) < 480 else way.dark, weight=2, tracking=0.1
        )
        write(picture, label.size, (x, 0.85), 0.14, 0.035, _reading(way.dark), weight=2)
    return picture


def _surfaces(design: Design) -> Mapping[str, Surface]:
    way = COLOURWAYS[design.way]
    plastic = Material(shine=1.0, softness=0.22)
    return {
        "body": Surface(_label(design), plastic),
        "cap": Surface(plain(way.dark if sum(way.inks[0]) > 330 else (246, 244, 238)), plastic),
    }


def _title(design: Design) -> str:
    label = LABELS[design.art]
    return f"{label.name} {label.kind.lower()}, {label.size} ({design.way})"


BOTTLES = Family(
    name="bottle",
    category="Drugstore > Bottles",
    designs=combine(
        "bottle",
        (
            ("oval bottle", "nettle, wild rose, blue fern", "sage, plum"),
            ("round bottle", "lemon squash, cherry squash", "mustard, cherry"),
            ("pump bottle", "honey lotion, poppy lotion, little whale", "sky, coral"),
        ),
    ),
    title=_title,
    shape=_shape,
    surfaces=_surfaces,
    views=(View(-10, 8, 0.84), View(28, 14, 0.84)),
    setting="table",
    price=(2.0, 9.0),
    brand=lambda design: LABELS[design.art].brand.title(),
)
