"""The figures that prints are made of, by name. Each draws itself on a canvas at x, y.

A figure spans about -0.5..0.5 of its `scale` around its place; `turn` is in radians.
"""

from __future__ import annotations

from collections.abc import Callable

from sample import animals, plants, things
from sample.canvas import Canvas
from sample.palettes import Colourway

Figure = Callable[[Canvas, float, float, float, float, Colourway], None]

FIGURES: dict[str, Figure] = {
    "daisy": plants.daisy,
    "rose": plants.rose,
    "tulip": plants.tulip,
    "blossom": plants.blossom,
    "poppy": plants.poppy,
    "sprig": plants.sprig,
    "fern": plants.fern,
    "monstera": plants.monstera,
    "palm": plants.palm,
    "berry": plants.berries,
    "star": things.star,
    "heart": things.heart,
    "moon": things.moon,
    "cloud": things.cloud,
    "rainbow": things.rainbow,
    "fox": animals.fox,
    "cat": animals.cat,
    "bird": animals.bird,
    "whale": animals.whale,
    "fish": animals.fish,
    "rabbit": animals.rabbit,
    "dinosaur": animals.dinosaur,
    "bee": animals.bee,
    "boat": things.boat,
    "mushroom": things.mushroom,
    "lemon": plants.lemon,
    "cherry": plants.cherry,
}
