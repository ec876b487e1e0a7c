"""What the pages that list objects are asked for in their address, and what they offer to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from index.records.entries import Entry
from service.app.listing import ObjectFilter

STATUSES = ("open", "identified", "closed")
ANY_STATUS = "any"

Word = Annotated[str, Query(max_length=200)]


async def object_filter(
    authority: Word = "",
    kind: Word = "",
    country: Word = "",
    region: Word = "",
    series: Word = "",
    status: Word = "open",
) -> ObjectFilter:
    """The filter that an address asks for: open objects where it names no status. Async, as it needs no thread."""
    return ObjectFilter(authority, "" if status == ANY_STATUS else status, kind, country, region, series)


ObjectFilterDep = Annotated[ObjectFilter, Depends(object_filter)]


@dataclass(frozen=True)
class Choices:
    """The options of the filters: every value that an object has."""

    authorities: tuple[str, ...]
    kinds: tuple[str, ...]
    countries: tuple[str, ...]
    regions: tuple[str, ...]

    @classmethod
    def of(cls, objects: Iterable[Entry]) -> Choices:
        fields = [entry.fields for entry in objects]

        def distinct(values: Iterable[str]) -> tuple[str, ...]:
            return tuple(sorted({value for value in values if value}, key=str.casefold))

        return cls(
            distinct(field.authority for field in fields),
            distinct(field.category for field in fields),
            distinct(country for field in fields for country in field.several("country")),
            distinct(field.region for field in fields),
        )
