"""Search parameters chosen by measurement: held-out vectors are searched for, and recall is computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.choice import EXACT_BELOW, EngineSpec, choose
from index.engines.exact_scan import exact_scan
from index.engines.faiss_engine import FaissEngine
from index.engines.protocol import HalfVectors, Rows

# Recall is that of the TOP_K nearest vectors.
TOP_K = 10
_HELD_OUT = 500
# The values to try; where the last does not reach the target, another index is better.
EF_SEARCHES = (16, 32, 64, 96, 128, 192, 256, 384, 512)
NPROBES = (8, 16, 32, 64, 128, 256, 512)
K_FACTORS = (2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Tuned:
    """An engine, its recall@10 on held-out vectors (None: it is an exact scan), and why others were refused."""

    engine: FaissEngine
    recall: float | None
    refused: tuple[str, ...] = ()


def held_out(count: int) -> int:
    """How many of `count` vectors are indexed last, so that the index can be tuned with them as unseen queries."""
    return min(_HELD_OUT, count // 20) if count >= EXACT_BELOW else 0


def build_tuned(vectors: Vectors | HalfVectors, memory_budget: int, target: float) -> Tuned:
    """The fastest engine that reaches a recall.

    Args:
        vectors: unit vectors, float16 or float32 [n, d]; the last `held_out(n)` must be a random sample of all.
        memory_budget, target: as in `choose`.
    """
    count, dimension = vectors.shape
    specs = choose(count, dimension, memory_budget, target)
    if not _is_approximate(specs[0]):
        return Tuned(FaissEngine.build(vectors, str(specs[0])), None)
    indexed = count - held_out(count)
    queries = np.asarray(vectors[indexed:], np.float32)
    _, nearest = exact_scan(queries, TOP_K, np.arange(indexed), vectors)
    refused: list[str] = []
    for spec in specs:
        if not _is_approximate(spec):
            break
        engine = FaissEngine.build(vectors, str(spec), indexed)
        engine, reached = tune(engine, spec, queries, nearest, target)
        if reached >= target:
            engine.add(vectors, count)
            return Tuned(engine, reached, tuple(refused))
        refused.append(f"{engine.stats().spec} reached a recall@{TOP_K} of {reached:.3f}, not {target}")
    return Tuned(FaissEngine.build(vectors, str(specs[-1])), None, tuple(refused))


def tune(
    engine: FaissEngine, spec: EngineSpec, queries: Vectors, nearest: Rows, target: float
) -> tuple[FaissEngine, float]:
    """The least search parameters that reach a recall, or the largest, and the recall they gave.

    Args:
        queries: float32 [q, d], not in the engine; nearest: int64 [q, k], which of its rows are nearest to each.
    """
    if spec.is_graph:
        return _first(engine, [f"efSearch={ef_search}" for ef_search in EF_SEARCHES], queries, nearest, target)
    # First the number of lists, with the most refinement; then the least refinement for it.
    probed, _ = _first(engine, [f"nprobe={p},k_factor={K_FACTORS[-1]}" for p in NPROBES], queries, nearest, target)
    nprobe = EngineSpec.parse(probed.stats().spec).parameters["nprobe"]
    return _first(engine, [f"nprobe={nprobe},k_factor={f}" for f in K_FACTORS], queries, nearest, target)


def recall(found: Rows, nearest: Rows) -> float:
    """The share of the nearest that were found; int64 [q, k] both."""
    return float(np.mean([np.isin(right, rows).mean() for rows, right in zip(found, nearest, strict=True)]))


def _first(
    engine: FaissEngine, searches: list[str], queries: Vectors, nearest: Rows, target: float
) -> tuple[FaissEngine, float]:
    for search in searches:
        engine = engine.tuned(search)
        reached = recall(engine.search(queries, nearest.shape[1])[1], nearest)
        if reached >= target:
            break
    return engine, reached


def _is_approximate(spec: EngineSpec) -> bool:
    return spec.is_graph or spec.is_inverted
