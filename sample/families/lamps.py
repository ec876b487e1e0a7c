"""Table lamps: a turned base and a printed shade with light inside."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from sample.family import Design, Family, View, combine, repeats, sentence
from sample.materials import wood, woven
from sample.mesh import Shape, curve, revolve
from sample.palettes import COLOURWAYS, colour, plain
from sample.patterns import draw_print
from sample.render import Material, Surface

_BASES: dict[str, list[tuple[float, float]]] = {
    "gourd lamp": [
        (0.012, 0.255),
        (0.016, 0.245),
        (0.030, 0.225),
        (0.040, 0.195),
        (0.034, 0.165),
        (0.045, 0.140),
        (0.072, 0.095),
        (0.076, 0.060),
        (0.060, 0.020),
        (0.048, 0.006),
        (0.046, 0.0),
    ],
    "column lamp": [
        (0.010, 0.265),
        (0.013, 0.255),
        (0.013, 0.235),
        (0.022, 0.228),
        (0.016, 0.218),
        (0.022, 0.140),
        (0.026, 0.060),
        (0.022, 0.046),
        (0.040, 0.036),
        (0.062, 0.022),
        (0.070, 0.010),
        (0.070, 0.0),
    ],
    "ball lamp": [
        (0.012, 0.215),
        (0.014, 0.205),
        (0.028, 0.198),
        (0.068, 0.165),
        (0.084, 0.115),
        (0.076, 0.062),
        (0.046, 0.022),
        (0.052, 0.010),
        (0.052, 0.0),
    ],
}
_SHADES: dict[str, tuple[float, float, float]] = {
    # Radius above, radius below, height.
    "gourd lamp": (0.085, 0.145, 0.165),
    "column lamp": (0.125, 0.125, 0.170),
    "ball lamp": (0.110, 0.140, 0.140),
}


@lru_cache(maxsize=8)
def _shape(variant: str, _: str) -> Shape:
    base = curve(_BASES[variant], 90)
    above, below, height = _SHADES[variant]
    low = _BASES[variant][0][1] + 0.012
    top = low + height
    outer = curve([(above, top), ((above + below) / 2, (top + low) / 2), (below, low)], 24)
    inner = curve([(below - 0.002, low), ((above + below) / 2 - 0.002, (top + low) / 2), (above - 0.002, top)], 24)
    bands = [
        revolve("trim", curve([(r + 0.0012, y + 0.004), (r + 0.0016, y), (r + 0.0012, y - 0.004)], 5), 72)
        for r, y in ((above, top - 0.004), (below, low + 0.004))
    ]
    stem = revolve("metal", curve([(0.006, top - 0.01), (0.006, low - 0.012), (0.012, low - 0.014)], 12), 24)
    bulb = revolve(
        "bulb",
        curve(
            [
                (0.004, low + height * 0.72),
                (0.026, low + height * 0.6),
                (0.03, low + height * 0.45),
                (0.014, low + height * 0.22),
            ],
            20,
        ),
        30,
    )
    return (revolve("base", base, 72), revolve("shade", outer, 80), revolve("inside", inner, 80), stem, bulb, *bands)


@lru_cache(maxsize=24)
def _surfaces(design: Design) -> Mapping[str, Surface]:
    way = COLOURWAYS[design.way]
    above, below, height = _SHADES[design.variant]
    shade = woven(draw_print(design.art, design.way), 128, 0.14)
    if design.variant == "column lamp":
        base = Surface(wood(colour("#a8744a"), colour("#5a3419"), 1), Material(shine=0.9, softness=0.35), (1.0, 1.0))
    else:
        base = Surface(plain(way.inks[0] if sum(way.ground) > 500 else way.inks[1]), Material(shine=1.3, softness=0.1))
    return {
        "base": base,
        "shade": Surface(shade, Material(glow=0.62, sheen=0.1), repeats(6.28 * (above + below) / 2, height, 0.15)),
        "inside": Surface(plain((250, 238, 214)), Material(glow=0.9)),
        "trim": Surface(plain(way.inks[0] if sum(way.ground) > 500 else way.dark), Material(sheen=0.2)),
        "metal": Surface(plain((196, 164, 104)), Material(shine=3.0, softness=0.3, metal=0.8)),
        "bulb": Surface(plain((255, 246, 224)), Material(glow=1.4)),
    }


def _title(design: Design) -> str:
    return sentence(f"{design.variant} with {design.art} shade, {design.way}")


LAMPS = Family(
    name="lamp",
    category="Home > Lamps",
    designs=combine(
        "lamp",
        (
            ("gourd lamp", "blossom branch, damask, houndstooth", "sage, blush"),
            ("column lamp", "stripe, trellis, herringbone", "ink blue, terracotta"),
            ("ball lamp", "ditsy, wave", "teal, mustard"),
        ),
    ),
    title=_title,
    shape=_shape,
    surfaces=_surfaces,
    views=(View(0, 4, 0.84), View(12, 22, 0.84)),
    setting="table",
    price=(24.0, 89.0),
)
