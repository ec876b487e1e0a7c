"""Every query compared with some rows, read in blocks: for narrow filters, and as the reference of recall."""

from __future__ import annotations

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.choice import EXACT, EXACT_HALF
from index.engines.faiss_library import faiss
from index.engines.protocol import NO_ROW, Bfloat16Vectors, Rows, StoredVectors

BLOCK = 16_384
# From so many queries on a conversion to float32 pays off, because it allows a matrix multiplication.
_CONVERT_FROM = 16
# How many bfloat16 vectors are converted at a time: so many fit in the processor's cache.
_SLICE = 128


def exact_scan(queries: Vectors, k: int, rows: Rows, vectors: StoredVectors) -> tuple[Vectors, Rows]:
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
        merged = np.concatenate([scores, similarity], axis=1)
        merged_rows = np.concatenate([found, np.where(place < 0, NO_ROW, block[place])], axis=1)
        order = np.argsort(-merged, axis=1, kind="stable")[:, :k]
        scores = np.take_along_axis(merged, order, axis=1)
        found = np.take_along_axis(merged_rows, order, axis=1)
    return scores, found


def _scan(queries: Vectors, k: int, block: StoredVectors) -> tuple[Vectors, Rows]:
    """The k best places in a block."""
    if block.dtype == np.uint16:
        return _scan_bfloat16(queries, k, block.view(np.uint16))
    # float16 is the format of FAISS's SQfp16, so it is added without conversion.
    half = block.dtype == np.float16 and len(queries) < _CONVERT_FROM
    index = faiss.index_factory(block.shape[1], EXACT_HALF if half else EXACT, faiss.METRIC_INNER_PRODUCT)
    if half:
        index.add_sa_codes(np.ascontiguousarray(block).view(np.uint8))
    else:
        index.add(np.ascontiguousarray(block, np.float32))
    scores, places = index.search(queries, k)
    return np.where(places < 0, np.float32(-np.inf), scores), places


def _scan_bfloat16(queries: Vectors, k: int, block: Bfloat16Vectors) -> tuple[Vectors, Rows]:
    """The same for bfloat16, because FAISS's own scan would round the queries to it as well."""
    similarity = np.empty((len(queries), len(block)), np.float32)
    for start in range(0, len(block), _SLICE):
        single = (block[start : start + _SLICE].astype(np.uint32) << 16).view(np.float32)
        similarity[:, start : start + _SLICE] = queries @ single.T
    places = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
    places = np.take_along_axis(places, np.argsort(-np.take_along_axis(similarity, places, 1), kind="stable"), 1)
    return np.take_along_axis(similarity, places, 1), places
