"""The VectorEngine protocol: unit vectors in, nearest neighbours out. A vector's id is its row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Vectors
from index.engines.row_fields import Condition

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


@runtime_checkable
class FilteringEngine(VectorEngine, Protocol):
    """An engine on a server that tests conditions by itself. What it finds may differ another day in its last rows."""

    @property
    def partial(self) -> Rows:
        """The rows whose entries have more values than are kept: `search_where` may miss them. int64 [m], rising."""
        ...

    def search_where(self, queries: Vectors, k: int, condition: Condition | None) -> tuple[Vectors, Rows]:
        """As `search` does, among the rows that fulfil a condition; None is all."""
        ...

    def require_searchable(self) -> None:
        """Do nothing where a search would find all that there is.

        Raises:
            EngineUnavailable: the server does not answer, or has not loaded all.
        """
        ...
