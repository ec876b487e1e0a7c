"""Which FAISS index serves how many vectors in how much memory: a string, so that it can be logged and replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

# Below this, comparing with everything takes a few milliseconds and misses nothing.
EXACT_BELOW = 20_000
# float32, and float16 where vectors are many.
EXACT, EXACT_HALF = "Flat", "SQfp16"
# bfloat16, the upper half of a float32: a walk decodes it sooner, and finds one or two less of a thousand neighbours
# (docs/benchmarks.md).
EXACT_BFLOAT16 = "SQbf16"
_LINKS = 32
# FAISS trains a list from at least 39 vectors; two to four roots of the count is its own advice.
_LISTS_PER_ROOT, _VECTORS_PER_LIST = 2, 39
# What one step of a walk and one code of a list cost, in rows of a scan.
_ROWS_PER_STEP, _ROWS_PER_CODE = 20, 0.02
# How much further a walk goes when it may keep only some of what it meets.
FILTER_OVERFETCH = 4
# Search parameters of a spec that tells none.
BREADTH, PROBED, FACTOR = 64, 32, 8


@dataclass(frozen=True)
class Spec:
    """All that it takes to build an engine alike again, in FAISS's own words.

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
        """Whether a graph is walked (Malkov and Yashunin, https://arxiv.org/abs/1603.09320)."""
        return self.factory.startswith("HNSW")

    @property
    def kept(self) -> str:
        """How an engine that needs no originals keeps each vector: EXACT, EXACT_HALF or EXACT_BRAIN."""
        return self.factory.rpartition(",")[2]

    @property
    def is_inverted(self) -> bool:
        """Whether the vectors lie in inverted lists as codes, and the originals are needed to tell them apart.

        The codes are RaBitQ's (Gao and Long, https://arxiv.org/abs/2405.12497).
        """
        return self.factory.startswith("IVF")

    @property
    def lists(self) -> int:
        """How many inverted lists there are."""
        return int(self.factory.removeprefix("IVF").partition(",")[0]) if self.is_inverted else 0

    def memory(self, count: int, dimension: int) -> int:
        """What so many vectors take in memory, in bytes; originals that are only mapped are not counted."""
        if self.is_graph:
            # The links of the lowest level, those above it (a 32nd of the vectors each), level and offset.
            return round(count * (2 * dimension + 2 * 4 * _LINKS + 4 * _LINKS / (_LINKS - 1) + 12))
        if self.is_inverted:
            bits = int(self.factory.rpartition("RaBitQ")[2] or 1)
            # Two factors, three more with more bits, and the row; then the centroids.
            return round(count * (bits * dimension / 8 + (8 if bits == 1 else 20) + 8) + self.lists * 4 * dimension)
        return (2 if self.factory == EXACT_HALF else 4) * dimension * count

    def is_scan(self, allowed: int, count: int) -> bool:
        """Whether comparing with every allowed row is faster than an approximate search that skips all others.

        That search has to see as many times more as the filter is narrow; docs/benchmarks.md has costs.
        """
        if self.is_graph:
            unfiltered: float = FILTER_OVERFETCH * _ROWS_PER_STEP * self.parameters.get("efSearch", BREADTH)
        elif self.is_inverted:
            unfiltered = _ROWS_PER_CODE * self.parameters.get("nprobe", PROBED) * count / self.lists
        else:
            return False
        return allowed**2 <= unfiltered * count


def choose(count: int, dimension: int, memory_budget: int, target: float) -> tuple[Spec, ...]:
    """The index for so many vectors, then what is taken instead where it misses the target: more exact, and slower.

    Args:
        memory_budget: bytes; a graph over 16-bit vectors is taken while it fits, short codes beyond.
        target: the recall@10 that is wanted; 1 leaves no choice but to compare with everything.
    """
    if count < EXACT_BELOW:
        return (Spec(EXACT),)
    exact = Spec(EXACT_HALF)
    if target >= 1:
        return (exact,)
    graph = Spec(f"HNSW{_LINKS},{EXACT_BFLOAT16}")
    if graph.memory(count, dimension) <= memory_budget:
        return (graph, exact)
    lists = min(int(_LISTS_PER_ROOT * count**0.5), count // _VECTORS_PER_LIST)
    return (Spec(f"IVF{lists},RaBitQ"), Spec(f"IVF{lists},RaBitQ4"), exact)
