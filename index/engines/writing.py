"""The files of an engine: vectors are gathered, the engine is built, tuned and saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.choice import EXACT_BELOW
from index.engines.faiss_engine import BLOCK, originals_path
from index.engines.layered import LayeredEngine
from index.engines.protocol import HalfVectors, Rows
from index.engines.tuning import Tuned, build_tuned


def gather(path: Path, rows: Rows, dimension: int, read: Callable[[Rows], Vectors]) -> Vectors | HalfVectors:
    """The vectors of an engine that will be written to `path`, in order.

    Few are kept in memory, float32 [n, dimension]; many in a memory-mapped file beside `path`, float16.

    Args:
        rows: int64 [n], of the vector store; read: returns the float32 [m, dimension] of some of them.
    """
    if len(rows) < EXACT_BELOW:
        return read(rows)
    originals = originals_path(path)
    with originals.open("wb") as file:
        for start in range(0, len(rows), BLOCK):
            read(rows[start : start + BLOCK]).astype(np.float16).tofile(file)
    return np.memmap(originals, np.float16, "r", shape=(len(rows), dimension))


def write_engine(
    path: Path, vectors: Vectors | HalfVectors, memory_budget: int, target: float, gone: Rows | None = None
) -> Tuned:
    """Build the engine that suits vectors from `gather`, and save it; see `build_tuned` for the arguments.

    Args:
        gone: rows that are never found, int64 [m], rising; where there are some, a layered engine is saved.
    """
    tuned = build_tuned(vectors, memory_budget, target)
    if gone is None or not len(gone):
        tuned.engine.save(path)
    else:
        LayeredEngine.build(tuned.engine, np.empty((0, vectors.shape[1]), np.float32), gone).save(path)
    if not tuned.engine.needs_originals:
        originals_path(path).unlink(missing_ok=True)
    return tuned
