"""The families of the sample catalogue, by name."""

from __future__ import annotations

from service.sample.families.boxes import BOXES
from service.sample.families.cushions import CUSHIONS
from service.sample.families.mugs import MUGS
from service.sample.families.tiles import TILES
from service.sample.family import Family

FAMILIES: dict[str, Family] = {family.name: family for family in (MUGS, BOXES, CUSHIONS, TILES)}
