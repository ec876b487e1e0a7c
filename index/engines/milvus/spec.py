"""Which index the segments of a generation have, as a text that the manifest keeps; imports nothing of Milvus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from index.engines.choice import EXACT_BELOW

# A graph (Malkov and Yashunin, https://arxiv.org/abs/1603.09320) of 32 links, or an exact scan; both of float32.
HNSW, FLAT = "HNSW32", "FLAT"
_MARK = "milvus "


@dataclass(frozen=True)
class MilvusSpec:
    """Written "milvus HNSW32;ef=64" or "milvus FLAT": the index of the segments, and how far a graph is searched."""

    index: str
    ef: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        index, _, ef = text.removeprefix(_MARK).partition(";ef=")
        return cls(index, int(ef or 0))

    def __str__(self) -> str:
        return f"{_MARK}{self.index}" + (f";ef={self.ef}" if self.ef else "")


def is_milvus(spec: str) -> bool:
    """Whether an engine's spec is one of Milvus."""
    return spec.startswith(_MARK)


def index_for(count: int, target: float) -> str:
    """The index of segments with so many rows together, for a recall; 1 requires an exact scan."""
    return FLAT if count < EXACT_BELOW or target >= 1 else HNSW
