"""Where and when things were sold, as pages show it: rows of a table, tiles of a map, bars of a timeline."""

from __future__ import annotations

from dataclasses import dataclass

from index.records.countries import country_name
from index.search.provenance import Clue, Distribution, Provenance
from service.rendering.language import Words
from service.rendering.tile_map import Tile, tiles

MAX_COUNTRIES = 8
MAX_CLUES = 12


@dataclass(frozen=True)
class CountryRow:
    """A country's name and probability, and the labels of the clues that speak for it."""

    code: str
    name: str
    probability: float
    clues: tuple[str, ...]


@dataclass(frozen=True)
class Bar:
    """When one clue's products were on sale: fractions of the timeline's width."""

    label: str
    first: int
    last: int
    start: float
    width: float
    weight: float


@dataclass(frozen=True)
class ProvenanceView:
    """`told` is the country's name, or empty; `on_map` whether the map has any country that is likely.

    `too_late`: label and first year of candidates that came on sale after the object was last seen.
    """

    told: str
    told_probability: float
    sold: tuple[CountryRow, ...]
    unknown: float
    made: tuple[CountryRow, ...]
    map: tuple[Tile, ...]
    on_map: bool
    bars: tuple[Bar, ...]
    on_sale_by: tuple[tuple[int, float], ...]
    too_late: tuple[tuple[str, int], ...]

    @property
    def any(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.sold or self.made or self.bars or self.on_sale_by or self.too_late)


def provenance_view(
    found: Provenance, clues: tuple[Clue, ...], t: Words, too_late: tuple[Clue, ...] = ()
) -> ProvenanceView:
    """The provenance that follows from clues, in the reader's language; `too_late` are those that do not count."""
    likely = dict(found.sold.values)
    drawn = tiles(likely)
    return ProvenanceView(
        told=country_name(found.sold.told, t.language) if found.sold.told else "",
        told_probability=found.sold.values[0][1] if found.sold.told else 0.0,
        sold=_rows(found.sold, clues, "countries", t),
        unknown=found.sold.unknown,
        made=_rows(found.made, clues, "made_in", t),
        map=drawn,
        on_map=any(tile.shade for tile in drawn),
        bars=_bars(clues),
        on_sale_by=tuple((year, share) for year, share in found.on_sale_by if share >= 0.01),
        too_late=tuple((clue.label, clue.years[0]) for clue in too_late if clue.years),
    )


def _rows(found: Distribution, clues: tuple[Clue, ...], places: str, t: Words) -> tuple[CountryRow, ...]:
    return tuple(
        CountryRow(
            place,
            country_name(place, t.language),
            share,
            tuple(dict.fromkeys(clue.label for clue in clues if place in getattr(clue, places)))[:3],
        )
        for place, share in found.values[:MAX_COUNTRIES]
        if share >= 0.01
    )


def _bars(clues: tuple[Clue, ...]) -> tuple[Bar, ...]:
    dated = [clue for clue in clues if clue.years][:MAX_CLUES]
    spans = [clue.years for clue in dated if clue.years]
    if not spans:
        return ()
    start, end = min(first for first, _ in spans), max(last for _, last in spans) + 1
    return tuple(
        Bar(clue.label, first, last, (first - start) / (end - start), (last + 1 - first) / (end - start), clue.weight)
        for clue, (first, last) in zip(dated, spans, strict=True)
    )
