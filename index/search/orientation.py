"""Which way up a query's pictures are: of four rotations, the one whose nearest neighbour is nearest.

Shops show things upright and people photograph them as they lie, but neither embeddings nor keypoints are invariant to
rotation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embedding.encoders.protocol import Encoder, Vectors
from embedding.query_views import QueryViews, embed_rotated, embed_views
from index.search.neighbours import Neighbours
from index.search.rerank import RerankResult

# A picture that shares more keypoints than this with one of the catalogue is the same way up.
MAX_DOUBTFUL_INLIERS = 25
# By how much the best candidate of the rotated pictures must score higher, because most photos are taken upright. With
# less, pictures of which a third is hidden suffer: 0.53 of 97 had their product first with none, 0.58 with this.
MIN_SCORE_GAIN = 0.06
# The nearest of this many neighbours counts: an engine of short codes may miss the nearest when only one is requested.
_NEIGHBOURS = 10


def correct_rotation(
    views: Sequence[QueryViews],
    image_embeddings: Sequence[Vectors],
    reranked: RerankResult,
    encoder: Encoder,
    neighbours: Neighbours,
) -> tuple[tuple[QueryViews, ...], tuple[Vectors, ...]] | None:
    """A query's pictures, each in the rotation that fits the index best, and their embeddings; None where none changes.

    Only pictures that re-ranking left in doubt are tried in other rotations.

    Args:
        views, image_embeddings: of each query picture its views, and their embeddings float32 [v, d].
        reranked: the result for the pictures as they are.
        neighbours: the rows that may answer. No other picture decides a rotation.
    """
    originals = list(zip(views, image_embeddings, strict=True))
    chosen = list(originals)
    for number, image_match in enumerate(reranked.image_matches):
        if image_match.max_inliers > MAX_DOUBTFUL_INLIERS:
            continue
        options = [image_embeddings[number], *embed_rotated(views[number], encoder)]
        # Of several that are equally near, max() takes the first: the picture as it is.
        quarters = max(range(len(options)), key=lambda quarters: _nearness(options[quarters], neighbours))
        if quarters:
            rotated = views[number].rotated(quarters)
            (embeddings,) = embed_views([rotated], encoder)
            chosen[number] = rotated, embeddings
    if all(query is original for (query, _), original in zip(chosen, views, strict=True)):
        return None
    return tuple(query for query, _ in chosen), tuple(embeddings for _, embeddings in chosen)


def choose_orientation(original: RerankResult, rotated: RerankResult) -> RerankResult:
    """The result for the original pictures, or for the rotated ones if their best candidate scores clearly higher."""
    return rotated if _best_score(rotated) > _best_score(original) + MIN_SCORE_GAIN else original


def _best_score(reranked: RerankResult) -> float:
    return float(reranked.scores.mean(axis=1).max(initial=-np.inf))


def _nearness(embeddings: Vectors, neighbours: Neighbours) -> float:
    """The highest cosine between any of the views float32 [v, d] and any allowed row."""
    return float(neighbours.search(embeddings, _NEIGHBOURS)[0].max())
