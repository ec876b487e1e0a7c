"""The default engine: FAISS, described by one index_factory string."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.protocol import NO_ROW, EngineStats, Rows

EXACT = "Flat"


class FaissEngine:
    """A FAISS index of inner products.

    Method: Douze et al., "The Faiss library", 2024, https://arxiv.org/abs/2401.08281.
    """

    def __init__(self, index: Any, spec: str) -> None:
        self._index, self._spec = index, spec

    @classmethod
    def build(cls, vectors: Vectors, spec: str = EXACT) -> Self:
        index = faiss.index_factory(vectors.shape[1], spec, faiss.METRIC_INNER_PRODUCT)
        index.add(np.ascontiguousarray(vectors, np.float32))
        return cls(index, spec)

    @classmethod
    def open(cls, path: Path, spec: str = EXACT) -> Self:
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC), spec)

    def save(self, path: Path) -> None:
        faiss.write_index(self._index, str(path))

    def search(self, queries: Vectors, k: int, allow: Rows | None = None) -> tuple[Vectors, Rows]:
        parameters = None
        if allow is not None:
            bits = np.zeros(self._index.ntotal, bool)
            bits[allow] = True
            selector = faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))
            parameters = faiss.SearchParameters(sel=selector)
        scores, rows = self._index.search(np.ascontiguousarray(queries, np.float32), k, params=parameters)
        return np.where(rows == NO_ROW, np.float32(-np.inf), scores), rows

    def vectors(self, rows: Rows) -> Vectors:
        found: Vectors = self._index.reconstruct_batch(np.ascontiguousarray(rows, np.int64))
        return found

    def stats(self) -> EngineStats:
        count, dimension = int(self._index.ntotal), int(self._index.d)
        return EngineStats(self._spec, count, dimension, count * int(self._index.sa_code_size()))
