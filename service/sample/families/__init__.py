"""The families of the sample catalogue, by name."""

from __future__ import annotations

from service.sample.families.bags import BAGS
from service.sample.families.beanies import BEANIES
from service.sample.families.bottles import BOTTLES
from service.sample.families.boxes import BOXES
from service.sample.families.covers import CURTAINS, TEXTILES, WALLPAPERS
from service.sample.families.cushions import CUSHIONS
from service.sample.families.lamps import LAMPS
from service.sample.families.mugs import MUGS
from service.sample.families.plates import PLATES
from service.sample.families.shirts import SHIRTS
from service.sample.families.shoes import SHOES
from service.sample.families.tiles import TILES
from service.sample.families.toys import TOYS
from service.sample.family import Family

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        TOYS,
        MUGS,
        SHOES,
        BOXES,
        CUSHIONS,
        BAGS,
        TILES,
        LAMPS,
        SHIRTS,
        WALLPAPERS,
        PLATES,
        TEXTILES,
        BOTTLES,
        CURTAINS,
        BEANIES,
    )
}
