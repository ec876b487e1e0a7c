"""The assignment of views to an engine's rows; where little changed, the live generation's engine is reused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedding.image.regions import Region
from embedding.views import CATALOGUE_VIEWS
from index.engines.choice import EXACT_BELOW
from index.engines.milvus.spec import MilvusSpec, index_for
from index.engines.protocol import Rows
from index.engines.row_fields import RowFields
from index.engines.tuning import held_out
from index.generations.manifest import CollectionPart
from index.generations.snapshot import IndexedView
from index.records.entries import Entry
from index.stores.row_keys import RowKey
from index.stores.vectors import VectorStore

_SEED = 0
# Of a base of files.
_MAX_DELETED_SHARE = 0.1


@dataclass(frozen=True)
class Base:
    """An engine that may be reused: its file, its part of the manifest, and the views of its rows.

    `next_row`: the first that it has never given; a file's recent layer is replaced, so those of its base count there.
    `fields`: what a server keeps of each entry beside its vectors: where that differs, the row is another one.
    `target`: the recall to reach, of an engine on a server.
    """

    file: Path
    part: CollectionPart
    views: Sequence[IndexedView]
    next_row: int
    fields: Mapping[int, RowFields] | None = None
    target: float = 1.0

    def may_extend(self, added: int, count: int) -> bool:
        """Whether an engine of `count` rows, of which `added` are new, is better made of this one than anew."""
        if self.fields is not None:
            return index_for(count, self.target) == MilvusSpec.parse(self.part.spec).index
        # An exact scan of what is added has to be fast, and searches should not visit many deleted rows.
        deleted = self.next_row - (count - added)
        return added < EXACT_BELOW and deleted <= _MAX_DELETED_SHARE * self.next_row


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
        return self.vector_rows[self.base.next_row - len(self.deleted) :] if self.base else self.vector_rows


def assign_rows(
    entries: Iterable[Entry],
    vectors: VectorStore,
    base: Base | None,
    fields: Mapping[int, RowFields] | None = None,
) -> Layout:
    """The rows of an engine for some entries; views without an embedding are left out.

    Args:
        base: reused where it may be extended; fields: what a server keeps of each entry, by its number.
    """
    wanted = [(entry.id, image, view) for entry in entries for image in entry.images for view in CATALOGUE_VIEWS]
    found = vectors.rows([RowKey(image, view) for _, image, view in wanted])
    embedded = np.flatnonzero(found >= 0)
    if (
        base is not None
        and (reused := _reuse(base, [wanted[index] for index in embedded.tolist()], fields)) is not None
    ):
        order = np.argsort(reused, kind="stable")
        embedded, rows = embedded[order], reused[order]
        deleted = np.setdiff1d(np.arange(base.next_row), rows)
        return Layout(_views(rows, embedded, wanted), found[embedded], base, deleted)
    if last := held_out(len(embedded)):
        # A large engine is tuned with its last rows before they are added, so they must be a random sample.
        sampled = np.zeros(len(embedded), bool)
        sampled[np.random.default_rng(_SEED).choice(len(embedded), last, replace=False)] = True
        embedded = np.concatenate([embedded[~sampled], embedded[sampled]])
    return Layout(_views(np.arange(len(embedded)), embedded, wanted), found[embedded], None, np.empty(0, np.int64))


def _reuse(
    base: Base, wanted: Sequence[tuple[int, str, Region]], fields: Mapping[int, RowFields] | None
) -> Rows | None:
    """The row of each wanted view, int64 [n], new ones after the base's; None where too much has changed."""
    free: dict[tuple[str, Region, RowFields | None], list[int]] = {}
    for indexed in base.views:
        if indexed.row < base.next_row:
            kept = base.fields[indexed.entry] if base.fields is not None else None
            free.setdefault((indexed.image, indexed.region, kept), []).append(indexed.row)
    rows, next_row = np.empty(len(wanted), np.int64), base.next_row
    for place, (entry, image, view) in enumerate(wanted):
        if left := free.get((image, view, fields[entry] if fields is not None else None)):
            # A picture of two entries has two rows with the same embedding; in a file either may be either's.
            rows[place] = left.pop(0)
        else:
            rows[place], next_row = next_row, next_row + 1
    return rows if base.may_extend(next_row - base.next_row, len(wanted)) else None


def _views(rows: Rows, chosen: Rows, wanted: Sequence[tuple[int, str, Region]]) -> tuple[IndexedView, ...]:
    return tuple(IndexedView(row, *wanted[index]) for row, index in zip(rows.tolist(), chosen.tolist(), strict=True))
