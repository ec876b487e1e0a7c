"""Whether an engine on Milvus gives what FAISS gives, and what that costs, with filters and without.

    python -m benchmarks.milvus_engine [--count 100000] [--dimension 512] [--url URL] [--report docs/scaling.md]

Vectors are synthetic, as in benchmarks/engines.py. Each query takes the first stage's 200 rows, compares their vectors
again, and keeps ten, as a search does; the right ten are those of an exact scan. The reference is the engine that
FAISS would be given, in the same run, one query at a time. Without --url a server is started in a temporary folder.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.engines import DIMENSION, synthesise
from benchmarks.report import machine, page_for, table, write_part
from embedding.encoders.protocol import Vectors
from index.engines.exact_scan import exact_scan
from index.engines.faiss_engine import FaissEngine, originals_path
from index.engines.milvus.building import RowSource, SegmentWriter
from index.engines.milvus.connection import connection_to
from index.engines.milvus.engine import MilvusEngine
from index.engines.milvus.housekeeping import drop_others
from index.engines.milvus.segments import Batch
from index.engines.protocol import HalfVectors, Rows, VectorEngine
from index.engines.row_fields import AFTER_ALL, BEFORE_ALL, Condition, RowFields, token
from index.engines.tuning import TOP_K
from index.engines.writing import write_engine

QUERIES, FIRST_STAGE, TARGET = 500, 200, 0.99
_PREFIX = "benchmark_milvus_engine"


@dataclass(frozen=True)
class Case:
    """One kind of filter, as each engine is given it; its queries are those that `queries` chooses."""

    name: str
    condition: Condition | None
    allowed: Rows | None


@dataclass(frozen=True)
class Measured:
    """Of one engine and case: the milliseconds of each query, its first ten after rescoring."""

    milliseconds: list[float]
    tens: list[list[int]]


def fields_of(row: int) -> RowFields:
    """A brand of one of a thousand, a country of one of ten, a kind of one of two; a third is of unknown days."""
    tokens = (token("brand", str(row % 997)), token("country", str(row % 10)), token("kind", str(row % 2)))
    return RowFields(
        row // 2,
        tuple(sorted(tokens)),
        BEFORE_ALL if row % 3 == 0 else 730_000 + row % 100,
        AFTER_ALL if row % 3 == 1 else 737_000,
    )


def cases(count: int) -> list[Case]:
    """No filter, and filters that allow half, a tenth, a thousandth; and by days."""
    conditions = {
        "one row of two": Condition(((token("kind", "1"),),)),
        "of ten": Condition(((token("country", "4"),),)),
        "of a thousand": Condition(((token("brand", "7"),),)),
        "first seen before a day, or unknown": Condition(first_before=730_020),
    }
    listed = {
        name: np.array([row for row in range(count) if each.allows(fields_of(row), "")], np.int64)
        for name, each in conditions.items()
    }
    return [Case("none", None, None), *(Case(name, each, listed[name]) for name, each in conditions.items())]


def measure(find: Callable[[Vectors, Case], Rows], engine: VectorEngine, case: Case, queries: Vectors) -> Measured:
    """Ask for the first stage's rows one query at a time, and rescore them by their vectors."""
    find(queries[:1], case)
    milliseconds, tens = [], []
    for query in queries:
        begun = time.perf_counter()
        rows = np.unique(find(query[None], case))
        rows = rows[rows >= 0]
        scores = engine.vectors(rows) @ query
        milliseconds.append((time.perf_counter() - begun) * 1000)
        tens.append(rows[np.argsort(-scores, kind="stable")[:TOP_K]].tolist())
    return Measured(milliseconds, tens)


@contextmanager
def server(url: str | None) -> Iterator[str]:
    """The server of an address, or one of this benchmark's own."""
    if url is not None:
        yield url
        return
    # The tests' starter of servers is not installed with the product.
    from tests.milvus import running

    with running() as started:
        yield started.url


def build(writer: SegmentWriter, vectors: HalfVectors) -> tuple[MilvusEngine, float | None, float]:
    """The engine on the server, its recall@10 on held-out rows, and the seconds that it took."""

    def read(places: Rows) -> Batch:
        some = places.tolist()
        return Batch(
            places,
            np.asarray(vectors[places], np.float32),
            tuple(f"{row:064x}" for row in some),
            ("0.0,0.0,1.0,1.0",) * len(some),
            tuple(map(fields_of, some)),
        )

    begun = time.perf_counter()
    engine, recall = writer.build(RowSource(np.arange(len(vectors)), read), TARGET)
    return engine, recall, time.perf_counter() - begun


def compare(engine: MilvusEngine, local: FaissEngine, vectors: HalfVectors, queries: Vectors) -> tuple[list[str], int]:
    """A table of both engines, compared with an exact scan, and how many of the right ids Milvus missed."""
    rows, missing = [], 0
    for number, case in enumerate(cases(len(vectors))):
        some = queries[number::5]
        allowed = np.arange(len(vectors)) if case.allowed is None else case.allowed
        _, right = exact_scan(some, TOP_K, allowed, vectors)
        there = measure(lambda q, c: engine.search_where(q, FIRST_STAGE, c.condition)[1], engine, case, some)
        here = measure(lambda q, c: local.search(q, FIRST_STAGE, c.allowed)[1], local, case, some)
        wanted = [set(ten) for ten in right.tolist()]
        lost = [len(want - set(ten)) for want, ten in zip(wanted, there.tens, strict=True)]
        missing += sum(lost)
        p50 = median(there.milliseconds), median(here.milliseconds)
        same = float(np.mean([not one for one in lost]))
        rows.append((case.name, f"{same:.3f}", sum(lost), *(f"{one:.1f}" for one in (*p50, p50[0] / p50[1]))))
    titles = ("filter", "same first ten", "ids missing", "Milvus, p50 ms", "FAISS, p50 ms", "ratio")
    return table(titles, rows), missing


def lines_of(count: int, dimension: int, url: str | None) -> list[str]:
    """Build both engines, ask both, and compare them with an exact scan."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.index"
        vectors = shortened(synthesise(originals_path(path), count, 0), dimension)
        queries = np.asarray(shortened(synthesise(Path(folder) / "queries", QUERIES, 1), dimension), np.float32)
        begun = time.perf_counter()
        local = write_engine(path, vectors, (2 * dimension + 300) * count, TARGET)
        local_seconds = time.perf_counter() - begun
        with server(url) as address:
            writer = SegmentWriter(connection_to(address), _PREFIX, dimension)
            try:
                engine, recall, seconds = build(writer, vectors)
                compared, missing = compare(engine, local.engine, vectors, queries)
            finally:
                drop_others(writer.connection, _PREFIX, ())
    told = 0 if recall is None else (1 - recall) * QUERIES * TOP_K
    return [
        f"{count:,} vectors of {dimension} numbers, {QUERIES} queries, a fifth of them with each filter; "
        f"`{engine.stats().spec}` written and proven in {seconds:.0f} s, recall@{TOP_K} in the manifest {recall:.4f}; "
        f"FAISS `{local.engine.stats().spec}` in {local_seconds:.0f} s, recall@{TOP_K} {local.recall:.4f}. "
        f"{machine('faiss-cpu', 'pymilvus')}.",
        "",
        *compared,
        f"Of {QUERIES * TOP_K} ids {missing} are missing; the manifest's recall tells of {told:.0f}.",
        "",
    ]


def shortened(vectors: HalfVectors, dimension: int) -> HalfVectors:
    """The first numbers of unit vectors [n, d], as unit vectors float16 [n, dimension]."""
    if dimension == vectors.shape[1]:
        return vectors
    kept = np.asarray(vectors[:, :dimension], np.float32)
    unit: HalfVectors = (kept / np.linalg.norm(kept, axis=1, keepdims=True)).astype(np.float16)
    return unit


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=DIMENSION)
    parser.add_argument("--url")
    parser.add_argument("--report", type=page_for("milvus"))
    arguments = parser.parse_args()
    write_part(arguments.report, "milvus", lines_of(arguments.count, arguments.dimension, arguments.url))


if __name__ == "__main__":
    main()
