"""T-shirts with printed marks, laid flat."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import cv2
import numpy as np

from service.sample.canvas import Canvas
from service.sample.family import Design, Family, View, combine
from service.sample.lettering import arc, write
from service.sample.materials import relief
from service.sample.mesh import Patch, Shape, curve, move, rotation, uv_grid
from service.sample.motifs import FIGURES
from service.sample.noise import fractal, grain
from service.sample.palettes import COLOURWAYS, Colour, Colourway, blend
from service.sample.pixels import Field, Mask, Pixels, blur, field, resize_field, smoothstep
from service.sample.render import Material, Surface

_SIDE = 0.74
"""The square of cloth the shirt is cut from, metres."""
_FINE = 640


def _half_outline() -> list[tuple[float, float]]:
    """The right half of the shirt from the collar down to the hem's middle, in units of the square, centre at 0."""
    neck = [(0.0, -0.385), (0.06, -0.392), (0.105, -0.425)]
    shoulder = [(0.16, -0.445), (0.27, -0.405), (0.34, -0.365)]
    sleeve = [(0.405, -0.27), (0.470, -0.135), (0.455, -0.115), (0.36, -0.060), (0.335, -0.075)]
    side = [(0.288, -0.165), (0.274, -0.05), (0.272, 0.15), (0.280, 0.36), (0.281, 0.43)]
    hem = [(0.20, 0.443), (0.10, 0.447), (0.0, 0.447)]
    return neck + shoulder + sleeve + side + hem


def _polygon(side: int) -> Field:
    right = field(_half_outline())
    both = np.concatenate([right, right[::-1] * field([-1, 1])])
    return field((both + 0.5) * side)


@lru_cache(maxsize=2)
def _cut_mask() -> Mask:
    fine = np.zeros((_FINE, _FINE), np.uint8)
    cv2.fillPoly(fine, [np.rint(_polygon(_FINE) * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
    soft = np.asarray(cv2.GaussianBlur(fine, (0, 0), 3.0))
    return np.asarray(soft > 127)


def cut(_: str) -> Mapping[str, Mask]:
    """Where the cloth is."""
    return {"shirt": _cut_mask()}


@lru_cache(maxsize=8)
def _shape(_: str, arrangement: str) -> Shape:
    count = 110
    inside = _cut_mask().astype(np.uint8)
    away = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 5), np.float32) / _FINE
    edge = resize_field(field(np.sqrt(np.clip(away / 0.03, 0, 1))), count, count)
    rng = np.random.default_rng(14)
    soft = fractal(256, 3, rng, 3)
    y, x = np.mgrid[:256, :256] / 256 - 0.5
    # Cloth hangs in soft vertical folds from the shoulders and gathers under the arms.
    ridges = np.sin(x * 30 + soft * 2.4 + np.sign(x) * y * 7) * smoothstep(-0.25, 0.45, field(y)) * 0.5
    arms = (
        np.sin((y + np.abs(x) * 0.9) * 60 + soft * 3)
        * np.exp(-(((np.abs(x) - 0.28) / 0.09) ** 2 + ((y + 0.16) / 0.10) ** 2))
        * 0.8
    )
    relief_map = resize_field(blur(field(soft * 0.9 + ridges + arms), 2.0), count, count)
    z = edge * (0.016 + 0.0075 * relief_map)
    s, t = np.meshgrid(np.linspace(-0.5, 0.5, count), np.linspace(0.5, -0.5, count))
    grid = field(np.stack([s * _SIDE, t * _SIDE, z], -1))
    shirt = Patch("shirt", grid, uv_grid(count, count), two_sided=True)
    if arrangement == "home":
        return move((shirt,), rotation(pitch=-90), rest=True)
    return (shirt,)


def _mark(art: str, way: Colourway, cloth: Colour, picture: Pixels) -> None:
    """Prints an invented brand's mark on the chest."""
    kind, _, words = art.partition(": ")
    light = sum(cloth) > 430
    ink = way.inks[0] if abs(sum(way.inks[0]) - sum(cloth)) > 150 else (way.dark if light else (246, 242, 232))
    second = way.inks[2] if abs(sum(way.inks[2]) - sum(cloth)) > 120 else ink
    size = picture.shape[0]
    canvas = Canvas(cloth, size, wrap=False)
    tones = Colourway("", cloth, way.dark, (ink, way.inks[1], second, way.inks[3]))
    if kind == "circle":
        figure, name = words.split("/")
        canvas.disc(0.5, 0.36, 0.125, ink)
        FIGURES[figure](
            canvas, 0.5, 0.36, 0.17, 0.0, Colourway("", ink, way.dark, (cloth, second, second, way.inks[3]))
        )
        picture[:] = canvas.picture()
        arc(picture, name, (0.5, 0.36), 0.147, 0.022, ink)
        return
    if kind == "stack":
        name, line = words.split("/")
        picture[:] = canvas.picture()
        write(picture, name, (0.5, 0.32), 0.36, 0.075, ink, weight=10, narrow=0.9)
        write(picture, line, (0.5, 0.39), 0.30, 0.022, second, weight=2, tracking=0.3)
        return
    if kind == "stripes":
        name = words
        for k, tone in enumerate((ink, second, way.inks[3])):
            canvas.box(0.0, 0.30 + 0.045 * k, 1.0, 0.335 + 0.045 * k, tone)
        picture[:] = canvas.picture()
        write(picture, name, (0.5, 0.475), 0.2, 0.03, ink, weight=4, tracking=0.2)
        return
    figure, name = words.split("/")
    FIGURES[figure](canvas, 0.5, 0.37, 0.24, 0.0, tones)
    picture[:] = canvas.picture()
    write(picture, name, (0.5, 0.525), 0.3, 0.034, ink, weight=4, tracking=0.12)


@lru_cache(maxsize=24)
def _cloth(design: Design) -> Pixels:
    way = COLOURWAYS[design.way]
    cloth = way.ground
    size = _FINE
    picture = np.full((size, size, 3), cloth, np.uint8)
    _mark(design.art, way, cloth, picture)
    # Collar rib, sleeve hems, hem and seams.
    rib = way.inks[0] if design.variant == "ringer T-shirt" else blend(cloth, (40, 40, 40), 0.10)
    seam = blend(cloth, (30, 30, 30), 0.32)
    pen = Canvas((0, 0, 0), size, wrap=False)
    collar = [(0.388, 0.075), (0.42, 0.128), (0.5, 0.150), (0.58, 0.128), (0.612, 0.075)]
    pen.stroke(collar, (255, 255, 255), 0.030)
    for sign in (-1, 1):
        pen.line(
            field([(0.5 + sign * 0.472, 0.352), (0.5 + sign * 0.35, 0.430)]),
            (255, 255, 255),
            0.034 if design.variant == "ringer T-shirt" else 0.002,
        )
    ribs = field(pen.picture()[..., :1] / 255)
    out = picture * (1 - ribs) + field(rib) * ribs
    lines = Canvas((0, 0, 0), size, wrap=False)
    lines.stroke([(0.375, 0.08), (0.412, 0.143), (0.5, 0.167), (0.588, 0.143), (0.625, 0.08)], (255, 255, 255), 0.0025)
    for sign in (-1, 1):
        lines.stroke(
            [(0.5 + sign * 0.335, 0.135), (0.5 + sign * 0.30, 0.22), (0.5 + sign * 0.287, 0.34)], (255, 255, 255), 0.003
        )
        lines.line(field([(0.5 + sign * 0.455, 0.335), (0.5 + sign * 0.335, 0.410)]), (255, 255, 255), 0.002)
    lines.stroke([(0.2, 0.918), (0.35, 0.930), (0.5, 0.932), (0.65, 0.930), (0.8, 0.918)], (255, 255, 255), 0.002)
    stitched = field(lines.picture()[..., :1] / 255) * 0.7
    out = out * (1 - stitched) + field(seam) * stitched
    # Inside of the neck, seen above the collar.
    hole = np.zeros((size, size), np.uint8)
    top = curve([(0.39, 0.07), (0.42, 0.113), (0.5, 0.134), (0.58, 0.113), (0.61, 0.07)], 40)
    back = curve([(0.61, 0.06), (0.56, 0.095), (0.5, 0.10), (0.44, 0.095), (0.39, 0.06)], 40)
    cv2.fillPoly(hole, [np.rint(np.concatenate([top, back]) * size * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    inside = field(hole[..., None] / 255)
    out = out * (1 - inside) + field(blend(cloth, (30, 30, 34), 0.38)) * inside
    # Jersey: fine columns of stitches.
    rng = np.random.default_rng(2)
    jersey = 1 + 0.03 * np.sin(np.arange(size) * 2 * np.pi / 3)[None, :] + 0.02 * grain(size, size, rng)
    return relief(np.asarray(np.clip(out, 0, 255), np.uint8), field(jersey))


def _surfaces(design: Design) -> Mapping[str, Surface]:
    return {"shirt": Surface(_cloth(design), Material(sheen=0.15))}


_MARKS = {
    "circle: fox/VULPINE OUTDOOR": "Vulpine Outdoor",
    "circle: whale/NORTHERN TIDE": "Northern Tide",
    "circle: bee/HIVE AND FIELD": "Hive and Field",
    "stack: ORVANE/ATHLETIC DEPT": "Orvane",
    "stack: KELTO/MOUNTAIN CLUB": "Kelto",
    "stripes: REGATTE 58": "Regatte",
    "figure: dinosaur/LITTLE REX": "Little Rex",
    "figure: boat/PORT MARA": "Port Mara",
    "figure: rainbow/SUNNY SIDE": "Sunny Side",
}


def _title(design: Design) -> str:
    words = design.art.partition(": ")[2].replace("/", ", ").lower()
    return f"{design.variant}, {words}, {design.way}"


SHIRTS = Family(
    name="shirt",
    category="Fashion > T-shirts",
    designs=combine(
        "shirt",
        (
            ("T-shirt", ", ".join(list(_MARKS)[:6]), "midnight, sand"),
            ("ringer T-shirt", ", ".join(list(_MARKS)[6:]), "lemon, sky"),
        ),
    ),
    title=_title,
    shape=_shape,
    surfaces=_surfaces,
    views=(View(0, 0, 0.86), View(10, -24, 0.9)),
    setting="soft",
    price=(9.0, 35.0),
    cut=cut,
    grounded=False,
    brand=lambda design: _MARKS[design.art],
)
