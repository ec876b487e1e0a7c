"""T-shirts with printed marks, laid flat."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import cv2
import numpy as np

from sample.canvas import Canvas
from sample.family import Design, Family, View, combine
from sample.lettering import arc, write
from sample.materials import relief
from sample.mesh import Patch, Shape, curve, move, rotation, uv_grid
from sample.motifs import FIGURES
from sample.noise import fractal, grain
from sample.palettes import COLOURWAYS, Colour, Colourway, blend
from sample.pixels import Field, Mask, Pixels, blur, field, resize_field, smoothstep
from sample.render import Material, Surface

_SIDE = 0.74
"""The square of cloth the shirt is cut from, metres."""
_FINE = 640
_MASK = 1600


def _half_outline() -> list[tuple[float, float]]:
    """The right half of the shirt from the collar down to the hem's middle, in units of the square, centre at 0."""
    neck = [(0.0, -0.400), (0.045, -0.405), (0.090, -0.440)]
    shoulder = [(0.150, -0.425), (0.215, -0.398), (0.262, -0.362)]
    sleeve = [(0.318, -0.285), (0.372, -0.190), (0.402, -0.128), (0.392, -0.112), (0.330, -0.078), (0.272, -0.052)]
    side = [
        (0.262, -0.075),
        (0.248, -0.150),
        (0.243, -0.105),
        (0.238, 0.020),
        (0.240, 0.200),
        (0.246, 0.400),
        (0.247, 0.445),
    ]
    hem = [(0.20, 0.456), (0.10, 0.462), (0.0, 0.463)]
    return neck + shoulder + sleeve + side + hem


def _polygon(side: int) -> Field:
    right = field(_half_outline())
    both = np.concatenate([right, right[::-1] * field([-1, 1])])
    return field((both + 0.5) * side)


@lru_cache(maxsize=2)
def _cut_mask() -> Mask:
    fine = np.zeros((_MASK, _MASK), np.uint8)
    cv2.fillPoly(fine, [np.rint(_polygon(_MASK) * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
    soft = np.asarray(cv2.GaussianBlur(fine, (0, 0), 8.0))
    return np.asarray(soft > 127)


def cut(_: str) -> Mapping[str, Mask]:
    """Where the cloth is."""
    return {"shirt": _cut_mask()}


@lru_cache(maxsize=8)
def _shape(_: str, arrangement: str) -> Shape:
    count = 110
    inside = _cut_mask().astype(np.uint8)
    away = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 5), np.float32) / _MASK
    edge = resize_field(field(np.sqrt(np.clip(away / 0.03, 0, 1))), count, count)
    rng = np.random.default_rng(14)
    soft = fractal(256, 3, rng, 3)
    y, x = np.mgrid[:256, :256] / 256 - 0.5
    # Cloth hangs in soft folds from the shoulders, is pulled from under the arms and gathers above the hem.
    hang = np.sin(x * 34 + soft * 2.6 + np.sign(x) * y * 8) * smoothstep(-0.2, 0.4, field(y)) * 0.8
    pull = np.zeros_like(x)
    for side in (-1, 1):
        dx, dy = (x - side * 0.245) * -side, y + 0.13
        angle, away_from = np.arctan2(dy, dx), np.hypot(dx, dy)
        pull += np.sin(angle * 9 + soft * 1.6) * np.exp(-((away_from - 0.09) ** 2) / 0.012) * (dx > -0.02) * 1.1
        sleeve = np.exp(-(((x - side * 0.31) / 0.05) ** 2 + ((y + 0.2) / 0.08) ** 2))
        pull += np.sin((x * side + y * 0.8) * 85 + soft * 2) * sleeve * 0.7
    relief_map = resize_field(blur(field(soft * 1.2 + hang + pull), 2.2), count, count)
    z = edge * (0.018 + 0.0105 * relief_map)
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
    # The darkest grounds are lifted a little: jersey is never quite black.
    cloth = way.ground if sum(way.ground) > 200 else blend(way.ground, (120, 130, 150), 0.22)
    size = _FINE
    picture = np.full((size, size, 3), cloth, np.uint8)
    _mark(design.art, way, cloth, picture)
    # Collar rib, sleeve hems, hem and seams.
    pale_cloth = sum(cloth) > 300
    tint = blend(cloth, (40, 40, 40) if pale_cloth else (255, 255, 255), 0.07)
    rib = way.inks[0] if design.variant == "ringer T-shirt" else tint
    seam = blend(cloth, (30, 30, 30), 0.32) if pale_cloth else blend(cloth, (255, 255, 255), 0.16)
    pen = Canvas((0, 0, 0), size, wrap=False)
    pen.stroke([(0.402, 0.055), (0.425, 0.105), (0.5, 0.140), (0.575, 0.105), (0.598, 0.055)], (255, 255, 255), 0.026)
    for sign in (-1, 1):
        cuff = field([(0.5 + sign * 0.410, 0.378), (0.5 + sign * 0.262, 0.455)])
        pen.line(cuff, (255, 255, 255), 0.034 if design.variant == "ringer T-shirt" else 0.002)
    ribs = field(pen.picture()[..., :1] / 255)
    out = picture * (1 - ribs) + field(rib) * ribs
    lines = Canvas((0, 0, 0), size, wrap=False)
    lines.stroke(
        [(0.388, 0.058), (0.414, 0.117), (0.5, 0.154), (0.586, 0.117), (0.612, 0.058)], (255, 255, 255), 0.0025
    )
    for sign in (-1, 1):
        armhole = [
            (0.5 + sign * 0.262, 0.135),
            (0.5 + sign * 0.232, 0.22),
            (0.5 + sign * 0.240, 0.34),
            (0.5 + sign * 0.262, 0.43),
        ]
        lines.stroke(armhole, (255, 255, 255), 0.003)
        lines.line(field([(0.5 + sign * 0.388, 0.362), (0.5 + sign * 0.250, 0.434)]), (255, 255, 255), 0.002)
    lines.stroke([(0.24, 0.936), (0.38, 0.945), (0.5, 0.947), (0.62, 0.945), (0.76, 0.936)], (255, 255, 255), 0.002)
    stitched = field(lines.picture()[..., :1] / 255) * 0.75
    out = out * (1 - stitched) + field(seam) * stitched
    # Inside of the neck, seen above the collar.
    hole = np.zeros((size, size), np.uint8)
    top = curve([(0.404, 0.04), (0.432, 0.095), (0.5, 0.127), (0.568, 0.095), (0.596, 0.04)], 40)
    back = curve([(0.596, 0.03), (0.55, 0.075), (0.5, 0.083), (0.45, 0.075), (0.404, 0.03)], 40)
    cv2.fillPoly(hole, [np.rint(np.concatenate([top, back]) * size * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    inside = field(hole[..., None] / 255)
    out = out * (1 - inside) + field(blend(cloth, (30, 30, 34), 0.45)) * inside
    # Jersey: fine columns of stitches.
    rng = np.random.default_rng(2)
    jersey = 1 + 0.03 * np.sin(np.arange(size) * 2 * np.pi / 3)[None, :] + 0.02 * grain(size, size, rng)
    return relief(np.asarray(np.clip(out, 0, 255), np.uint8), field(jersey))


def _surfaces(design: Design) -> Mapping[str, Surface]:
    return {"shirt": Surface(_cloth(design), Material(sheen=0.5))}


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
    flat_out=True,
    brand=lambda design: _MARKS[design.art],
)
