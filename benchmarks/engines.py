"""How fast, small and exact the index is, from ten thousand vectors to ten million, compared with references.

    python -m benchmarks.engines --folder DIR [--count 1000000 ...] [--report docs/benchmarks.md]

Vectors are synthetic: clusters in a subspace of few directions, plus noise in all. The engine is the one that
`index.engines.tuning` chooses for each case; the references are NumPy's brute force and usearch's HNSW of half
precision, given the same queries in the same run on one thread. Every time is given with its recall. Cases that were
measured earlier are kept in DIR/measured.json, so that the large ones can be run separately.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.engines_report import write_report
from benchmarks.report import machine, page_for
from embedding.encoders.protocol import Vectors
from index.engines.choice import EXACT_BELOW
from index.engines.exact_scan import exact_scan
from index.engines.faiss_engine import FaissEngine, originals_path
from index.engines.faiss_library import faiss
from index.engines.protocol import HalfVectors, Rows
from index.engines.tuning import TOP_K, recall
from index.engines.writing import write_engine

DIMENSION = 512
QUERIES = 1000
# The number of queries with each filter, and for slow references.
FILTERED, SLOW = 200, 5
BATCH = 1000
WIDTHS = (0.01, 0.0001)
# Beyond these counts usearch takes too long to build a graph, and float32 too much memory.
USEARCH_UP_TO, LOADED_UP_TO = 100_000, 1_000_000
_CHUNK = 65_536
# The local dimension of 1,700 such vectors is 19; of as many real embeddings of the starter model 15.
_DIRECTIONS, _SPREAD, _NOISE = 24, 0.6, 0.25


@dataclass(frozen=True)
class Case:
    """The number of vectors, the bytes of memory that each may take, and the recall@10 to reach."""

    count: int
    budget: int
    target: float


CASES = (
    Case(10_000, 2048, 0.99),
    Case(100_000, 1300, 0.99),
    Case(1_000_000, 1300, 0.99),
    Case(1_000_000, 300, 0.95),
    Case(10_000_000, 300, 0.95),
)


@dataclass(frozen=True)
class Speed:
    """Milliseconds of single queries on one thread, and their recall@10."""

    p50: float
    p99: float
    recall: float


@dataclass(frozen=True)
class Opened:
    """A saved engine, opened and searched by a new process.

    `opening`: seconds. `resident`: bytes of memory that opening and searching added, pages of mapped files included.
    `batched`: queries a second on all cores. `filtered`: by the share of rows allowed.
    """

    opening: float
    resident: int
    single: Speed
    batched: float
    filtered: dict[str, Speed]


@dataclass(frozen=True)
class Reference:
    """The figures of a reference; `build` in seconds, `bytes` a vector."""

    build: float
    bytes: float
    single: Speed


@dataclass(frozen=True)
class Result:
    """The result of a case; `bytes` a vector as the engine states it, `build` and tuning in seconds."""

    case: Case
    spec: str
    promised: float | None
    refused: tuple[str, ...]
    build: float
    bytes: float
    opened: Opened
    brute_force: Reference
    usearch: Reference | None
    machine: str


Output = TypeVar("Output")


def synthesise(path: Path, count: int, seed: int) -> HalfVectors:
    """Unit vectors [count, DIMENSION] as float16 in a file: clustered in few directions, with noise in all."""
    shared = np.random.default_rng(1)
    directions = shared.normal(size=(_DIRECTIONS, DIMENSION)).astype(np.float32) / DIMENSION**0.5
    centres = shared.normal(size=(20_000, _DIRECTIONS)).astype(np.float32)
    with path.open("wb") as file:
        for start in range(0, count, _CHUNK):
            random, size = np.random.default_rng((seed, start)), min(_CHUNK, count - start)
            inner = centres[random.integers(0, len(centres), size)]
            inner = inner + _SPREAD * random.standard_normal((size, _DIRECTIONS), np.float32)
            noise = random.standard_normal((size, DIMENSION), np.float32)
            vectors = inner @ directions + _NOISE * noise * (_DIRECTIONS / DIMENSION) ** 0.5
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors.astype(np.float16).tofile(file)
    return np.memmap(path, np.float16, "r", shape=(count, DIMENSION))


@dataclass(frozen=True)
class Files:
    """The files of a case: vectors, and queries with the rows nearest to each."""

    folder: Path
    count: int

    @property
    def engine(self) -> Path:
        return self.folder / "catalogue.index"

    @property
    def vectors(self) -> HalfVectors:
        return np.memmap(self.folder / "vectors", np.float16, "r", shape=(self.count, DIMENSION))

    @property
    def queries(self) -> Vectors:
        return np.asarray(np.fromfile(self.folder / "queries", np.float16).reshape(-1, DIMENSION), np.float32)

    @property
    def nearest(self) -> Rows:
        found: Rows = np.load(self.folder / "nearest.npy")
        return found


def measure(case: Case, folder: Path, where: str) -> Result:
    """Build, save, open and search the engine of a case, then its references; `where`: a description of the machine."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = Files(folder, case.count)
    synthesise(folder / "vectors", case.count, 0)
    synthesise(folder / "queries", QUERIES, 2)
    say(f"{case}: vectors made")
    nearest = exact_scan(files.queries, TOP_K, np.arange(case.count), files.vectors)[1]
    np.save(folder / "nearest.npy", nearest)
    spec, promised, refused, build, size = _in_own_process(partial(build_engine, case), files)
    say(f"{case}: {spec} built in {build:.0f} s")
    opened = _in_own_process(partial(search_engine, spec), files)
    say(f"{case}: p50 {opened.single.p50:.2f} ms at recall {opened.single.recall:.3f}")
    brute_force = _in_own_process(search_numpy, files)
    usearch = _in_own_process(search_usearch, files) if case.count <= USEARCH_UP_TO else None
    shutil.rmtree(folder)
    return Result(
        case,
        spec,
        promised,
        refused,
        build,
        size,
        opened,
        brute_force,
        usearch,
        where,
    )


def build_engine(case: Case, files: Files) -> tuple[str, float | None, tuple[str, ...], float, float]:
    """Build and save the engine that suits a case."""
    originals = originals_path(files.engine)
    os.link(files.folder / "vectors", originals)
    started = time.perf_counter()
    vectors: Vectors | HalfVectors = np.memmap(originals, np.float16, "r", shape=(case.count, DIMENSION))
    if case.count < EXACT_BELOW:
        vectors = np.asarray(vectors, np.float32)
    tuned = write_engine(files.engine, vectors, case.budget * case.count, case.target)
    stats = tuned.engine.stats()
    return stats.spec, tuned.recall, tuned.refused, time.perf_counter() - started, stats.bytes / case.count


def search_engine(spec: str, files: Files) -> Opened:
    queries, before = files.queries, _resident()
    started = time.perf_counter()
    engine = FaissEngine.open(files.engine, spec)
    engine.search(queries[-1:], TOP_K)
    opening = time.perf_counter() - started
    faiss.omp_set_num_threads(1)
    single = _speed(partial(_rows, engine, None), queries, files.nearest)
    resident = _resident() - before
    filtered = {}
    for share in WIDTHS:
        allow = np.flatnonzero(np.random.default_rng(3).random(files.count) < share)
        if len(allow) >= TOP_K:
            right = exact_scan(queries[:FILTERED], TOP_K, allow, files.vectors)[1]
            filtered[str(share)] = _speed(partial(_rows, engine, allow), queries[:FILTERED], right)
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    started = time.perf_counter()
    engine.search(queries, TOP_K)
    return Opened(opening, resident, single, QUERIES / (time.perf_counter() - started), filtered)


def _rows(engine: FaissEngine, allow: Rows | None, query: Vectors) -> Rows:
    return engine.search(query, TOP_K, allow)[1]


def search_numpy(files: Files) -> Reference:
    """One matrix product with every vector, in float32 and blocks."""

    def search(query: Vectors) -> Rows:
        scores = np.concatenate(
            [
                np.asarray(files.vectors[start : start + _CHUNK], np.float32) @ query[0]
                for start in range(0, files.count, _CHUNK)
            ]
            if loaded is None
            else [loaded @ query[0]]
        )
        best = np.argpartition(-scores, TOP_K)[:TOP_K]
        return best[np.argsort(-scores[best])][None]

    # Converted beforehand where it fits in memory, because conversion is not to be measured.
    loaded = np.asarray(files.vectors, np.float32) if files.count <= LOADED_UP_TO else None
    return Reference(0, 4 * DIMENSION, _speed(search, files.queries[:SLOW], files.nearest[:SLOW]))


def search_usearch(files: Files) -> Reference:
    """Another library's graph over half precision, with its defaults."""
    from usearch.index import Index

    started, before = time.perf_counter(), _resident()
    index = Index(ndim=DIMENSION, metric="ip", dtype="f16")
    for start in range(0, files.count, _CHUNK):
        block = np.asarray(files.vectors[start : start + _CHUNK])
        index.add(np.arange(start, start + len(block)), block, threads=os.cpu_count() or 1)
    build, size = time.perf_counter() - started, _resident() - before
    single = _speed(
        lambda query: index.search(query[0].astype(np.float16), TOP_K, threads=1).keys.astype(np.int64)[None],
        files.queries,
        files.nearest,
    )
    return Reference(build, size / files.count, single)


def _speed(search: Callable[[Vectors], Rows], queries: Vectors, nearest: Rows) -> Speed:
    seconds, found = [], []
    for query in queries:
        started = time.perf_counter()
        found.append(search(query[None])[0])
        seconds.append(time.perf_counter() - started)
    p50, p99 = np.quantile(seconds, (0.5, 0.99)) * 1000
    return Speed(float(p50), float(p99), recall(np.array(found[: len(nearest)]), nearest))


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _in_own_process(function: Callable[[Files], Output], files: Files) -> Output:
    """Run in a process of its own, so that only its memory is measured."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(function, (files,))


def say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--count", type=int, action="append", help="Only the cases of this count; may be repeated.")
    parser.add_argument("--report", type=page_for("engines"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    kept = options.folder / "measured.json"
    # First, so that a missing library is noticed at once, and not after an hour when the report is written.
    where = machine("faiss-cpu", "usearch", "numpy")
    measured: dict[str, Any] = json.loads(kept.read_bytes()) if kept.exists() else {}
    for case in CASES:
        if options.count is None or case.count in options.count:
            measured[str(case)] = asdict(measure(case, options.folder / "case", where))
            kept.write_text(json.dumps(measured, indent=1), encoding="utf-8")
    write_report(options.report, [measured[str(case)] for case in CASES if str(case) in measured])


if __name__ == "__main__":
    main()
