"""Published objects in order, newest first, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from index.errors import QueryInvalid
from index.generations.generations import Generation
from index.records.entries import Entry
from index.records.filters import folded
from service.app.settled import SettledObjects


@dataclass(frozen=True)
class ObjectFilter:
    """Which objects to list; an empty value matches any. A kind matches its subkinds too ("toy" also "toy/plush")."""

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
        return all(not wanted or folded(wanted) in map(folded, values) for wanted, values in exact) and self._of_kind(
            folded(fields.category)
        )

    def _of_kind(self, kind: str) -> bool:
        wanted = folded(self.kind)
        return not wanted or kind == wanted or kind.startswith((f"{wanted}/", f"{wanted} >"))


@dataclass(frozen=True)
class ListingPage:
    """Objects of one page, how many there are on all pages, and the cursor of the next page (None on the last)."""

    objects: tuple[Entry, ...]
    total: int
    next: str | None


class ObjectListing:
    """Lists a generation's objects as they are now, and caches their order for as long as that generation is open."""

    def __init__(self, settled: SettledObjects) -> None:
        self._settled = settled
        self._ordered: WeakKeyDictionary[Generation, tuple[int, tuple[Entry, ...]]] = WeakKeyDictionary()

    def page(self, generation: Generation, object_filter: ObjectFilter, limit: int, after: str | None) -> ListingPage:
        """The objects that follow the cursor `after`, which stays valid in later generations: the order is by date, id.

        Raises:
            QueryInvalid: `after` is not what an earlier page gave as `next`.
        """
        passing = [entry for entry in self.ordered(generation) if object_filter.passes(entry)]
        cursor = None if after is None else _parse_cursor(after)
        rest = [entry for entry in passing if cursor is None or _sort_key(entry) < cursor]
        listed = tuple(rest[:limit])
        more = len(rest) > limit
        return ListingPage(listed, len(passing), "{}~{}".format(*_sort_key(listed[-1])) if more else None)

    def ordered(self, generation: Generation) -> tuple[Entry, ...]:
        """Every object, newest first."""
        version, ordered = self._ordered.get(generation, (-1, ()))
        # Read before the objects are: a change meanwhile is seen by the next call.
        if version != (now := self._settled.version):
            current = map(self._settled.current, generation.records.entries("objects"))
            ordered = tuple(sorted(current, key=_sort_key, reverse=True))
            self._ordered[generation] = now, ordered
        return ordered


def _sort_key(entry: Entry) -> tuple[str, int]:
    """Day of publication, then the entry's number; undated objects sort as the oldest."""
    return entry.fields.published, entry.id


def _parse_cursor(text: str) -> tuple[str, int]:
    published, mark, number = text.rpartition("~")
    if not (mark and number.isascii() and number.isdigit() and len(number) < 19):
        raise QueryInvalid(f"after={text[:50]!r}: needs what an earlier page gave as `next`")
    return published, int(number)
