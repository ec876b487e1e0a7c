"""The VectorEngine protocol: unit vectors in, nearest neighbours out. A vector's id is its row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Vectors

Rows = npt.NDArray[np.int64]
HalfVectors = npt.NDArray[np.float16]
# bfloat16, which is no NumPy type: the upper 16 bits of each float32.
Bfloat16Vectors = npt.NDArray[np.uint16]
StoredVectors = Vectors | HalfVectors | Bfloat16Vectors
NO_ROW = -1


@dataclass(frozen=True)
class EngineStats:
    """Facts about an engine: `spec` is all that is needed to build the same one again; `bytes` its size in memory."""

    spec: str
    count: int
    dimension: int
    bytes: int


class VectorEngine(Protocol):
    """Nearest neighbours by inner product; each implementation is built in its own way.

    Every implementation passes tests/contract/test_engine_contract.py.
    """

    @classmethod
    def open(cls, path: Path, spec: str) -> Self:
        """Open what `save` wrote of an engine whose stats have this spec.

        Only for files whose checksums were verified: engines trust their files.
        """
        ...

    def save(self, path: Path) -> None:
        """Write a file, and further ones beside it if needed."""
        ...

    def search(self, queries: Vectors, k: int, allow: Rows | None = None) -> tuple[Vectors, Rows]:
        """The k best of each query, among the rows of `allow` if that is given.

        Args:
            queries: float32 [q, d], unit rows.
            k: how many, at least 1.
            allow: int64 [m], rising; None allows all. The filter acts inside the search: min(k, m) rows are found.

        Returns:
            scores float32 [q, k], falling, and rows int64 [q, k]; where there are fewer, score -inf and row NO_ROW.
        """
        ...

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of some rows, float32 [n, d], in the precision in which the engine stores them."""
        ...

    def stats(self) -> EngineStats: ...
