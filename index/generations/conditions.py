"""Entries and filters as an engine that filters by itself keeps and tests them: see index/engines/row_fields.py.

They allow exactly what `index.records.filters.where` allows in SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from index.engines.row_fields import AFTER_ALL, BEFORE_ALL, NOT_ALL, Condition, RowFields, token
from index.records.entries import Entry
from index.records.filters import CATEGORY_MARKS, Filter, compared, facets_of

# What identifies an entry and a source, for `traceobject forget`; exactly as they are written.
_ENTRY, _SOURCE = "forget entry", "forget source"
# Milvus keeps 4096 of each row. Hardly any entry has more than twenty.
_MAX_TOKENS = 4096


def row_fields(entry: Entry) -> RowFields:
    """What a server keeps of each row of an entry: of very many values some, and NOT_ALL."""
    every = all_fields(entry)
    if len(every.tokens) <= _MAX_TOKENS:
        return every
    # What it is forgotten by has to be there.
    kept = {forget_token(entry.source), forget_token(entry.source, entry.fields.entry_id), NOT_ALL}
    others = [each for each in every.tokens if each not in kept][: _MAX_TOKENS - len(kept)]
    return replace(every, tokens=tuple(sorted({*kept, *others})))


def all_fields(entry: Entry) -> RowFields:
    """All that an entry may be filtered by."""
    tokens = [forget_token(entry.source), forget_token(entry.source, entry.fields.entry_id)]
    tokens += [token(facet, value) for facet, value in _with_categories(facets_of(entry))]
    return RowFields(
        entry.id,
        tuple(sorted(set(tokens))),
        _ordinal(entry.fields.first_seen, BEFORE_ALL),
        _ordinal(entry.fields.last_seen, AFTER_ALL),
    )


def forget_token(source: str, entry_id: str = "") -> int:
    """The token of an entry of a source, or, without its id, of all of them."""
    return token(_ENTRY, f"{source}\0{entry_id}") if entry_id else token(_SOURCE, source)


def condition(filters: Sequence[Filter], without_images: Sequence[str] = ()) -> Condition | None:
    """The rows whose entries pass every filter, less those of some images; None allows all."""
    if not filters and not without_images:
        return None
    by_key: dict[str, list[str]] = {}
    for each in filters:
        by_key.setdefault(each.key, []).extend(each.values)
    # Several of one key mean any of them: the latest day that something was seen before, the earliest after.
    before = [date.fromisoformat(day).toordinal() for day in by_key.pop("seen_before", ())]
    after = [date.fromisoformat(day).toordinal() for day in by_key.pop("seen_after", ())]
    return Condition(
        tuple(tuple(token(key, compared(key, value)) for value in values) for key, values in sorted(by_key.items())),
        max(before, default=None),
        min(after, default=None),
        tuple(without_images),
    )


def _with_categories(facets: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The same, and the categories above each."""
    for facet, value in facets:
        yield facet, value
        if facet == "category":
            for place in range(len(value)):
                if value.startswith(CATEGORY_MARKS, place):
                    yield facet, value[:place]


def _ordinal(day: str, unknown: int) -> int:
    return date.fromisoformat(day).toordinal() if day else unknown
