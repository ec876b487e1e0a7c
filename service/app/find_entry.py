"""Find one entry by the id that its feed uses."""

from __future__ import annotations

from index.errors import UnknownEntry
from index.generations.generations import Generation
from index.records.entries import Entry
from index.records.feed_records import Collection
from service.problems import AMBIGUOUS, Problem


def entry_named(generation: Generation, collection: Collection, entry_id: str, source: str | None) -> Entry:
    """The entry with an id; `source` says which, where several sources use the same id.

    Raises:
        UnknownEntry: there is none.
        Problem: several sources use the id and `source` is None; the problem lists them.
    """
    noun = "product" if collection == "catalogue" else "object"
    found = generation.records.find(collection, entry_id)
    chosen = [entry for entry in found if source is None or entry.source == source]
    if not chosen:
        where = f" of source {source!r}" if source is not None else ""
        raise UnknownEntry(f"no {noun} {entry_id!r}{where} is in generation {generation.number}")
    if len(chosen) > 1:
        sources = [entry.source for entry in chosen]
        detail = f"{len(sources)} sources use the id {entry_id!r}: name one as ?source=, of {', '.join(sources)}"
        raise Problem(AMBIGUOUS, detail, sources=sources)
    return chosen[0]
