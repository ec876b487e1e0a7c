"""The families of the sample catalogue, by name."""

from __future__ import annotations

from sample.families.bags import BAGS
from sample.families.beanies import BEANIES
from sample.families.bottles import BOTTLES
from sample.families.boxes import BOXES
from sample.families.covers import CURTAINS, TEXTILES, WALLPAPERS
from sample.families.cushions import CUSHIONS
from sample.families.lamps import LAMPS
from sample.families.mugs import MUGS
from sample.families.plates import PLATES
from sample.families.shirts import SHIRTS
from sample.families.shoes import SHOES
from sample.families.tiles import TILES
from sample.families.toys import TOYS
from sample.family import Family

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
