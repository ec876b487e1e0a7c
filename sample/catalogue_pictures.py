"""A product's studio pictures. Shots are kept while one family is worked through: its products share them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sample.camera import frame
from sample.families import FAMILIES
from sample.family import Design, Family
from sample.furs import grow
from sample.light import STUDIO
from sample.pixels import Pixels, field
from sample.render import Layer, Shot, develop, shoot
from sample.studio import OVERSAMPLE, on_white

SIDE = 520
"""Side of a studio picture in pixels."""


@lru_cache(maxsize=6)
def _shot(family_name: str, variant: str, view_index: int) -> Shot:
    family = FAMILIES[family_name]
    view = family.views[view_index]
    shape = family.shape(variant, view.arrangement)
    camera = frame(shape, view.yaw, view.pitch, round(SIDE * OVERSAMPLE), view.fill)
    cut = family.cut(variant) if family.cut else None
    return shoot(shape, camera, STUDIO, cut, family.grounded)


def studio_picture(family: Family, design: Design, view: int, rng: np.random.Generator) -> Pixels:
    """The product on white from one of its family's viewpoints, sRGB [520, 520, 3]."""
    shot = _shot(family.name, design.variant, view)
    layer = develop(shot, family.surfaces(design))
    if family.fur:
        coated = grow(np.dstack([layer.light, layer.alpha]), shot, family.fur, rng)
        layer = Layer(field(coated[..., :3]), field(coated[..., 3]))
    return on_white(layer, shot.floor, SIDE, rng)
