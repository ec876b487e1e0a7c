"""The choice of a FAISS index by number of vectors and memory: a string, so that it can be stored and replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

# Below this many vectors an exact scan takes a few milliseconds.
EXACT_BELOW = 20_000
# Exact scans over float32, and over float16 where vectors are many.
EXACT, EXACT_HALF = "Flat", "SQfp16"
# bfloat16, the upper half of a float32: it is decoded faster, and one or two less of a thousand neighbours are found
# (docs/benchmarks.md).
EXACT_BFLOAT16 = "SQbf16"
_HNSW_LINKS = 32
# FAISS trains a list on at least 39 vectors, and advises two to four square roots of the count as number of lists.
_LISTS_PER_ROOT, _VECTORS_PER_LIST = 2, 39
# The cost of one step in a graph and of one code in a list, in rows of an exact scan.
_ROWS_PER_STEP, _ROWS_PER_CODE = 20, 0.02
# By what factor efSearch grows in a filtered search of a graph, on top of the inverse share of allowed rows.
FILTER_OVERFETCH = 4
# Search parameters of a spec that has none.
DEFAULT_EF_SEARCH, DEFAULT_NPROBE, DEFAULT_K_FACTOR = 64, 32, 8


@dataclass(frozen=True)
class EngineSpec:
    """All that is needed to build the same engine again, in FAISS's terms.

    `factory`: an index_factory string. `search`: search parameters, such as "efSearch=32" or "nprobe=16,k_factor=8".
    Written as "factory" or "factory;search".
    """

    factory: str
    search: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        factory, _, search = text.partition(";")
        return cls(factory, search)

    def __str__(self) -> str:
        return f"{self.factory};{self.search}" if self.search else self.factory

    @property
    def parameters(self) -> dict[str, int]:
        """The search parameters by name."""
        pairs = (pair.split("=") for pair in self.search.split(",") if pair)
        return {name: int(value) for name, value in pairs}

    @property
    def is_graph(self) -> bool:
        """Whether the index is a graph, HNSW (Malkov and Yashunin, https://arxiv.org/abs/1603.09320)."""
        return self.factory.startswith("HNSW")

    @property
    def storage(self) -> str:
        """How an engine that needs no originals stores each vector: EXACT, EXACT_HALF or EXACT_BFLOAT16."""
        return self.factory.rpartition(",")[2]

    @property
    def is_inverted(self) -> bool:
        """Whether the index has inverted lists of codes, which need the original vectors for refinement.

        The codes are RaBitQ's (Gao and Long, https://arxiv.org/abs/2405.12497).
        """
        return self.factory.startswith("IVF")

    @property
    def lists(self) -> int:
        """How many inverted lists there are."""
        return int(self.factory.removeprefix("IVF").partition(",")[0]) if self.is_inverted else 0

    def memory(self, count: int, dimension: int) -> int:
        """Bytes of memory for so many vectors; originals, which are only memory-mapped, are not counted."""
        if self.is_graph:
            # The links of the lowest level, those above it (a 32nd of the vectors each), level and offset.
            return round(count * (2 * dimension + 2 * 4 * _HNSW_LINKS + 4 * _HNSW_LINKS / (_HNSW_LINKS - 1) + 12))
        if self.is_inverted:
            bits = int(self.factory.rpartition("RaBitQ")[2] or 1)
            # Two factors, three more with more bits, and the row; then the centroids.
            return round(count * (bits * dimension / 8 + (8 if bits == 1 else 20) + 8) + self.lists * 4 * dimension)
        return (2 if self.factory == EXACT_HALF else 4) * dimension * count

    def is_scan(self, allowed: int, count: int) -> bool:
        """Whether an exact scan of the allowed rows is faster than an approximate search with that filter.

        The narrower the filter, the more rows an approximate search has to visit; docs/benchmarks.md has the costs.
        """
        if self.is_graph:
            cost: float = FILTER_OVERFETCH * _ROWS_PER_STEP * self.parameters.get("efSearch", DEFAULT_EF_SEARCH)
        elif self.is_inverted:
            cost = _ROWS_PER_CODE * self.parameters.get("nprobe", DEFAULT_NPROBE) * count / self.lists
        else:
            return False
        return allowed**2 <= cost * count


def choose(count: int, dimension: int, memory_budget: int, target: float) -> tuple[EngineSpec, ...]:
    """The spec for so many vectors, then those to use where it misses the target, each more exact and slower.

    Args:
        memory_budget: bytes; a graph over 16-bit vectors is chosen while it fits, short codes beyond.
        target: the recall@10 to reach; 1 requires an exact scan.
    """
    if count < EXACT_BELOW:
        return (EngineSpec(EXACT),)
    exact = EngineSpec(EXACT_HALF)
    if target >= 1:
        return (exact,)
    graph = EngineSpec(f"HNSW{_HNSW_LINKS},{EXACT_BFLOAT16}")
    if graph.memory(count, dimension) <= memory_budget:
        return (graph, exact)
    lists = min(int(_LISTS_PER_ROOT * count**0.5), count // _VECTORS_PER_LIST)
    return (EngineSpec(f"IVF{lists},RaBitQ"), EngineSpec(f"IVF{lists},RaBitQ4"), exact)
