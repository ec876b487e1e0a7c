"""Trainers and plimsolls: an upper drawn over a last, on a rubber sole, with laces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sample.canvas import Canvas, put
from sample.family import Design, Family, View, combine, sentence
from sample.lettering import write
from sample.materials import woven
from sample.mesh import Patch, Shape, curve, move, normals, rotation, sheet, tube, uv_grid
from sample.motifs import FIGURES
from sample.palettes import COLOURWAYS, Colourway, blend, plain
from sample.patterns import draw_print
from sample.pixels import Field, Pixels, field, resize_pixels
from sample.render import Material, Surface

COUNT = 90
"""Sections from heel to toe."""
_WELT = 0.024
"""Height at which upper and sole meet, metres."""


@dataclass(frozen=True)
class Last:
    """The upper's rim from the heel's middle to the toe's tip: (x, height, half width) for even steps of the walk."""

    rim: list[tuple[float, float, float]]
    throat: tuple[int, int] | None
    """Between which knots of the rim the laces run."""


LASTS: dict[str, Last] = {
    "trainer": Last(
        [
            (0.006, 0.098, 0.0),
            (0.020, 0.090, 0.021),
            (0.052, 0.074, 0.030),
            (0.088, 0.080, 0.028),
            (0.112, 0.098, 0.021),
            (0.140, 0.090, 0.0165),
            (0.168, 0.077, 0.0150),
            (0.192, 0.067, 0.0130),
            (0.208, 0.062, 0.0),
            (0.240, 0.056, 0.0),
            (0.266, 0.049, 0.0),
            (0.284, 0.040, 0.0),
            (0.291, 0.030, 0.0),
        ],
        (4, 7),
    ),
    "high-top": Last(
        [
            (0.004, 0.142, 0.0),
            (0.018, 0.140, 0.024),
            (0.050, 0.137, 0.034),
            (0.082, 0.139, 0.030),
            (0.100, 0.142, 0.020),
            (0.128, 0.108, 0.0165),
            (0.160, 0.083, 0.0150),
            (0.190, 0.067, 0.0130),
            (0.206, 0.061, 0.0),
            (0.240, 0.055, 0.0),
            (0.266, 0.048, 0.0),
            (0.284, 0.039, 0.0),
            (0.291, 0.030, 0.0),
        ],
        (4, 7),
    ),
    "slip-on": Last(
        [
            (0.006, 0.082, 0.0),
            (0.020, 0.077, 0.021),
            (0.050, 0.066, 0.031),
            (0.085, 0.062, 0.034),
            (0.115, 0.064, 0.033),
            (0.140, 0.070, 0.028),
            (0.160, 0.076, 0.020),
            (0.172, 0.078, 0.010),
            (0.178, 0.077, 0.0),
            (0.225, 0.060, 0.0),
            (0.262, 0.049, 0.0),
            (0.284, 0.039, 0.0),
            (0.291, 0.030, 0.0),
        ],
        None,
    ),
}


def _outline(count: int, out: float = 0.0) -> Field:
    """The sole's edge on the outer side from heel to toe, (x, half width), [count, 2]; `out` widens it."""
    knots = [
        (0.0, 0.0),
        (0.008, 0.024),
        (0.040, 0.034),
        (0.085, 0.033),
        (0.130, 0.034),
        (0.180, 0.043),
        (0.225, 0.046),
        (0.262, 0.037),
        (0.285, 0.019),
        (0.293, 0.0),
    ]
    edge = curve(knots, count)
    edge[:, 1] = np.maximum(edge[:, 1], 0)
    grown = edge.copy()
    middle = field([0.146, 0.0])
    away = edge - middle
    grown += away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6) * out
    return grown


def _side(last: Last, sign: float) -> Patch:
    """Half of the upper, from the sole's edge (bottom row) to its rim (top row)."""
    foot = _outline(COUNT)
    rim = curve(last.rim, COUNT)
    rim[:, 2] = np.maximum(rim[:, 2], 0)
    t = np.linspace(0, np.pi / 2, 34)[:, None]
    rise, draw = np.sin(t) ** 0.92, 1 - np.cos(t) ** 0.85
    x = foot[:, 0] + (rim[:, 0] - foot[:, 0]) * draw
    z = foot[:, 1] + (rim[:, 2] - foot[:, 1]) * draw
    y = _WELT - 0.004 + (rim[:, 1] - _WELT + 0.004) * rise
    grid = np.stack([x - 0.146, y, z * sign], axis=-1)[::-1]
    uv = uv_grid(34, COUNT)
    if sign < 0:
        grid, uv = grid[:, ::-1], uv[:, ::-1]
    return Patch("upper", field(grid), field(uv))


def _lining(side: Patch) -> Patch:
    """The same wall from the inside."""
    inner = side.grid - normals(side.grid) * 0.0035
    return Patch("lining", field(inner[:, ::-1]), side.uv)


def _sole(sign: float) -> Shape:
    edge, low = _outline(COUNT, 0.0045), _outline(COUNT, 0.002)
    t = np.linspace(0, 1, 10)[:, None]
    toe = np.clip((edge[:, 0] - 0.24) / 0.05, 0, 1) ** 2 * 0.008
    x = edge[:, 0] * (1 - t) + low[:, 0] * t
    z = (edge[:, 1] * (1 - t) + low[:, 1] * t + 0.0012 * np.sin(np.pi * t)) * sign
    y = (_WELT + 0.002 + toe * 0.6) * (1 - t) + toe * t
    grid = np.stack([x - 0.146, y, z], -1)
    top_in = _outline(COUNT, -0.004)
    rows = np.linspace(0, 1, 5)[:, None]
    ledge = np.stack(
        [
            top_in[:, 0] * (1 - rows) + edge[:, 0] * rows - 0.146,
            np.broadcast_to(_WELT + 0.0025 + toe * 0.6, (5, COUNT)),
            (top_in[:, 1] * (1 - rows) + edge[:, 1] * rows) * sign,
        ],
        -1,
    )
    uv, flat = uv_grid(10, COUNT), uv_grid(5, COUNT, (0, 0, 1, 0.06))
    if sign < 0:
        grid, ledge, uv, flat = grid[:, ::-1], ledge[:, ::-1], uv[:, ::-1], flat[:, ::-1]
    return Patch("sole", field(grid), field(uv)), Patch("sole", field(ledge), field(flat))


def _tongue(last: Last) -> Shape:
    assert last.throat is not None
    first, end = last.throat
    knots = [(x, y - 0.003) for x, y, _ in last.rim[first : end + 2]]
    top_x, top_y = knots[0]
    line = curve([(top_x - 0.022, top_y + 0.030), (top_x - 0.012, top_y + 0.014), *knots], 40)
    width = np.interp(np.linspace(0, 1, 40), [0, 0.15, 0.3, 1.0], [0.019, 0.022, 0.019, 0.013])

    def place(s: Field, t: Field) -> tuple[Field, Field, Field]:
        i = t * 39
        x = np.interp(i, np.arange(40), line[:, 0])
        y = np.interp(i, np.arange(40), line[:, 1])
        w = np.interp(i, np.arange(40), width)
        across = (s - 0.5) * 2
        return field(x - 0.146), field(y - 0.010 * across**2), field(w * -across)

    return (sheet("tongue", place, 40, 16, two_sided=True),)


def _laces(last: Last, rows: int) -> Shape:
    assert last.throat is not None
    first, end = last.throat
    rim = curve(last.rim, COUNT)
    at = np.linspace(first + 0.15, end - 0.1, rows) * (COUNT - 1) / (len(last.rim) - 1)
    parts: list[Patch] = []
    for i in at.astype(int):
        x, y, z = (float(v) for v in rim[i])
        path = curve(
            [
                (x - 0.146, y - 0.003, -z - 0.004),
                (x - 0.145, y + 0.004, -z * 0.5),
                (x - 0.144, y + 0.0055, 0),
                (x - 0.145, y + 0.004, z * 0.5),
                (x - 0.146, y - 0.003, z + 0.004),
            ],
            20,
        )
        parts.append(tube("lace", path, 0.0032, 10, 0.5, up=(0.3, 1, 0)))
    x, y, _ = (float(v) for v in rim[at.astype(int)[0]])
    for sign in (-1.0, 1.0):
        loop = [
            (x - 0.146, y + 0.006, 0),
            (x - 0.138, y + 0.016, 0.016 * sign),
            (x - 0.124, y + 0.007, 0.034 * sign),
            (x - 0.128, y - 0.002, 0.030 * sign),
            (x - 0.142, y + 0.006, 0.002 * sign),
        ]
        parts.append(tube("lace", curve(loop, 30), 0.0026, 10, 0.6, up=(0.3, 1, 0)))
        tail = [(x - 0.146, y + 0.006, 0), (x - 0.152, y + 0.008, 0.018 * sign), (x - 0.146, y - 0.012, 0.036 * sign)]
        parts.append(tube("lace", curve(tail, 20), 0.0024, 10, 0.7, up=(0.3, 1, 0)))
    return tuple(parts)


@lru_cache(maxsize=8)
def _one(variant: str) -> Shape:
    last = LASTS[variant]
    near, far = _side(last, 1.0), _side(last, -1.0)
    bed = sheet("bed", lambda s, t: (0.02 + s * 0.20 - 0.146, field(np.full_like(s, 0.034)), (t - 0.5) * 0.06), 8, 8)
    rim = curve(last.rim[: (last.throat[0] + 1 if last.throat else 9)], 50)
    left = np.stack([rim[:, 0] - 0.146, rim[:, 1], rim[:, 2]], -1)
    right = left * field([1, 1, -1])
    collar = np.concatenate([left[::-1], right[1:]])
    shape: Shape = (
        near,
        far,
        _lining(near),
        _lining(far),
        bed,
        *_sole(1.0),
        *_sole(-1.0),
        tube("collar", field(collar), 0.0042, 12),
    )
    if last.throat:
        shape = (*shape, *_tongue(last), *_laces(last, 6 if variant == "trainer" else 7))
    return shape


@lru_cache(maxsize=8)
def _shape(variant: str, arrangement: str) -> Shape:
    one = _one(variant)
    if arrangement in ("pair", "home"):
        other = move(one, rotation(yaw=9), (-0.035, 0.0, -0.115))
        return (*one, *other)
    return one


def _upper(design: Design, way: Colourway) -> Pixels:
    """The upper unrolled: u from heel to toe, v from rim to sole. Drawn 4.2 times as wide as high."""
    size, aspect = 300, 4.2
    base = way.ground
    kind, _, detail = design.art.partition(" ")
    if kind in ("printed", "canvas"):
        art = detail or "stripe"
        tile = resize_pixels(draw_print(art, design.way), 240, 240)
        picture = np.tile(tile, (2, 6, 1))[:size, : round(size * aspect)].copy()
        return woven(picture, 96, 0.22)
    canvas = Canvas(base, size, aspect, wrap=False)
    deep, second, accent = way.inks[0], way.inks[1], way.inks[2]
    # Overlays: heel counter, eyestay, toe cap.
    canvas.blob([(-0.3, -0.2), (0.42, -0.1), (0.5, 0.3), (0.34, 0.62), (0.62, 1.1), (-0.3, 1.2)], deep)
    canvas.blob([(1.28, -0.2), (2.75, -0.2), (2.66, 0.12), (2.1, 0.34), (1.62, 0.42), (1.4, 0.2)], second)
    canvas.blob(
        [(3.45, -0.2), (4.6, -0.2), (4.6, 1.3), (2.9, 1.3), (3.2, 0.8), (3.5, 0.5)], deep if kind != "star" else second
    )
    stitch = blend(deep, way.dark, 0.5)
    for points in (
        [(0.4, -0.1), (0.48, 0.3), (0.32, 0.62), (0.6, 1.1)],
        [(1.4, 0.2), (1.62, 0.42), (2.1, 0.34), (2.66, 0.12)],
        [(3.45, 0.0), (3.5, 0.5), (3.2, 0.8), (2.9, 1.1)],
    ):
        canvas.stroke(points, stitch, 0.012)
    if kind == "bars":
        for k in range(3):
            x = 1.45 + 0.3 * k
            canvas.fill(
                put([(0, 0.42), (0.16, 0.42), (0.36, 1.02), (0.16, 1.02)], x, 0.0, 1.0), accent if k % 2 == 0 else deep
            )
    elif kind == "swoop":
        canvas.blob(
            [(0.75, 0.72), (1.3, 0.95), (2.1, 0.72), (2.95, 0.38), (2.2, 0.62), (1.4, 0.72), (0.95, 0.58)], accent
        )
    elif kind == "star":
        FIGURES["star"](canvas, 1.45, 0.62, 0.52, 0.1, way)
    elif kind == "zigzag":
        points = [(0.8 + 0.22 * k, 0.88 if k % 2 else 0.52) for k in range(9)]
        canvas.line(field(points), accent, 0.075)
    elif kind == "block":
        canvas.blob([(0.8, 0.35), (1.5, 0.42), (2.6, 0.55), (2.5, 1.2), (0.7, 1.2)], accent)
        canvas.stroke([(0.8, 0.35), (1.5, 0.42), (2.6, 0.55)], stitch, 0.012)
    picture = canvas.picture()
    write(
        picture, "STRIDD" if kind in ("bars", "zigzag", "block") else "PICO", (0.055, 0.3), 0.07, 0.11, base, weight=4
    )
    return woven(picture, 160, 0.10)


def _sole_texture(design: Design, way: Colourway) -> Pixels:
    white = (244, 242, 236)
    canvas = Canvas(white, 64, 8.0, wrap=False)
    canvas.box(0, 0.32, 8, 0.44, way.inks[0] if design.variant != "trainer" else white)
    canvas.box(0, 0.84, 8, 1.0, blend(way.inks[0], way.dark, 0.3) if design.variant == "trainer" else (216, 206, 186))
    for k in range(80):
        canvas.box(0.1 * k, 0.70, 0.1 * k + 0.05, 0.84, (224, 222, 214))
    if design.variant == "trainer":
        canvas.blob([(0.0, 0.1), (1.8, 0.16), (3.4, 0.62), (1.6, 0.66), (0.0, 0.6)], way.inks[2])
    return canvas.picture()


@lru_cache(maxsize=24)
def _surfaces(design: Design) -> Mapping[str, Surface]:
    way = COLOURWAYS[design.way]
    cloth = Material(sheen=0.2)
    leather = Material(shine=0.35, softness=0.8, sheen=0.1)
    pale = way.ground if sum(way.ground) > 420 else way.inks[0]
    trim = Surface(woven(plain(way.inks[0] if design.variant != "slip-on" else pale, 256), 48, 0.2), cloth, (6.0, 1.0))
    return {
        "upper": Surface(_upper(design, way), leather if design.variant == "trainer" else cloth),
        "lining": Surface(plain(blend(pale, (120, 116, 110), 0.35))),
        "bed": Surface(plain(blend(way.inks[1], (120, 116, 110), 0.4))),
        "sole": Surface(_sole_texture(design, way), Material(shine=0.4, softness=0.7)),
        "collar": trim,
        "tongue": Surface(
            woven(plain(way.inks[1] if sum(way.inks[1]) > 330 else pale, 256), 48, 0.25), cloth, (1.0, 2.0)
        ),
        "lace": Surface(woven(plain((246, 244, 238), 128), 24, 0.3), cloth, (4.0, 1.0)),
    }


def _title(design: Design) -> str:
    art = design.art.removeprefix("printed ").removeprefix("canvas ")
    return sentence(f"{design.variant}, {art}, {design.way}")


SHOES = Family(
    name="shoe",
    category="Fashion > Shoes",
    designs=combine(
        "shoe",
        (
            ("trainer", "bars, swoop, zigzag, block", "ink blue, coral"),
            ("high-top", "star, canvas tartan, canvas dot", "cherry, black and white"),
            ("slip-on", "printed checkerboard, printed glasshouse", "black and white, teal"),
        ),
    ),
    title=_title,
    shape=_shape,
    surfaces=_surfaces,
    views=(View(14, 14, 0.84), View(-38, 24, 0.84, "pair")),
    setting="floor",
    price=(25.0, 95.0),
    brand=lambda design: "Stridd" if design.art in ("bars", "zigzag", "block") else "Pico",
)
