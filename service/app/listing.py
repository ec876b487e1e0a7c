"""Published objects in order, newest first, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from index.errors import QueryInvalid
from index.generations.generations import Generation
from index.records.entries import Entry
from index.records.filters import folded


@dataclass(frozen=True)
class Wanted:
    """Which objects to list; empty means any. A kind takes in what lies below it, as a search's filters do."""

    authority: str = ""
    status: str = ""
    kind: str = ""
    country: str = ""
    region: str = ""
    series: str = ""

    def passes(self, entry: Entry) -> bool:
        fields = entry.fields
        exact = (
            (self.authority, (fields.authority,)),
            (self.status, (fields.status,)),
            (self.country, fields.several("country")),
            (self.region, (fields.region,)),
            (self.series, (fields.series,)),
        )
        return all(not asked or folded(asked) in map(folded, values) for asked, values in exact) and self._of_kind(
            folded(fields.category)
        )

    def _of_kind(self, kind: str) -> bool:
        asked = folded(self.kind)
        return not asked or kind == asked or kind.startswith((f"{asked}/", f"{asked} >"))


@dataclass(frozen=True)
class Page:
    """Objects of one page, how many there are on all pages, and where the next one begins."""

    objects: tuple[Entry, ...]
    total: int
    next: str | None


class ObjectListing:
    """Keeps the order of a generation's objects for as long as that generation is in use."""

    def __init__(self) -> None:
        self._ordered: WeakKeyDictionary[Generation, tuple[Entry, ...]] = WeakKeyDictionary()

    def page(self, generation: Generation, wanted: Wanted, limit: int, after: str | None) -> Page:
        """The objects that follow `after`; pages stay right while generations change, as the order is by date and id.

        Raises:
            QueryInvalid: `after` is not what an earlier page gave as `next`.
        """
        passing = [entry for entry in self.ordered(generation) if wanted.passes(entry)]
        before = None if after is None else _place_told(after)
        rest = [entry for entry in passing if before is None or _place(entry) < before]
        shown = tuple(rest[:limit])
        more = len(rest) > limit
        return Page(shown, len(passing), "{}~{}".format(*_place(shown[-1])) if more else None)

    def ordered(self, generation: Generation) -> tuple[Entry, ...]:
        """Every object, newest first."""
        ordered = self._ordered.get(generation)
        if ordered is None:
            ordered = tuple(sorted(generation.records.entries("objects"), key=_place, reverse=True))
            self._ordered[generation] = ordered
        return ordered


def _place(entry: Entry) -> tuple[str, int]:
    """Where an object stands: by its day of publication, those of one day by their number; undated ones are oldest."""
    return entry.fields.published, entry.id


def _place_told(text: str) -> tuple[str, int]:
    published, mark, number = text.rpartition("~")
    if not (mark and number.isascii() and number.isdigit() and len(number) < 19):
        raise QueryInvalid(f"after={text[:50]!r}: needs what an earlier page gave as `next`")
    return published, int(number)
