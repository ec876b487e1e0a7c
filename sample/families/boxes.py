"""Printed boxes: tea, biscuits, soap, games. Six printed faces on a real box."""

from __future__ import annotations

from functools import lru_cache

from sample import packaging
from sample.family import Design, Family, View, combine
from sample.mesh import Shape, block
from sample.packaging import Line
from sample.palettes import COLOURWAYS
from sample.render import Material, Surface

SIZES: dict[str, tuple[float, float, float]] = {
    "tea": (0.125, 0.085, 0.070),
    "cereal": (0.190, 0.285, 0.062),
    "biscuits": (0.210, 0.150, 0.052),
    "soap": (0.100, 0.066, 0.040),
    "puzzle": (0.320, 0.235, 0.055),
    "pasta": (0.095, 0.190, 0.048),
}
"""Width, height and depth, metres."""


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
    slots = ("front", "right", "back", "left", "top", "bottom")
    return block(slots, (-w / 2, 0, -d / 2), (w / 2, h, d / 2), 16)


@lru_cache(maxsize=40)
def _faces(design: Design) -> dict[str, Surface]:
    line, way = LINES[design.art], COLOURWAYS[design.way]
    w, h, d = SIZES[design.variant]
    board = Material(shine=0.5, softness=0.45)
    wide = packaging.front(line, way, w / h)
    narrow, flat = packaging.side(line, way, d / h), packaging.lid(line, way, w / d)
    faces = {"front": wide, "back": wide, "right": narrow, "left": narrow, "top": flat, "bottom": flat}
    return {slot: Surface(packaging.worn(face), board) for slot, face in faces.items()}


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
