"""A map of the world as tiles: each country is one square near its place, so that small ones are seen as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

# Rows from north to south, columns from west to east; two dots are no country.
_GRID = """
.. .. .. .. .. .. GL .. IS .. NO SE FI .. .. RU .. .. .. .. .. .. ..
CA .. .. .. .. .. .. IE GB .. DK .. EE LV .. .. .. .. .. .. .. .. ..
US .. .. .. .. .. .. .. NL DE PL LT BY UA .. KZ .. MN .. .. .. .. ..
MX .. BS .. .. .. .. BE LU CZ SK HU MD RO GE UZ KG .. KP .. JP .. ..
GT BZ CU HT DO PR .. FR CH LI AT SI RS BG AM TM TJ CN KR .. .. .. ..
SV HN JM KN AG DM .. MC AD SM HR BA XK MK AZ AF PK NP BT .. .. .. ..
NI CR LC BB VC GD PT ES IT VA ME AL GR TR IR IN BD MM LA VN TW .. ..
PA CO VE TT .. .. .. MT .. .. .. CY LB SY IQ KW .. TH KH HK MO .. ..
EC PE GY SR .. CV MA DZ TN LY EG PS IL JO SA BH LK MV MY SG PH PW MH
.. BO BR .. .. MR ML NE TD SD .. .. .. YE OM QA AE .. BN ID TL FM NR
.. PY UY .. SN GM BF NG CM SS ER DJ .. .. .. .. .. .. .. PG SB TV KI
.. CL AR .. GW GN CI GH CF ET SO .. .. .. .. .. .. .. .. .. VU FJ WS
.. .. .. .. SL LR TG BJ CD UG KE SC .. .. .. .. .. .. .. AU NC TO ..
.. .. .. .. .. ST GQ GA CG RW TZ KM .. .. .. .. .. .. .. .. NZ .. ..
.. .. .. .. .. .. .. AO ZM BI MW MG MU .. .. .. .. .. .. .. .. .. ..
.. .. .. .. .. .. .. NA BW ZW MZ .. .. .. .. .. .. .. .. .. .. .. ..
.. .. .. .. .. .. .. .. ZA LS SZ .. .. .. .. .. .. .. .. .. .. .. ..
"""
# The shades of a tile: from which probability on, darkest first.
SHADES = (0.5, 0.2, 0.05, 0.0)


@dataclass(frozen=True)
class Tile:
    """One country: its column and row from 0, its probability, and its shade, 1 to 4, 0 where nothing speaks for it."""

    code: str
    column: int
    row: int
    probability: float
    shade: int


@cache
def places() -> Mapping[str, tuple[int, int]]:
    """The column and row of each country on the map."""
    rows = [line.split() for line in _GRID.strip().splitlines()]
    return {code: (column, row) for row, line in enumerate(rows) for column, code in enumerate(line) if code != ".."}


def size() -> tuple[int, int]:
    """Columns and rows of the map."""
    rows = _GRID.strip().splitlines()
    return len(rows[0].split()), len(rows)


def tiles(probabilities: Mapping[str, float]) -> tuple[Tile, ...]:
    """Every country of the map with its probability."""
    return tuple(
        Tile(code, column, row, probabilities.get(code, 0.0), _shade(probabilities.get(code, 0.0)))
        for code, (column, row) in places().items()
    )


def _shade(probability: float) -> int:
    if probability <= 0:
        return 0
    return len(SHADES) - next(place for place, least in enumerate(SHADES) if probability >= least)
