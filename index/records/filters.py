"""Filters: which entries may be candidates of a search."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from index.errors import FilterInvalid
from index.records.entries import SEVERAL, Entry, split_values
from index.records.gtin import normal_gtin

FACETS = (
    *("brand", "retailer", "country", "source", "status", "authority", "category"),
    *("gtin", "made_in", "variant_group", "licence", "series", "region"),
)
_DATE_KEYS = ("seen_before", "seen_after")
KEYS = (*FACETS, *_DATE_KEYS)
# What stands between a category and its subcategory.
CATEGORY_MARKS = ("/", " >")


@dataclass(frozen=True)
class Filter:
    """One KEY=VALUE. Several of one key mean any of them, of several keys all of them.

    Text compares without regard to case. An entry with several brands, countries or GTINs passes by any of them. A
    category includes its subcategories ("Bags" allows "Bags/Backpacks" and "Bags > Backpacks"). A GTIN may be written
    with or without leading zeros. `seen_before` keeps what was on sale before that day, `seen_after` what still was
    after it; entries of unknown days are kept.

    Raises:
        FilterInvalid: there is no such key, a day is not a date, or a GTIN is none.
    """

    key: str
    value: str

    def __post_init__(self) -> None:
        if self.key not in KEYS:
            raise FilterInvalid(f"no filter is called {self.key!r}; there are {', '.join(KEYS)}")
        if self.key in _DATE_KEYS:
            try:
                date.fromisoformat(self.value)
            except ValueError as error:
                raise FilterInvalid(f"{self.key}={self.value}: needs a day such as 2019-06-01") from error
        if self.key == "gtin":
            for value in self.values:
                try:
                    normal_gtin(value)
                except ValueError as error:
                    raise FilterInvalid(f"gtin={value}: is no GTIN or EAN: {error}") from error

    @property
    def values(self) -> tuple[str, ...]:
        """What it allows: several of a field that may have several, as an answer gives them ("Luma | Nova")."""
        return (split_values(self.value) if self.key in SEVERAL else ()) or (self.value,)

    @classmethod
    def parse(cls, text: str) -> Filter:
        """Read "KEY=VALUE"."""
        key, equals, value = text.partition("=")
        if not equals or not value:
            raise FilterInvalid(f"filter {text!r}: needs KEY=VALUE, for example brand=Luma")
        return cls(key.strip(), value.strip())


def where(filters: Sequence[Filter]) -> tuple[str, list[str]]:
    """The filters as an SQL condition over a generation's entries, and its values."""
    clauses: list[str] = []
    values: list[str] = []
    for key, group in groupby(sorted(filters, key=lambda item: item.key), key=lambda item: item.key):
        options: list[str] = []
        for value in (value for item in group for value in item.values):
            clause, clause_values = _condition(key, value)
            options.append(clause)
            values += clause_values
        clauses.append("(" + " OR ".join(options) + ")")
    return " AND ".join(clauses) or "TRUE", values


def facets_of(entry: Entry) -> Iterator[tuple[str, str]]:
    """What an entry may be filtered by: key and value as they are compared, each of several values by itself."""
    for facet in FACETS:
        text = entry.source if facet == "source" else getattr(entry.fields, facet)
        for value in split_values(text) if facet in SEVERAL else filter(None, (text,)):
            yield facet, folded(value)


def compared(key: str, value: str) -> str:
    """The value of a filter as those of `facets_of` are compared with it."""
    return normal_gtin(value) if key == "gtin" else folded(value)


def folded(value: str) -> str:
    """A facet's value in the form that is compared: normalised and case-folded."""
    return unicodedata.normalize("NFC", value).casefold()


def _condition(key: str, value: str) -> tuple[str, list[str]]:
    if key in _DATE_KEYS:
        # It may be written as 20190601, too.
        value = date.fromisoformat(value).isoformat()
    if key == "seen_before":
        return "(entries.first_seen = '' OR entries.first_seen < ?)", [value]
    if key == "seen_after":
        return "(entries.last_seen = '' OR entries.last_seen > ?)", [value]
    wanted = compared(key, value)
    options = ["value = ?"]
    values = [wanted]
    if key == "category":
        # Subcategories by ranges instead of LIKE: ranges use the index, and no character of the value is special.
        for mark in CATEGORY_MARKS:
            options.append("(value >= ? AND value < ?)")
            values += [wanted + mark, wanted + mark[:-1] + chr(ord(mark[-1]) + 1)]
    chosen = f"SELECT entry FROM facets WHERE facet = ? AND ({' OR '.join(options)})"
    return f"entries.id IN ({chosen})", [key, *values]
