"""Nearest neighbours of a generation in segments on a Milvus server, less the rows that are gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Self, TypeVar

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.exact_scan import exact_scan
from index.engines.milvus.connection import SEARCH_SECONDS, Connection, connection_to
from index.engines.milvus.expression import expression
from index.engines.milvus.loading import count, require_loaded, require_searchable
from index.engines.milvus.segments import BATCH, Segment, read_segment, require_proven
from index.engines.milvus.spec import HNSW, MilvusSpec
from index.engines.protocol import NO_ROW, EngineStats, Rows
from index.engines.row_fields import Condition

# Milvus finds no more at once.
_MAX_FOUND = 16_384
# So many rows, listed, are compared one by one: their vectors are fetched faster than the graph is walked.
_SCANNED = 2_000
# By what factor `ef` grows under a condition, of which it is not known how many rows pass. Of 100,000 rows of which a
# tenth passes, one id of a thousand is missed then, eight with a factor of 4 (docs/scaling.md).
_CONDITION_OVERFETCH = 16
# The links of a graph's lowest level, and those above it: see EngineSpec.memory.
_GRAPH_BYTES = 2 * 4 * 32 + 4 + 12
_POOL = ThreadPoolExecutor(16, thread_name_prefix="milvus")

Part = TypeVar("Part")
Found = TypeVar("Found")


class MilvusEngine:
    """Segments with rising rows, and the rows of them that the generation no longer has.

    A re-index adds a segment with what is new, as in log-structured merge trees (see LayeredEngine); gone rows stay in
    their segments, and more is searched for. Every search first asks whether all is loaded, so that no answer comes
    from a part.
    """

    def __init__(
        self, connection: Connection, segments: Sequence[Segment], gone: Rows, spec: MilvusSpec, dimension: int
    ) -> None:
        self.connection, self.segments, self.gone, self.spec = connection, tuple(segments), gone, spec
        self._dimension = dimension

    @classmethod
    def open(cls, path: Path, spec: str, url: str = "", seconds: float = SEARCH_SECONDS) -> Self:
        """Open what `save` wrote, on the server of `url`, and have its segments loaded.

        Raises:
            EngineUnavailable: the server does not answer, or has not loaded them after `seconds`.
            GenerationError: it lacks one of them, or some rows.
        """
        engine = cls.described(path, spec, url)
        for segment in engine.segments:
            require_loaded(engine.connection, segment.name, segment.rows, seconds)
        return engine

    @classmethod
    def described(cls, path: Path, spec: str, url: str) -> Self:
        """The same without asking the server."""
        written = json.loads(path.read_bytes())
        gone: Rows = np.load(_gone_beside(path), allow_pickle=False)
        segments = [Segment.read(each) for each in written["segments"]]
        return cls(connection_to(url), segments, gone, MilvusSpec.parse(spec), written["dimension"])

    @property
    def partial(self) -> Rows:
        rows = np.array([row for segment in self.segments for row in segment.partial], np.int64)
        return np.setdiff1d(rows, self.gone, assume_unique=True)

    def save(self, path: Path) -> None:
        """Write which segments and gone rows these are; vectors are on the server alone."""
        written = {"dimension": self._dimension, "segments": [asdict(segment) for segment in self.segments]}
        path.write_text(json.dumps(written, indent=1), encoding="utf-8")
        np.save(_gone_beside(path), self.gone, allow_pickle=False)

    def search(self, queries: Vectors, k: int, allow: Rows | None = None) -> tuple[Vectors, Rows]:
        queries = np.ascontiguousarray(queries, np.float32)
        if allow is not None:
            allow = np.setdiff1d(allow, self.gone, assume_unique=True)
            if len(allow) <= _SCANNED:
                places = np.arange(len(allow))
                scores, found = exact_scan(queries, k, places, self.vectors(allow))
                return scores, np.where(found == NO_ROW, NO_ROW, allow[found] if len(allow) else NO_ROW)
        return self._search(queries, k, allow)

    def search_where(self, queries: Vectors, k: int, condition: Condition | None) -> tuple[Vectors, Rows]:
        return self._search(np.ascontiguousarray(queries, np.float32), k, condition)

    def _search(self, queries: Vectors, k: int, allow: Rows | Condition | None) -> tuple[Vectors, Rows]:
        lists = self._each(self.segments, lambda segment: self._search_segment(segment, queries, k, allow))
        scores = np.concatenate([np.full((len(queries), k), -np.inf, np.float32), *(found[0] for found in lists)], 1)
        rows = np.concatenate([np.full((len(queries), k), NO_ROW, np.int64), *(found[1] for found in lists)], 1)
        # The best first; of equal ones the lower row, so that equal results are in equal order.
        order = np.lexsort((rows, -scores), axis=1)[:, :k]
        return np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)

    def vectors(self, rows: Rows) -> Vectors:
        """As the protocol says.

        Raises:
            EngineUnavailable: the server does not answer, or lacks one of them.
        """
        found = np.empty((len(rows), self._dimension), np.float32)
        places = np.searchsorted([segment.stop for segment in self.segments], rows, side="right")
        if (places == len(self.segments)).any():
            raise self.connection.unavailable(f"no segment has row {int(rows.max())}")
        wanted = [(segment, np.flatnonzero(places == place)) for place, segment in enumerate(self.segments)]
        parts = [
            (segment, some[start : start + BATCH]) for segment, some in wanted for start in range(0, len(some), BATCH)
        ]
        fetched = self._each(parts, lambda part: self._fetch(part[0], rows[part[1]]))
        for (_, some), vectors in zip(parts, fetched, strict=True):
            found[some] = vectors
        return found

    def stats(self) -> EngineStats:
        """`count` excludes gone rows; `bytes` are of the server's memory."""
        stored = sum(segment.rows for segment in self.segments)
        each = 4 * self._dimension + (_GRAPH_BYTES if self.spec.index == HNSW else 0)
        return EngineStats(str(self.spec), stored - len(self.gone), self._dimension, stored * each)

    def tuned(self, ef: int) -> MilvusEngine:
        """The same segments with another `ef`."""
        return MilvusEngine(self.connection, self.segments, self.gone, MilvusSpec(self.spec.index, ef), self._dimension)

    def require_searchable(self) -> None:
        self._each(self.segments, lambda segment: require_searchable(self.connection, segment.name))

    def prove(self) -> None:
        """Compare every row with the checksums; raises what `require_proven` raises."""
        for segment in self.segments:
            require_proven(self.connection, segment)

    def _search_segment(
        self, segment: Segment, queries: Vectors, k: int, allow: Rows | Condition | None
    ) -> tuple[Vectors, Rows]:
        """The k best of one segment without gone rows; more is searched for until there are so many, or no more."""
        require_searchable(self.connection, segment.name)
        condition = expression(_within(segment, allow) if isinstance(allow, np.ndarray) else allow)
        gone, passing = _within(segment, self.gone), segment.rows
        wanted, is_counted = min(k + min(k, len(gone)), passing), not condition
        while wanted <= _MAX_FOUND:
            scores, rows = self._ask(segment, queries, wanted, condition)
            kept = np.where(np.isin(rows, gone), NO_ROW, rows)
            short = (kept != NO_ROW).sum(axis=1) < k
            if short.any() and not is_counted:
                passing, is_counted = count(self.connection, segment.name, condition), True
            if not short.any() or (rows != NO_ROW).sum(axis=1)[short].min() == passing:
                return np.where(kept == NO_ROW, np.float32(-np.inf), scores), kept
            if (rows != NO_ROW).sum(axis=1)[short].min() < min(wanted, passing):
                # The graph did not lead to all that pass.
                break
            wanted = min(2 * wanted, passing)
        return self._scan(segment, queries, k, condition)

    def _ask(self, segment: Segment, queries: Vectors, k: int, condition: str) -> tuple[Vectors, Rows]:
        """What the server finds in a segment, gone rows too; -inf and NO_ROW where it found fewer."""
        # Of what a graph leads to, some does not pass; where less than 7 % passes, Milvus compares all of that.
        ef = max(k, self.spec.ef * (_CONDITION_OVERFETCH if condition else 1))
        with self.connection.client() as client:
            answer = client.search(
                segment.name,
                data=list(queries),
                anns_field="vector",
                limit=k,
                filter=condition,
                search_params={"params": {"ef": ef} if self.spec.index == HNSW else {}},
                consistency_level="Eventually",
                timeout=SEARCH_SECONDS,
            )
        scores = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), NO_ROW, np.int64)
        for place, hits in enumerate(answer):
            rows[place, : len(hits)] = [hit["id"] for hit in hits]
            scores[place, : len(hits)] = [hit["distance"] for hit in hits]
        return scores, rows

    def _scan(self, segment: Segment, queries: Vectors, k: int, condition: str) -> tuple[Vectors, Rows]:
        """The k best of one segment, exactly: every row that passes is fetched."""
        scores = np.empty((len(queries), 0), np.float32)
        rows = np.empty((len(queries), 0), np.int64)
        for batch in read_segment(self.connection, segment, condition):
            present = ~np.isin(batch.rows, self.gone)
            scores = np.concatenate([scores, queries @ batch.vectors[present].T], axis=1)
            rows = np.concatenate([rows, np.tile(batch.rows[present], (len(queries), 1))], axis=1)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            scores, rows = np.take_along_axis(scores, best, 1), np.take_along_axis(rows, best, 1)
        return scores, rows

    def _fetch(self, segment: Segment, rows: Rows) -> Vectors:
        """The vectors of some rows of a segment, float32 [n, d]."""
        with self.connection.client() as client:
            found = client.query(
                segment.name,
                filter=expression(rows),
                output_fields=["row", "vector"],
                consistency_level="Eventually",
                timeout=SEARCH_SECONDS,
            )
        vector_of = {int(one["row"]): one["vector"] for one in found}
        if missing := [row for row in rows.tolist() if row not in vector_of]:
            raise self.connection.unavailable(f"{segment.name} answers without its row {missing[0]}")
        return np.array([vector_of[row] for row in rows.tolist()], np.float32)

    def _each(self, parts: Sequence[Part], ask: Callable[[Part], Found]) -> list[Found]:
        """Ask for each part, several at once; a part that cannot be answered fails all."""
        return [ask(part) for part in parts] if len(parts) < 2 else list(_POOL.map(ask, parts))


def _within(segment: Segment, rows: Rows) -> Rows:
    """Those of rising rows that lie in a segment."""
    return rows[np.searchsorted(rows, segment.start) : np.searchsorted(rows, segment.stop)]


def _gone_beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-gone.npy")
