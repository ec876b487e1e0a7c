"""The segments of a generation: all anew, or those of the former one and what is new; small ones are merged."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.exact_scan import exact_scan
from index.engines.milvus.connection import Connection
from index.engines.milvus.engine import MilvusEngine
from index.engines.milvus.expression import has_any
from index.engines.milvus.segments import BATCH, Batch, Segment, read_segment, rows_with, write_segment
from index.engines.milvus.spec import HNSW, MilvusSpec, index_for
from index.engines.protocol import Rows
from index.engines.tuning import EF_SEARCHES, TOP_K, held_out, recall

# A segment has no more rows, so that forgetting one writes no more of them anew.
SEGMENT_ROWS = 4_000_000
# Every search asks each segment, so small ones are merged when there are more than so many.
SMALL_ROWS, MAX_SMALL = SEGMENT_ROWS // 8, 8
# A segment with a larger share of gone rows is written anew, because searches pass over them.
MAX_GONE_SHARE = 0.2
# The last reaches whatever recall a setting may ask for.
_EFS = (*EF_SEARCHES, 1024, 2048, 4096)


@dataclass(frozen=True)
class RowSource:
    """What a generation's rows are: `rows`, int64 [n], rising; `read` gives those at some places of it, int64 [m]."""

    rows: Rows
    read: Callable[[Rows], Batch]

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The rows from `start` to `stop`."""
        first, last = np.searchsorted(self.rows, [start, stop]).tolist()
        for place in range(first, last, BATCH):
            yield self.read(np.arange(place, min(place + BATCH, last)))

    def vectors(self, places: Rows) -> Vectors:
        """The vectors at some places, float32 [m, d]."""
        return self.read(places).vectors


@dataclass(frozen=True)
class SegmentWriter:
    """Writes segments on one server, all of whose names begin with `prefix`."""

    connection: Connection
    prefix: str
    dimension: int

    def write(self, source: RowSource, start: int, stop: int, index: str) -> Segment | None:
        """The rows from `start` to `stop` as a new segment; None where there are none."""
        return write_segment(self.connection, self.new_name(), self.dimension, index, source.batches(start, stop))

    def new_name(self) -> str:
        """A name that no segment has."""
        return f"{self.prefix}_{secrets.token_hex(8)}"

    def build(self, source: RowSource, target: float) -> tuple[MilvusEngine, float | None]:
        """All segments anew; returns the engine and its recall@10 on held-out rows, None where it is exact.

        Where there are many rows, the last `held_out(n)` must be a random sample of all.

        Args:
            target: the recall to reach; 1 requires an exact scan.
        """
        count = len(source.rows)
        index = index_for(count, target)
        indexed = count - (held_out(count) if index == HNSW else 0)
        segments = self._write_ranges(source, _chunks(source.rows[:indexed]), index)
        engine = self._engine(segments, MilvusSpec(index, _EFS[0] if index == HNSW else 0))
        reached = None
        if index == HNSW:
            engine, reached = _tune(engine, source, indexed, target)
            segments += self._write_ranges(source, _chunks(source.rows[indexed:]), index)
        return self._engine(segments, engine.spec), reached

    def extend(self, base: MilvusEngine, former: Rows, source: RowSource) -> MilvusEngine:
        """The base's segments and what is new, under the base's spec.

        Args:
            former: the rows that the base's generation has, int64 [n], rising.
        """
        segments: list[Segment] = []
        for part in plan(base.segments, source.rows):
            segments += [part] if isinstance(part, Segment) else self._write_ranges(source, [part], base.spec.index)
        kept = set(base.segments) & set(segments)
        gone = np.setdiff1d(np.union1d(base.gone, former), source.rows)
        still = np.zeros(len(gone), bool)
        for segment in kept:
            still |= (gone >= segment.start) & (gone < segment.stop)
        return MilvusEngine(self.connection, segments, gone[still], base.spec, self.dimension)

    def without(self, segment: Segment, tokens: Sequence[int], index: str) -> tuple[Segment | None, Rows]:
        """A segment without the rows that have one of some tokens, and those rows; itself where it has none."""
        removed = rows_with(self.connection, segment, has_any(tokens))
        if not len(removed):
            return segment, removed
        left = read_segment(self.connection, segment, f"not {has_any(tokens)}")
        return write_segment(self.connection, self.new_name(), self.dimension, index, left), removed

    def _write_ranges(self, source: RowSource, ranges: Sequence[tuple[int, int]], index: str) -> list[Segment]:
        written = [self.write(source, start, stop, index) for start, stop in ranges]
        return [segment for segment in written if segment is not None]

    def _engine(self, segments: Sequence[Segment], spec: MilvusSpec) -> MilvusEngine:
        return MilvusEngine(self.connection, segments, np.empty(0, np.int64), spec, self.dimension)


def plan(segments: Sequence[Segment], rows: Rows) -> list[Segment | tuple[int, int]]:
    """Which segments stay as they are, and which ranges of rows are written, in order of rows.

    Args:
        rows: all rows of the generation, int64 [n], rising; those after the last segment are new.
    """
    small = [segment for segment in segments if segment.rows < SMALL_ROWS]
    merged = set(small) if len(small) > MAX_SMALL else set()
    parts: list[Segment | tuple[int, int]] = []
    pending: tuple[int, int] | None = None
    stop = segments[-1].stop if segments else 0
    for segment in segments:
        used = int(np.diff(np.searchsorted(rows, [segment.start, segment.stop]))[0])
        if segment in merged or used < (1 - MAX_GONE_SHARE) * segment.rows:
            pending = (pending[0] if pending else segment.start, segment.stop)
            continue
        parts += [] if pending is None else _chunks(rows, *pending)
        parts.append(segment)
        pending = None
    last = int(rows[-1]) + 1 if len(rows) else stop
    parts += _chunks(rows, pending[0] if pending else stop, max(last, stop))
    return parts


def _chunks(rows: Rows, start: int | None = None, stop: int | None = None) -> list[tuple[int, int]]:
    """The rows within a range, in ranges of at most SEGMENT_ROWS rows each."""
    some = rows[(rows >= start) & (rows < stop)] if start is not None and stop is not None else rows
    firsts = some[::SEGMENT_ROWS].tolist()
    return list(zip(firsts, [*firsts[1:], int(some[-1]) + 1], strict=True)) if firsts else []


def _tune(engine: MilvusEngine, source: RowSource, indexed: int, target: float) -> tuple[MilvusEngine, float]:
    """The least `ef` that reaches a recall on the rows that are not indexed yet, or the largest; and the recall."""
    queries = source.vectors(np.arange(indexed, len(source.rows)))
    best = np.full((len(queries), 0), -np.inf, np.float32)
    nearest = np.empty((len(queries), 0), np.int64)
    for start in range(0, indexed, BATCH):
        places = np.arange(start, min(start + BATCH, indexed))
        scores, found = exact_scan(queries, TOP_K, np.arange(len(places)), source.vectors(places))
        best, nearest = np.concatenate([best, scores], 1), np.concatenate([nearest, places[found]], 1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :TOP_K]
        best, nearest = np.take_along_axis(best, order, 1), np.take_along_axis(nearest, order, 1)
    reached = 0.0
    for ef in _EFS:
        engine = engine.tuned(ef)
        reached = recall(engine.search(queries, TOP_K)[1], source.rows[nearest])
        if reached >= target:
            break
    return engine, reached
