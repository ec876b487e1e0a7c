"""The default engine: FAISS, described by an index_factory string; codes are refined by memory-mapped originals."""

from __future__ import annotations

import mmap
import os
import shutil
from pathlib import Path
from typing import Any, Self

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.choice import (
    DEFAULT_EF_SEARCH,
    DEFAULT_K_FACTOR,
    DEFAULT_NPROBE,
    EXACT,
    EXACT_BFLOAT16,
    EXACT_HALF,
    FILTER_OVERFETCH,
    EngineSpec,
)
from index.engines.exact_scan import exact_scan
from index.engines.faiss_library import faiss
from index.engines.protocol import NO_ROW, EngineStats, HalfVectors, Rows, StoredVectors

# How many vectors are read, converted and added at a time.
BLOCK = 65_536
# Training of inverted lists: more vectors or rounds of k-means do not improve them.
_TRAINED_PER_LIST, _ROUNDS = 50, 10
_SEED = 0
# With FAISS's default of 40 a graph is built in three fifths of the time, but a query has to visit a third more nodes
# for the same recall.
_EF_CONSTRUCTION = 80
_DTYPES = {EXACT: np.float32, EXACT_HALF: np.float16, EXACT_BFLOAT16: np.uint16}


class FaissEngine:
    """A FAISS index of inner products, opened as a memory map.

    Method: Douze et al., "The Faiss library", 2024, https://arxiv.org/abs/2401.08281.
    """

    def __init__(
        self, index: Any, spec: EngineSpec, originals: Vectors | HalfVectors | None = None, file: Path | None = None
    ) -> None:
        self._index, self._spec, self._parameters = index, spec, spec.parameters
        # The float16 vectors that codes are refined by, in a file beside the index.
        self._originals = originals
        # The file that it was opened from.
        self._file = file

    @classmethod
    def build(cls, vectors: Vectors | HalfVectors, spec: str = EXACT, first: int | None = None) -> Self:
        """Index unit vectors, float16 or float32 [n, d], as a spec says; `first`: only so many, to `add` the rest.

        The vectors are read in blocks, so they may be a memory map larger than memory. An engine of codes keeps reading
        it.
        """
        chosen = EngineSpec.parse(spec)
        count = len(vectors) if first is None else first
        index = faiss.index_factory(vectors.shape[1], chosen.factory, faiss.METRIC_INNER_PRODUCT)
        if chosen.is_graph:
            index.hnsw.efConstruction = _EF_CONSTRUCTION
        if chosen.is_inverted:
            index.cp.niter, index.cp.seed = _ROUNDS, _SEED
            sample_size = min(count, _TRAINED_PER_LIST * index.nlist)
            index.train(np.asarray(vectors[_sample(count, sample_size)], np.float32))
        # In the precision of the file, so that an engine gives the same answers before and after it is saved.
        engine = cls(index, chosen, vectors.astype(np.float16, copy=False) if chosen.is_inverted else None)
        engine.add(vectors, count)
        return engine

    def add(self, vectors: Vectors | HalfVectors, count: int) -> None:
        """Index the rows of `vectors`, float16 or float32 [n, d], that are not indexed yet, up to `count`."""
        self._file = None
        for start in range(int(self._index.ntotal), count, BLOCK):
            self._index.add(np.ascontiguousarray(vectors[start : min(start + BLOCK, count)], np.float32))

    def tuned(self, search: str) -> Self:
        """The same index with other search parameters."""
        return type(self)(self._index, EngineSpec(self._spec.factory, search), self._originals)

    @classmethod
    def open(cls, path: Path, spec: str = EXACT) -> Self:
        chosen, index = EngineSpec.parse(spec), faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        if not chosen.is_inverted:
            return cls(index, chosen, file=path)
        shape = (int(index.ntotal), int(index.d))
        return cls(index, chosen, np.memmap(originals_path(path), np.float16, "r", shape=shape), path)

    def save(self, path: Path) -> None:
        """Write the index, and beside it the originals if it needs them; files that it was opened from are linked."""
        if self._file is not None:
            _link(self._file, path)
            if self._originals is not None:
                _link(originals_path(self._file), originals_path(path))
            return
        faiss.write_index(self._index, str(path))
        originals = originals_path(path)
        if self._originals is not None and not _is_map_of(self._originals, originals):
            with originals.open("wb") as file:
                for start in range(0, len(self._originals), BLOCK):
                    np.asarray(self._originals[start : start + BLOCK], np.float16).tofile(file)

    @property
    def needs_originals(self) -> bool:
        """Whether `save` writes the originals beside its file, because the index has codes only."""
        return self._originals is not None

    def search(self, queries: Vectors, k: int, allow: Rows | None = None) -> tuple[Vectors, Rows]:
        queries = np.ascontiguousarray(queries, np.float32)
        count = int(self._index.ntotal)
        available = count if allow is None else len(allow)
        if self._spec.is_scan(available, count):
            return self._scan(queries, k, allow)
        scores, rows = self._approximate(queries, k, allow)
        # A graph or a few lists may give fewer than k: then an exact scan finds the others.
        short = rows[:, min(k, available) - 1] == NO_ROW
        if short.any():
            scores[short], rows[short] = self._scan(queries[short], k, allow)
        return scores, rows

    def vectors(self, rows: Rows) -> Vectors:
        if self._originals is not None:
            read = np.asarray(self._originals[rows], np.float32)
            _release_pages(self._originals)
            return read
        found: Vectors = self._index.reconstruct_batch(np.ascontiguousarray(rows, np.int64))
        return found

    def stats(self) -> EngineStats:
        count, dimension = int(self._index.ntotal), int(self._index.d)
        return EngineStats(str(self._spec), count, dimension, self._spec.memory(count, dimension))

    def _scan(self, queries: Vectors, k: int, allow: Rows | None) -> tuple[Vectors, Rows]:
        every = np.arange(int(self._index.ntotal)) if allow is None else allow
        found = exact_scan(queries, k, every, self._stored())
        if self._originals is not None:
            _release_pages(self._originals)
        return found

    def _stored(self) -> StoredVectors:
        """The stored vectors, as they are in memory: float32, float16 or bfloat16 [n, d]."""
        if self._originals is not None:
            return self._originals
        storage = faiss.downcast_index(self._index.storage) if self._spec.is_graph else self._index
        count, dimension = int(self._index.ntotal), int(self._index.d)
        data = faiss.rev_swig_ptr(storage.codes.data(), count * int(storage.code_size))
        stored: StoredVectors = data.view(_DTYPES[self._spec.storage]).reshape(count, dimension)
        return stored

    def _approximate(self, queries: Vectors, k: int, allow: Rows | None) -> tuple[Vectors, Rows]:
        """The result of FAISS's search; -inf and NO_ROW where it found fewer."""
        selector = None if allow is None else _selector(allow, int(self._index.ntotal))
        rarity = 1.0 if allow is None else int(self._index.ntotal) / max(1, len(allow))
        depth = k * self._parameters.get("k_factor", DEFAULT_K_FACTOR) if self._spec.is_inverted else k
        parameters: Any
        if self._spec.is_graph:
            # Rows that are not allowed are visited too, so efSearch grows with the rarity of allowed ones.
            ef_search = round(
                self._parameters.get("efSearch", DEFAULT_EF_SEARCH)
                * rarity
                * (1 if allow is None else FILTER_OVERFETCH)
            )
            parameters = faiss.SearchParametersHNSW(sel=selector, efSearch=ef_search)
        elif self._spec.is_inverted:
            nprobe = min(self._index.nlist, round(self._parameters.get("nprobe", DEFAULT_NPROBE) * rarity))
            parameters = faiss.SearchParametersIVF(sel=selector, nprobe=nprobe)
        else:
            parameters = faiss.SearchParameters(sel=selector)
        scores, rows = self._index.search(queries, depth, params=parameters)
        scores = np.where(rows == NO_ROW, np.float32(-np.inf), scores)
        return (scores, rows) if self._originals is None else _refine(queries, k, rows, self._originals)


def _refine(queries: Vectors, k: int, rows: Rows, originals: Vectors | HalfVectors) -> tuple[Vectors, Rows]:
    """The k best of the rows that codes proposed for each query, by the original vectors."""
    scores = np.full((len(queries), k), -np.inf, np.float32)
    found = np.full((len(queries), k), NO_ROW, np.int64)
    for place, query in enumerate(queries):
        proposed = np.sort(rows[place][rows[place] != NO_ROW])
        similarity = np.asarray(originals[proposed], np.float32) @ query
        best = np.argsort(-similarity, kind="stable")[:k]
        scores[place, : len(best)], found[place, : len(best)] = similarity[best], proposed[best]
        _release_pages(originals)
    return scores, found


def _release_pages(originals: Vectors | HalfVectors) -> None:
    """Unmap the pages that were read: the system still caches them, but they no longer count as this process's memory.

    Without it every query adds pages, until all originals are counted: 650 bytes a vector after 1,200 queries to ten
    million.
    """
    owner: Any = originals.base
    if isinstance(owner, mmap.mmap):
        owner.madvise(mmap.MADV_DONTNEED)


def originals_path(path: Path) -> Path:
    """The file of the float16 originals of an engine file, if it needs them."""
    return path.with_suffix(".vectors")


def _selector(allow: Rows, count: int) -> Any:
    bits = np.zeros(count, bool)
    bits[allow] = True
    return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))


def _sample(count: int, size: int) -> Rows:
    return np.sort(np.random.default_rng(_SEED).choice(count, size, replace=False))


def _link(file: Path, path: Path) -> None:
    try:
        os.link(file, path)
    except OSError:
        # Some file systems have no hard links.
        shutil.copyfile(file, path)


def _is_map_of(vectors: Vectors | HalfVectors, path: Path) -> bool:
    return isinstance(vectors, np.memmap) and vectors.filename is not None and Path(vectors.filename) == path
