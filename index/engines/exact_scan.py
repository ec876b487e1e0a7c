"""Every query against some rows, read in blocks: what a narrow filter, a refinement or an honest reference needs."""

from __future__ import annotations

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.choice import EXACT, EXACT_HALF
from index.engines.faiss_library import faiss
from index.engines.protocol import NO_ROW, Bfloat16Vectors, KeptVectors, Rows

BLOCK = 16_384
# So many queries pay for a conversion to float32, whose products are a matrix multiplication.
_MANY = 16
# So many bfloat16 vectors are widened at a time: they stay in the processor's cache.
_SLICE = 128


def exact_scan(queries: Vectors, k: int, rows: Rows, vectors: KeptVectors) -> tuple[Vectors, Rows]:
    """The k best among `rows`, exactly.

    Args:
        queries: float32 [q, d]; rows: int64 [m], rising; vectors: float32, float16 or bfloat16
            [n, d], a memory map too.

    Returns:
        scores float32 [q, k], falling, and rows int64 [q, k]; where there are fewer, score -inf and row NO_ROW.
    """
    scores = np.full((len(queries), k), -np.inf, np.float32)
    found = np.full((len(queries), k), NO_ROW, np.int64)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        similarity, place = _scan(queries, min(k, len(block)), vectors[block])
        every = np.concatenate([scores, similarity], axis=1)
        every_row = np.concatenate([found, np.where(place < 0, NO_ROW, block[place])], axis=1)
        order = np.argsort(-every, axis=1, kind="stable")[:, :k]
        scores = np.take_along_axis(every, order, axis=1)
        found = np.take_along_axis(every_row, order, axis=1)
    return scores, found


def _scan(queries: Vectors, k: int, block: KeptVectors) -> tuple[Vectors, Rows]:
    """The k best places in a block."""
    if block.dtype == np.uint16:
        return _scan_brain(queries, k, block.view(np.uint16))
    # float16 is what FAISS's SQfp16 keeps, so it is taken as it is.
    half = block.dtype == np.float16 and len(queries) < _MANY
    index = faiss.index_factory(block.shape[1], EXACT_HALF if half else EXACT, faiss.METRIC_INNER_PRODUCT)
    if half:
        index.add_sa_codes(np.ascontiguousarray(block).view(np.uint8))
    else:
        index.add(np.ascontiguousarray(block, np.float32))
    scores, places = index.search(queries, k)
    return np.where(places < 0, np.float32(-np.inf), scores), places


def _scan_brain(queries: Vectors, k: int, block: Bfloat16Vectors) -> tuple[Vectors, Rows]:
    """The same of bfloat16: FAISS's own scan would round the queries to it as well."""
    similarity = np.empty((len(queries), len(block)), np.float32)
    for start in range(0, len(block), _SLICE):
        single = (block[start : start + _SLICE].astype(np.uint32) << 16).view(np.float32)
        similarity[:, start : start + _SLICE] = queries @ single.T
    places = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
    places = np.take_along_axis(places, np.argsort(-np.take_along_axis(similarity, places, 1), kind="stable"), 1)
    return np.take_along_axis(similarity, places, 1), places
