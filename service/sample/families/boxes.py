"""Printed boxes: tea, biscuits, soap, games. Six printed faces on a real box."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from service.sample.canvas import Canvas
from service.sample.family import Design, Family, View, combine
from service.sample.lettering import write
from service.sample.mesh import Shape, block, move, rotation
from service.sample.motifs import FIGURES
from service.sample.noise import grain
from service.sample.palettes import COLOURWAYS, Colour, Colourway, blend
from service.sample.patterns import draw_print
from service.sample.pixels import Pixels, codes, resize_pixels
from service.sample.render import Material, Surface

SIZES: dict[str, tuple[float, float, float]] = {
    "tea": (0.125, 0.085, 0.070),
    "cereal": (0.190, 0.285, 0.062),
    "biscuits": (0.210, 0.150, 0.052),
    "soap": (0.100, 0.066, 0.040),
    "puzzle": (0.320, 0.235, 0.055),
    "pasta": (0.095, 0.190, 0.048),
}
"""Width, height and depth, metres."""


@dataclass(frozen=True)
class Line:
    """One branded line: what the front says and shows."""

    brand: str
    name: str
    claim: str
    weight: str
    figure: str
    pattern: str
    layout: str


LINES: dict[str, Line] = {
    "earl of harrow": Line("HARROWFIELD", "Earl Grey", "black tea · bergamot", "50 bags", "lemon", "ticking", "badge"),
    "meadow infusion": Line("HARROWFIELD", "Meadow", "herbal infusion", "40 bags", "daisy", "ditsy", "badge"),
    "crispy stars": Line("KORN & KO", "Crispy Stars", "wholegrain cereal", "375 g", "star", "confetti", "burst"),
    "fox flakes": Line("KORN & KO", "Fox Flakes", "toasted oats", "500 g", "fox", "wave", "burst"),
    "whale pops": Line("KORN & KO", "Whale Pops", "puffed rice", "375 g", "whale", "scallop", "burst"),
    "lemon thins": Line("Biscuiterie Lou", "Lemon Thins", "crisp biscuits", "180 g", "lemon", "gingham", "band"),
    "cherry hearts": Line("Biscuiterie Lou", "Cherry Hearts", "shortbread", "200 g", "cherry", "stripe", "band"),
    "rose soap": Line("Savona", "Rose", "soap · 100 % vegetable", "2 x 90 g", "rose", "trellis", "label"),
    "fern soap": Line("Savona", "Fern", "soap · 100 % vegetable", "2 x 90 g", "fern", "fern", "label"),
    "harbour puzzle": Line("Puzzelaar", "Harbour", "500 pieces", "8+", "boat", "wave", "band"),
    "dino puzzle": Line("Puzzelaar", "Dino Valley", "200 pieces", "6+", "dinosaur", "glasshouse", "band"),
    "farfalle": Line("Molino Tre", "Farfalle", "durum wheat pasta", "500 g", "bee", "herringbone", "window"),
    "conchiglie": Line("Molino Tre", "Conchiglie", "durum wheat pasta", "500 g", "mushroom", "checkerboard", "window"),
}


@lru_cache(maxsize=8)
def _shape(variant: str, _: str) -> Shape:
    w, h, d = SIZES[variant]
    shape = block(("front", "right", "back", "left", "top", "bottom"), (-w / 2, 0, -d / 2), (w / 2, h, d / 2), 16)
    return move(shape, rotation(yaw=0))


def _on(tone: Colour) -> Colour:
    """Ink that reads on a colour."""
    return (250, 248, 240) if sum(tone) < 430 else (34, 34, 38)


def _front(line: Line, way: Colourway, aspect: float) -> Pixels:
    """The main face at 420 pixels high."""
    height = 420
    main, second = way.inks[0], way.inks[2]
    pattern = resize_pixels(draw_print(line.pattern, way.name), 260, 260)
    base = Canvas(main, height, aspect, wrap=False).picture()
    tiled = np.tile(pattern, (2, base.shape[1] // 260 + 1, 1))[: base.shape[0], : base.shape[1]]
    light = Colourway("", way.ground if sum(way.ground) > 500 else way.inks[1], way.dark, way.inks)
    paper = light.ground
    if line.layout == "badge":
        base = tiled.copy()
        art = Canvas(main, height, aspect, wrap=False)
        art.disc(aspect / 2, 0.5, 0.41, paper)
        art.disc(aspect / 2, 0.5, 0.385, main)
        art.disc(aspect / 2, 0.5, 0.375, paper)
        FIGURES[line.figure](art, aspect / 2, 0.34, 0.22, 0.0, way)
        over = art.picture()
        y, x = np.mgrid[:height, : base.shape[1]] / height
        inside = np.hypot(x - aspect / 2, y - 0.5) < 0.41
        base[inside] = over[inside]
        write(base, line.name, (0.5, 0.575), 0.42 / aspect * 1.25, 0.14, way.dark, weight=4)
        write(
            base,
            line.claim,
            (0.5, 0.69),
            0.36 / aspect * 1.3,
            0.05,
            main if sum(main) < 480 else way.dark,
            tracking=0.05,
        )
        write(base, line.brand, (0.5, 0.80), 0.26 / aspect, 0.045, way.dark, weight=2, tracking=0.2)
    elif line.layout == "burst":
        art = Canvas(main, height, aspect, wrap=False)
        rays = 28
        for k in range(rays):
            a, b = 2 * np.pi * k / rays, 2 * np.pi * (k + 0.5) / rays
            cx, cy = aspect / 2, 0.62
            art.fill(
                np.array(
                    [(cx, cy), (cx + 2 * np.cos(a), cy + 2 * np.sin(a)), (cx + 2 * np.cos(b), cy + 2 * np.sin(b))],
                    np.float32,
                ),
                blend(main, paper, 0.22),
            )
        art.disc(aspect / 2, 0.64, 0.255, paper)
        FIGURES[line.figure](
            art,
            aspect / 2,
            0.62,
            0.40,
            0.0,
            Colourway("", paper, way.dark, (second, way.inks[1], way.inks[3], way.inks[0])),
        )
        art.fill(np.array([(0, 0.90), (aspect, 0.84), (aspect, 1), (0, 1)], np.float32), way.dark)
        base = art.picture()
        first, *rest = line.name.split(" ")
        write(base, first, (0.5, 0.185), 0.84, 0.12, _on(main), weight=9)
        write(base, " ".join(rest), (0.5, 0.32), 0.7, 0.11, _on(main), weight=9)
        write(base, line.brand, (0.5, 0.065), 0.5, 0.04, _on(main), weight=3, tracking=0.15)
        write(base, line.claim, (0.36, 0.945), 0.5, 0.04, (250, 248, 240), weight=1)
        write(base, line.weight, (0.84, 0.93), 0.18, 0.035, (250, 248, 240), weight=1)
    elif line.layout == "band":
        base = tiled.copy()
        art = Canvas(main, height, aspect, wrap=False)
        art.box(0, 0, aspect, 0.035, second)
        for k in range(5):
            turn = (k - 2) * 0.18
            FIGURES[line.figure](
                art,
                aspect * (0.14 + 0.18 * k),
                0.46 + 0.03 * (k % 2),
                0.27,
                turn,
                Colourway("", main, way.dark, (way.inks[1], paper, way.inks[2], way.inks[3])),
            )
        over = art.picture()
        low, high = int(0.22 * height), int(0.88 * height)
        base[low:high] = over[: high - low]
        write(base, line.name, (0.5, 0.33), 0.8, 0.13, _on(main), weight=6, narrow=0.92)
        write(base, line.claim, (0.28, 0.82), 0.4, 0.05, _on(main), weight=1)
        write(base, line.weight, (0.86, 0.82), 0.18, 0.05, _on(main), weight=2)
        plate_h, plate_w = int(0.12 * height), int(0.42 * base.shape[1])
        x0 = (base.shape[1] - plate_w) // 2
        base[int(0.05 * height) : int(0.05 * height) + plate_h, x0 : x0 + plate_w] = way.dark
        write(base, line.brand, (0.5, 0.11), 0.36, 0.055, (250, 248, 240), weight=2, tracking=0.08)
    elif line.layout == "label":
        base = tiled.copy()
        art = Canvas(paper, height, aspect, wrap=False)
        art.line(
            np.array([(0.33, 0.17), (aspect - 0.33, 0.17), (aspect - 0.33, 0.83), (0.33, 0.83)], np.float32),
            main,
            0.012,
            closed=True,
        )
        FIGURES[line.figure](art, aspect / 2, 0.68, 0.2, 0.0, way)
        over = art.picture()
        y0, y1, x0, x1 = int(0.14 * height), int(0.86 * height), int(0.3 * height), int((aspect - 0.3) * height)
        base[y0:y1, x0:x1] = over[y0:y1, x0:x1]
        write(base, line.brand, (0.5, 0.26), 0.34, 0.06, main if sum(main) < 480 else way.dark, weight=2, tracking=0.25)
        write(base, line.name, (0.5, 0.42), 0.4, 0.15, way.dark, weight=5)
        write(base, line.claim, (0.5, 0.54), 0.36, 0.04, way.dark)
    else:
        art = Canvas(main, height, aspect, wrap=False)
        art.box(0, 0.0, aspect, 0.30, way.dark)
        art.box(0, 0.30, aspect, 0.315, way.inks[2])
        art.box(aspect * 0.16, 0.46, aspect * 0.84, 0.84, paper)
        base = art.picture()
        y0, y1, x0, x1 = (
            int(0.475 * height),
            int(0.825 * height),
            int(0.185 * base.shape[1]),
            int(0.815 * base.shape[1]),
        )
        pile = resize_pixels(draw_print("brush mark", "mustard"), 180, 180)
        base[y0:y1, x0:x1] = np.tile(pile, (3, 3, 1))[: y1 - y0, : x1 - x0]
        write(
            base,
            line.brand,
            (0.5, 0.10),
            0.7,
            0.05,
            way.inks[1] if sum(way.inks[1]) > 420 else (250, 248, 240),
            weight=3,
            tracking=0.12,
        )
        write(base, line.name, (0.5, 0.215), 0.82, 0.10, (250, 248, 240), weight=5)
        write(base, line.claim, (0.5, 0.385), 0.74, 0.04, _on(main), weight=1)
        write(base, line.weight, (0.5, 0.915), 0.3, 0.04, _on(main), weight=2)
    return base


def _side(line: Line, way: Colourway, aspect: float) -> Pixels:
    """A narrow face: a colour, a table of small print, a barcode."""
    height = 420
    main = way.inks[0]
    base = Canvas(blend(main, way.dark, 0.12), height, aspect, wrap=False).picture()
    ink = _on(main)
    turned = np.rot90(base).copy()
    write(turned, line.name, (0.40, 0.5), 0.62, 0.4, ink, weight=4)
    base = np.rot90(turned, -1).copy()
    rng = np.random.default_rng(len(line.name))
    w = base.shape[1]
    y0, y1 = int(0.80 * height), int(0.95 * height)
    base[y0 - 6 : y1 + 6, int(0.1 * w) : int(0.9 * w)] = (248, 248, 246)
    x = int(0.15 * w)
    while x < int(0.85 * w) - 3:
        bar = int(rng.integers(1, 4))
        base[y0:y1, x : x + bar] = (20, 20, 20)
        x += bar + int(rng.integers(1, 4))
    return base


def _plain_face(tone: Colour, line: Line, aspect: float) -> Pixels:
    base = Canvas(tone, 200, max(aspect, 0.3), wrap=False).picture()
    write(base, line.brand, (0.5, 0.5), 0.6, 0.3, _on(tone), weight=2, tracking=0.1)
    return base


def _worn(face: Pixels) -> Pixels:
    """Board is never quite even, and pale where it is folded."""
    h, w = face.shape[:2]
    rng = np.random.default_rng(3)
    out = face.astype(np.float32) * (1 + 0.008 * grain(h, w, rng))[..., None]
    edge = np.minimum.outer(np.minimum(np.arange(h), np.arange(h)[::-1]), np.full(w, 10**6))
    edge = np.minimum(edge, np.minimum(np.arange(w), np.arange(w)[::-1])[None, :])
    pale = np.clip(1 - edge / 2.5, 0, 1)[..., None] * 0.5
    return codes(out + (245 - out) * pale)


@lru_cache(maxsize=40)
def _faces(design: Design) -> dict[str, Surface]:
    line, way = LINES[design.art], COLOURWAYS[design.way]
    w, h, d = SIZES[design.variant]
    board = Material(shine=0.5, softness=0.45)
    front = _front(line, way, w / h)
    faces = {
        "front": front,
        "back": front,
        "right": _side(line, way, d / h),
        "left": _side(line, way, d / h),
        "top": _plain_face(way.dark, line, w / d),
        "bottom": _plain_face(way.dark, line, w / d),
    }
    return {slot: Surface(_worn(face), board) for slot, face in faces.items()}


def _title(design: Design) -> str:
    line = LINES[design.art]
    return f"{line.name}, {line.claim}, {line.weight} ({design.way} pack)"


def _brand(design: Design) -> str:
    return LINES[design.art].brand.title() if LINES[design.art].brand.isupper() else LINES[design.art].brand


BOXES = Family(
    name="box",
    category="Grocery & games > Boxes",
    designs=combine(
        "box",
        (
            ("tea", "earl of harrow, meadow infusion", "ink blue, blush"),
            ("cereal", "crispy stars, fox flakes, whale pops", "coral, sky"),
            ("biscuits", "lemon thins, cherry hearts", "mint, cherry"),
            ("soap", "rose soap, fern soap", "sage, lilac"),
            ("puzzle", "harbour puzzle, dino puzzle", "teal, terracotta"),
            ("pasta", "farfalle, conchiglie", "denim"),
        ),
    ),
    title=_title,
    shape=_shape,
    surfaces=_faces,
    views=(View(-30, 16), View(34, 20)),
    setting="table",
    price=(2.5, 22.0),
    brand=_brand,
)
