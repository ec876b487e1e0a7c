"""From pictures to entries: a product with several pictures is one candidate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Vectors
from index.generations.families import availability
from index.generations.snapshot import Snapshot
from index.search.answer import Candidate, Evidence, Matched, Query
from index.search.rerank import ImageMatch, RerankResult


def group(examined: RerankResult, records: Snapshot, query: Query) -> tuple[Candidate, ...]:
    """Rank entries: each query picture takes an entry's best picture, and the query's pictures are averaged."""
    first = examined.first
    if not len(first):
        return ()
    entries, owner = np.unique(np.array(first.entries), return_inverse=True)
    words = None if first.words is None else _best(first.words[:, None], owner, len(entries))[:, 0]
    scores = _score(_best(examined.scores, owner, len(entries)), words)
    similarity = _best(first.pictures, owner, len(entries))
    closeness = examined.scores.sum(axis=1) if query.images else first.words
    assert closeness is not None
    candidates = []
    for rank, index in enumerate(np.lexsort((entries, -scores))[: query.limit].tolist(), start=1):
        places = np.flatnonzero(owner == index)
        best = int(places[np.argmax(closeness[places])])
        evidence = Evidence(
            similarity=tuple(map(float, similarity[index])),
            text_similarity=None if words is None else float(words[index]),
            region=first.regions[best],
            matched=_matched(examined.looks, first.images[best]),
        )
        entry = records.entry(int(entries[index]))
        sold = availability(records.family(entry.id)) if query.collection == "catalogue" else None
        candidates.append(Candidate(rank, entry, float(scores[index]), None, first.images[best], evidence, sold))
    return tuple(candidates)


def _matched(looks: tuple[ImageMatch, ...], image: str) -> tuple[Matched, ...]:
    return tuple(
        Matched(evidence.pairs, evidence.region_query, evidence.region_catalogue, look.turn)
        for look in looks
        if (evidence := look.evidence.get(image)) is not None
    )


def _best(values: Vectors, owner: npt.NDArray[np.intp], count: int) -> Vectors:
    """The largest value of each owner and column: [s, n] -> [count, n]."""
    best: Vectors = np.full((count, values.shape[1]), -np.inf, np.float32)
    np.maximum.at(best, owner, values)
    return best


def _score(pictures: Vectors, words: Vectors | None) -> Vectors:
    """One score per entry: the mean over pictures, the words, or both on one scale.

    Words are added on the pictures' own scale, because a CLIP model's image-text cosines spread far less than its
    image-image cosines (the modality gap: Liang et al., "Mind the Gap", 2022, https://arxiv.org/abs/2203.02053).
    """
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
