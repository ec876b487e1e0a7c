"""The rows of a generation nearest to a query, among those that its filters allow; found, or as they were found once.

What an approximate engine on a server finds may differ from day to day in its last rows: a replay takes the lists that
were recorded, and compares their vectors again.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.exact_scan import exact_scan
from index.engines.protocol import NO_ROW, FilteringEngine, Rows, VectorEngine
from index.engines.row_fields import Condition
from index.errors import GenerationError
from index.generations.conditions import all_fields, condition
from index.generations.generations import Generation
from index.records.feed_records import Collection
from index.search.answer import Query

RecordedLists = tuple[tuple[int, ...], ...]


class Neighbours(Protocol):
    """An engine with the filters of one query; for one thread."""

    @property
    def available(self) -> int:
        """No more rows than these can be found; fewer may be."""
        ...

    @property
    def lists(self) -> RecordedLists:
        """The rows that each search found, rising; empty where the same search finds them again."""
        ...

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Rows]:
        """As VectorEngine does, among the rows that may answer."""
        ...

    def vectors(self, rows: Rows) -> Vectors:
        """As VectorEngine does."""
        ...


class EngineNeighbours:
    """What an engine of this process finds among some rows, int64 [m], rising; None is all."""

    lists: RecordedLists = ()

    def __init__(self, engine: VectorEngine, allowed: Rows | None) -> None:
        self._engine, self._allowed = engine, allowed
        self.available = engine.stats().count if allowed is None else len(allowed)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Rows]:
        return self._engine.search(queries, k, self._allowed)

    def vectors(self, rows: Rows) -> Vectors:
        return self._engine.vectors(rows)


class ServerNeighbours:
    """What an engine on a server finds where a condition holds, recorded.

    `missed`: the rows that the condition may miss there although it holds, int64 [m], rising.
    """

    def __init__(self, engine: FilteringEngine, where: Condition | None, missed: Rows) -> None:
        self._engine, self._where, self._missed = engine, where, missed
        self._lists: list[tuple[int, ...]] = []
        self.available = engine.stats().count

    @property
    def lists(self) -> RecordedLists:
        return tuple(self._lists)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Rows]:
        scores, rows = self._engine.search_where(queries, k, self._where)
        if len(self._missed):
            scores = np.where(np.isin(rows, self._missed), np.float32(-np.inf), scores)
            more = self._engine.search(queries, k, self._missed)
            scores = np.concatenate([scores, more[0]], axis=1)
            rows = np.where(np.isneginf(scores), NO_ROW, np.concatenate([rows, more[1]], axis=1))
            order = np.lexsort((rows, -scores), axis=1)[:, :k]
            scores, rows = np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
        self._lists.append(tuple(np.unique(rows[rows != NO_ROW]).tolist()))
        return scores, rows

    def vectors(self, rows: Rows) -> Vectors:
        return self._engine.vectors(rows)


class RecordedNeighbours:
    """What a recorded search found, list after list; scores are computed anew from the vectors."""

    lists: RecordedLists = ()

    def __init__(self, engine: VectorEngine, recorded: RecordedLists) -> None:
        self._engine, self._left = engine, list(recorded)
        self.available = engine.stats().count

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Rows]:
        """All rows of the next list, for each query; k and NO_ROW count as if they had been found.

        Raises:
            GenerationError: fewer searches were recorded, so what decides them has changed since.
        """
        if not self._left:
            raise GenerationError("this search asks the index more often than the recorded one did")
        rows = np.array(self._left.pop(0), np.int64)
        scores, places = exact_scan(queries, max(k, len(rows)), np.arange(len(rows)), self._engine.vectors(rows))
        return scores, np.where(places == NO_ROW, NO_ROW, rows[places] if len(rows) else NO_ROW)

    def vectors(self, rows: Rows) -> Vectors:
        return self._engine.vectors(rows)


def neighbours_of(query: Query, generation: Generation, recorded: RecordedLists = ()) -> Neighbours:
    """What a query searches; with recorded lists, what was found then."""
    engine, name = generation.engine(query.collection), query.collection
    if recorded:
        return RecordedNeighbours(engine, recorded)
    if isinstance(engine, FilteringEngine):
        where = condition(query.filters, query.without_images)
        return ServerNeighbours(engine, where, _missed(engine, generation, name, where))
    return EngineNeighbours(engine, generation.records.allowed(name, query.filters, query.without_images))


def _missed(engine: FilteringEngine, generation: Generation, name: Collection, where: Condition | None) -> Rows:
    """The rows of entries with more values than a server keeps that fulfil a condition, by their records."""
    if where is None or not where.any_of or not len(partial := engine.partial):
        return np.empty(0, np.int64)
    views = generation.records.views(name, partial.tolist())
    fields = {number: all_fields(generation.records.entry(number)) for number in {v.entry for v in views.values()}}
    passing = [row for row, view in sorted(views.items()) if where.allows(fields[view.entry], view.image)]
    return np.array(passing, np.int64)
