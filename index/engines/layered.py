"""An engine in layers: a large base, an exact scan of recent vectors, and the deleted rows of the base."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.choice import EXACT_HALF
from index.engines.faiss_engine import FaissEngine
from index.engines.protocol import NO_ROW, EngineStats, Rows


class LayeredEngine:
    """The rows of a base, then those of a few recent vectors; deleted rows of the base are never found.

    A re-index that adds a thousand pictures to a million links the base's file and writes a thousand vectors, as in
    log-structured merge trees: O'Neil et al., "The log-structured merge-tree", Acta Informatica 33, 1996.
    """

    def __init__(self, base: FaissEngine, recent: FaissEngine, deleted: Rows) -> None:
        self._base, self._recent, self._deleted = base, recent, deleted
        self._first = base.stats().count

    @classmethod
    def build(cls, base: FaissEngine, recent: Vectors, deleted: Rows) -> Self:
        """Add `recent`, float32 [n, d], to a base, and hide the rows `deleted` of it, int64 [m], rising."""
        return cls(base, FaissEngine.build(recent, EXACT_HALF), deleted)

    @classmethod
    def open(cls, path: Path, spec: str) -> Self:
        deleted: Rows = np.load(_deleted_beside(path), allow_pickle=False)
        return cls(FaissEngine.open(path, spec), FaissEngine.open(_recent_beside(path), EXACT_HALF), deleted)

    def save(self, path: Path) -> None:
        """Write three files; a base that was opened from a file is linked."""
        self._base.save(path)
        self._recent.save(_recent_beside(path))
        np.save(_deleted_beside(path), self._deleted, allow_pickle=False)

    def search(self, queries: Vectors, k: int, allow: Rows | None = None) -> tuple[Vectors, Rows]:
        if allow is None:
            old, new = self._search_base(queries, k), self._recent.search(queries, k)
        else:
            split = int(np.searchsorted(allow, self._first))
            old = self._base.search(queries, k, np.setdiff1d(allow[:split], self._deleted, assume_unique=True))
            new = self._recent.search(queries, k, allow[split:] - self._first)
        scores = np.concatenate([old[0], new[0]], axis=1)
        rows = np.concatenate([old[1], np.where(new[1] == NO_ROW, NO_ROW, new[1] + self._first)], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)

    def _search_base(self, queries: Vectors, k: int) -> tuple[Vectors, Rows]:
        """The best of the base that are not deleted: the search is widened until k of them are found."""
        wanted, count = k + min(k, len(self._deleted)), self._first
        while True:
            scores, rows = self._base.search(queries, wanted)
            scores = np.where(np.isin(rows, self._deleted), np.float32(-np.inf), scores)
            rows = np.where(np.isneginf(scores), NO_ROW, rows)
            if wanted >= count or (np.sum(rows != NO_ROW, axis=1) >= min(k, count - len(self._deleted))).all():
                return scores, rows
            wanted = min(2 * wanted, count)

    def vectors(self, rows: Rows) -> Vectors:
        found = np.empty((len(rows), self._base.stats().dimension), np.float32)
        old = rows < self._first
        found[old], found[~old] = self._base.vectors(rows[old]), self._recent.vectors(rows[~old] - self._first)
        return found

    def stats(self) -> EngineStats:
        """The base's spec; `count` excludes deleted rows and includes recent ones."""
        base, recent = self._base.stats(), self._recent.stats()
        count = base.count - len(self._deleted) + recent.count
        return EngineStats(base.spec, count, base.dimension, base.bytes + recent.bytes)


def _recent_beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-recent{path.suffix}")


def _deleted_beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-gone.npy")
