"""A brute-force scan in NumPy: the reference that every other engine is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.protocol import NO_ROW, EngineStats, Rows


class BruteForceEngine:
    """Compares every query with every vector: exact, but slow beyond some ten thousand vectors."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    @classmethod
    def build(cls, vectors: Vectors) -> Self:
        return cls(np.array(vectors, np.float32))

    @classmethod
    def open(cls, path: Path, spec: str = "brute force") -> Self:
        del spec
        return cls(np.load(path, allow_pickle=False, mmap_mode="r"))

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, self._vectors, allow_pickle=False)

    def search(self, queries: Vectors, k: int, allow: Rows | None = None) -> tuple[Vectors, Rows]:
        rows = np.arange(len(self._vectors)) if allow is None else allow
        similarity = np.asarray(queries, np.float32) @ self._vectors[rows].T
        best = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        scores = np.full((len(queries), k), -np.inf, np.float32)
        found = np.full((len(queries), k), NO_ROW, np.int64)
        scores[:, : best.shape[1]] = np.take_along_axis(similarity, best, axis=1)
        found[:, : best.shape[1]] = rows[best]
        return scores, found

    def vectors(self, rows: Rows) -> Vectors:
        return np.array(self._vectors[rows], np.float32)

    def stats(self) -> EngineStats:
        count, dimension = self._vectors.shape
        return EngineStats("brute force", count, dimension, self._vectors.nbytes)
