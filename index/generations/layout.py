"""The assignment of views to an engine's rows; where little changed, the live generation's engine is reused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedding.image.regions import Region
from embedding.views import CATALOGUE_VIEWS
from index.engines.choice import EXACT_BELOW
from index.engines.protocol import Rows
from index.engines.tuning import held_out
from index.generations.generations import CollectionPart
from index.generations.snapshot import IndexedView
from index.records.entries import Entry
from index.stores.row_keys import RowKey
from index.stores.vectors import VectorStore

_SEED = 0
# A base with a larger share of deleted rows is not reused, because searches would visit too many of them.
_MAX_DELETED_SHARE = 0.1


@dataclass(frozen=True)
class Base:
    """An engine that may be reused: its file, its part of the manifest, and the views of its rows."""

    file: Path
    part: CollectionPart
    views: Sequence[IndexedView]

    @property
    def count(self) -> int:
        """How many rows the engine's file has; later rows are in the recent layer."""
        return self.part.base or self.part.rows


@dataclass(frozen=True)
class Layout:
    """The views of an engine's rows, in rising order of rows.

    `vector_rows`: int64 [n], the row of each view in the vector store. `base`: the engine to reuse, None to build a new
    one; `deleted`: int64, rising, the rows of it that are no longer used.
    """

    views: tuple[IndexedView, ...]
    vector_rows: Rows
    base: Base | None
    deleted: Rows

    @property
    def recent(self) -> Rows:
        """The rows, in the vector store, of embeddings that the base lacks: rows are rising, so they are the last."""
        return self.vector_rows[self.base.count - len(self.deleted) :] if self.base else self.vector_rows


def assign_rows(entries: Iterable[Entry], vectors: VectorStore, base: Base | None) -> Layout:
    """The rows of an engine for some entries; views without an embedding are left out.

    A base is reused while few rows were added, so that an exact scan of them is fast, and few were deleted.
    """
    wanted = [(entry.id, image, view) for entry in entries for image in entry.images for view in CATALOGUE_VIEWS]
    found = vectors.rows([RowKey(image, view) for _, image, view in wanted])
    embedded = np.flatnonzero(found >= 0)
    if base is not None and (reused := _reuse(base, [wanted[index] for index in embedded.tolist()])) is not None:
        order = np.argsort(reused, kind="stable")
        embedded, rows = embedded[order], reused[order]
        deleted = np.setdiff1d(np.arange(base.count), rows)
        return Layout(_views(rows, embedded, wanted), found[embedded], base, deleted)
    if last := held_out(len(embedded)):
        # A large engine is tuned with its last rows before they are added, so they must be a random sample.
        sampled = np.zeros(len(embedded), bool)
        sampled[np.random.default_rng(_SEED).choice(len(embedded), last, replace=False)] = True
        embedded = np.concatenate([embedded[~sampled], embedded[sampled]])
    return Layout(_views(np.arange(len(embedded)), embedded, wanted), found[embedded], None, np.empty(0, np.int64))


def _reuse(base: Base, wanted: Sequence[tuple[int, str, Region]]) -> Rows | None:
    """The row of each wanted view, int64 [n], new ones after the base's; None where too much has changed."""
    free: dict[tuple[str, Region], list[int]] = {}
    for indexed in base.views:
        if indexed.row < base.count:
            free.setdefault((indexed.image, indexed.region), []).append(indexed.row)
    rows, next_row = np.empty(len(wanted), np.int64), base.count
    for place, (_, image, view) in enumerate(wanted):
        if left := free.get((image, view)):
            # A picture of two entries has two rows with the same embedding; it does not matter which is whose.
            rows[place] = left.pop(0)
        else:
            rows[place], next_row = next_row, next_row + 1
    added = next_row - base.count
    deleted = base.count - (len(wanted) - added)
    return rows if added < EXACT_BELOW and deleted <= _MAX_DELETED_SHARE * base.count else None


def _views(rows: Rows, chosen: Rows, wanted: Sequence[tuple[int, str, Region]]) -> tuple[IndexedView, ...]:
    return tuple(IndexedView(row, *wanted[index]) for row, index in zip(rows.tolist(), chosen.tolist(), strict=True))
