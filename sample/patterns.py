"""All prints by name, and the one way to have them drawn."""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np

from sample import florals, geometrics, tossed
from sample.palettes import COLOURWAYS
from sample.pixels import Pixels
from sample.tossed import Print

PRINTS: dict[str, Print] = {
    "meadow": florals.meadow,
    "ditsy": florals.ditsy,
    "cabbage rose": florals.roses,
    "blossom branch": florals.blossom_branch,
    "damask": florals.damask,
    "acanthus": florals.acanthus,
    "glasshouse": florals.botanical,
    "fern": florals.ferns,
    "tulip": florals.tulips,
    "stripe": geometrics.stripes,
    "ticking": geometrics.ticking,
    "awning": geometrics.awning,
    "gingham": geometrics.gingham,
    "tartan": geometrics.tartan,
    "houndstooth": geometrics.houndstooth,
    "herringbone": geometrics.herringbone,
    "dot": geometrics.dots,
    "confetti": geometrics.confetti,
    "terrazzo": geometrics.terrazzo,
    "triangle": geometrics.triangles,
    "zigzag": geometrics.chevron,
    "scallop": geometrics.scallop,
    "honeycomb": geometrics.hexagons,
    "trellis": geometrics.trellis,
    "argyle": geometrics.harlequin,
    "atomic": geometrics.atomic,
    "wave": geometrics.waves,
    "ikat": geometrics.ikat,
    "windowpane": geometrics.grid,
    "checkerboard": geometrics.checkerboard,
    "brush mark": geometrics.brush,
    "nordic": geometrics.nordic,
    "night sky": tossed.night_sky,
    "aquarium": tossed.aquarium,
    "fox": tossed.tossed("fox", "sprig"),
    "cat": tossed.tossed("cat"),
    "songbird": tossed.tossed("bird", "sprig"),
    "whale": tossed.tossed("whale"),
    "rabbit": tossed.tossed("rabbit", "star"),
    "dinosaur": tossed.tossed("dinosaur"),
    "bee": tossed.tossed("bee", "sprig"),
    "boat": tossed.tossed("boat"),
    "toadstool": tossed.tossed("mushroom", "star"),
    "lemon": tossed.tossed("lemon"),
    "cherry": tossed.dense("cherry"),
    "rainbow": tossed.tossed("rainbow", "star"),
    "heart": tossed.dense("heart"),
    "star": tossed.dense("star"),
    "daisy": tossed.dense("daisy"),
    "poppy": tossed.tossed("poppy", "sprig"),
}


@lru_cache(maxsize=96)
def draw_print(name: str, colourway: str, seed: int = 0, size: int = 512) -> Pixels:
    """The repeating tile of a print in a colourway, sRGB [size, size, 3]. Colourways share one drawing."""
    # crc32, not hash(): the same in every process.
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return PRINTS[name](COLOURWAYS[colourway], rng, size)
