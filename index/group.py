"""From pictures to entries: a product with several pictures is one candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedding.encoders.protocol import Vectors
from index.answer import Candidate, Evidence, Query
from index.engines.protocol import Rows
from index.snapshot import Snapshot


@dataclass(frozen=True)
class Similarities:
    """Cosines of the first list's rows [r]: with the query's pictures float32 [r, n], with its words [r] or None."""

    rows: Rows
    pictures: Vectors
    words: Vectors | None


def group(similarities: Similarities, records: Snapshot, query: Query) -> tuple[Candidate, ...]:
    """Rank entries: each query picture takes an entry's best row, and the query's pictures are averaged.

    Words are added on the pictures' own scale, because a CLIP model's image-text cosines spread far less than its
    image-image cosines (the modality gap: Liang et al., "Mind the Gap", 2022, https://arxiv.org/abs/2203.02053).
    """
    if len(similarities.rows) == 0:
        return ()
    shown = records.shown(query.collection, similarities.rows.tolist())
    owners = np.array([shown[row].entry for row in similarities.rows.tolist()])
    entries, owner = np.unique(owners, return_inverse=True)
    pictures = _best(similarities.pictures, owner, len(entries))
    words = None if similarities.words is None else _best(similarities.words[:, None], owner, len(entries))[:, 0]
    scores = _score(pictures, words)
    ranked = np.lexsort((entries, -scores))[: query.limit]
    candidates = []
    for rank, index in enumerate(ranked.tolist(), start=1):
        rows = np.flatnonzero(owner == index)
        closeness = similarities.pictures[rows].mean(axis=1) if query.images else similarities.words[rows]  # type: ignore[index]
        best = shown[int(similarities.rows[rows[np.argmax(closeness)]])]
        evidence = Evidence(
            tuple(map(float, pictures[index])), None if words is None else float(words[index]), best.region
        )
        entry = records.entry(int(entries[index]))
        candidates.append(Candidate(rank, entry, float(scores[index]), None, best.image, evidence))
    return tuple(candidates)


def _best(values: Vectors, owner: np.ndarray[tuple[int], np.dtype[np.intp]], count: int) -> Vectors:
    """The largest value of each owner and column: [r, n] -> [count, n]."""
    best: Vectors = np.full((count, values.shape[1]), -np.inf, np.float32)
    np.maximum.at(best, owner, values)
    return best


def _score(pictures: Vectors, words: Vectors | None) -> Vectors:
    """One score per entry: the mean over pictures, the words, or both on one scale."""
    if words is None:
        mean: Vectors = pictures.mean(axis=1, dtype=np.float32)
        return mean
    if pictures.shape[1] == 0:
        return words
    seen: Vectors = pictures.mean(axis=1, dtype=np.float32)
    spread = float(words.std())
    if spread == 0.0:
        return seen
    seen += (words - words.mean()) * np.float32(seen.std() / spread)
    return seen
