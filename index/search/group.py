"""From images to entries: a product with several images is one candidate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Vectors
from index.generations.families import availability
from index.generations.snapshot import Snapshot
from index.search.answer import MAX_VARIANTS, Candidate, Evidence, Matched, Query
from index.search.rerank import ImageMatch, RerankResult


def group_by_entry(reranked: RerankResult, records: Snapshot, query: Query) -> tuple[Candidate, ...]:
    """Rank entries: each query picture takes an entry's best image, and the query's pictures are averaged.

    Products of one source that one image found with one score are variants of one candidate.
    """
    candidate_set = reranked.candidate_set
    if not len(candidate_set):
        return ()
    entries, owner = np.unique(np.array(candidate_set.entries), return_inverse=True)
    text_cosines = candidate_set.text_cosines
    text_similarity = None if text_cosines is None else _best(text_cosines[:, None], owner, len(entries))[:, 0]
    scores = _score(_best(reranked.scores, owner, len(entries)), text_similarity)
    similarity = _best(candidate_set.image_cosines, owner, len(entries))
    closeness = reranked.scores.sum(axis=1) if query.images else text_cosines
    assert closeness is not None
    candidates: dict[object, Candidate] = {}
    last_score = 0.0
    for index in np.lexsort((entries, -scores)).tolist():
        score = float(scores[index])
        if len(candidates) >= query.limit and score < last_score:
            break
        places = np.flatnonzero(owner == index)
        best = int(places[np.argmax(closeness[places])])
        image = candidate_set.images[best]
        entry = records.entry(int(entries[index]))
        look = (entry.source, image, score) if query.collection == "catalogue" else entry.id
        if (found := candidates.get(look)) is not None:
            if len(found.variants) < MAX_VARIANTS:
                candidates[look] = replace(found, variants=(*found.variants, entry))
            continue
        if len(candidates) >= query.limit:
            continue
        last_score = score
        evidence = Evidence(
            similarity=tuple(map(float, similarity[index])),
            text_similarity=None if text_similarity is None else float(text_similarity[index]),
            region=candidate_set.regions[best],
            matched=_matched(reranked.image_matches, image),
        )
        sold = availability(records.family(entry.id)) if query.collection == "catalogue" else None
        candidates[look] = Candidate(len(candidates) + 1, entry, score, None, image, evidence, sold)
    return tuple(candidates.values())


def _matched(image_matches: tuple[ImageMatch, ...], image: str) -> tuple[Matched, ...]:
    return tuple(
        Matched(match.pairs, match.region_query, match.region_catalogue, image_match.turn)
        for image_match in image_matches
        if (match := image_match.matches.get(image)) is not None
    )


def _best(values: Vectors, owner: npt.NDArray[np.intp], count: int) -> Vectors:
    """The largest value of each owner and column: [s, n] -> [count, n]."""
    best: Vectors = np.full((count, values.shape[1]), -np.inf, np.float32)
    np.maximum.at(best, owner, values)
    return best


def _score(image_scores: Vectors, text_cosines: Vectors | None) -> Vectors:
    """One score per entry: the mean over the query's pictures [m, n], the text's [m], or both on one scale.

    The text's cosines are scaled to the spread of the pictures' scores, because a CLIP model's image-text cosines
    spread far less than its image-image cosines (the modality gap: Liang et al., "Mind the Gap", 2022,
    https://arxiv.org/abs/2203.02053).
    """
    if text_cosines is None:
        mean: Vectors = image_scores.mean(axis=1, dtype=np.float32)
        return mean
    if image_scores.shape[1] == 0:
        return text_cosines
    scores: Vectors = image_scores.mean(axis=1, dtype=np.float32)
    spread = float(text_cosines.std())
    if spread == 0.0:
        return scores
    scores += (text_cosines - text_cosines.mean()) * np.float32(scores.std() / spread)
    return scores
