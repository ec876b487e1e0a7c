"""Re-ranking: the nearest images compared with the query by keypoints on one plane, colours and aligned surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Vectors
from embedding.local import (
    QUERY_PLAN,
    GeometricMatch,
    LocalFeatures,
    align_and_compare,
    available,
    cosine_score,
    extract,
    match,
    match_coarsely,
    max_inliers,
    score,
)
from embedding.query_views import QueryViews
from index.search.first_stage import CandidateSet
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.workspace import Workspace

# How many images of the first stage are compared coarsely, and how many of those, the best by what that showed, by all
# their keypoints. On the photographs of docs/quality.md 10 of a hundred rank as all hundred do.
RERANK_DEPTH, FINALISTS = 100, 10


@dataclass(frozen=True)
class Reranker:
    """Compares a query's pictures with catalogue images by local features and colours."""

    features: FeatureStore

    def warm(self) -> None:
        """Load the network now, so that the first query is as fast as the second."""
        extract(np.zeros((64, 64, 3), np.uint8), QUERY_PLAN)

    def match_image(self, query: QueryViews, images: Sequence[str], standard_cosines: Vectors) -> ImageMatch:
        """Compare one query picture with catalogue images, nearest first, of known standard cosines float32 [n].

        All are compared coarsely, the finalists closely. Points are those of the query's box before it was rotated.
        """
        query_features, features = extract(query.image, QUERY_PLAN, query.hidden), self.features.get(images)
        matches = verify(query_features, features, standard_cosines)
        scores = score(standard_cosines, query_features, features, matches)
        matches = align_and_compare(query_features, features, matches, scores)
        scores = score(standard_cosines, query_features, features, matches)
        matches = [replace(found, pairs=_to_original(found.pairs, query)) for found in matches]
        return ImageMatch(
            dict(zip(images, matches, strict=True)), dict(zip(images, scores.tolist(), strict=True)), query.turn
        )


def verify(
    query: LocalFeatures, candidates: Sequence[LocalFeatures], standard_cosines: Vectors
) -> list[GeometricMatch]:
    """The keypoints that a query shares with each of some candidates, of standard cosines float32 [n]: [n] matches.

    All are compared coarsely, and the FINALISTS that score best by that closely.
    """
    matches = match_coarsely(query, candidates)
    best = np.argsort(-score(standard_cosines, query, candidates, matches), kind="stable")[:FINALISTS].tolist()
    closer = match(query, [candidates[place] for place in best])
    for place, found in zip(best, closer, strict=True):
        matches[place] = found
    return matches


@dataclass(frozen=True)
class ImageMatch:
    """What re-ranking found for one query picture: the geometric match and the score of each image, by SHA-256.

    `turn`: by how many quarters, counter-clockwise, the picture was rotated; points are those of the picture before.
    """

    matches: Mapping[str, GeometricMatch]
    scores: Mapping[str, float]
    turn: int = 0

    @property
    def max_inliers(self) -> int:
        """The most keypoints shared with any of the images."""
        return max_inliers(list(self.matches.values()))


@dataclass(frozen=True)
class RerankResult:
    """A candidate set with `scores` float32 [s, n], and the match of each query picture; empty if not re-ranked."""

    candidate_set: CandidateSet
    scores: Vectors
    image_matches: tuple[ImageMatch, ...]


def rerank(candidate_set: CandidateSet, views: Sequence[QueryViews], reranker: Reranker | None) -> RerankResult:
    """Re-rank the images nearest to the query's pictures; the others are scored by their standard cosine alone.

    What the text on the object adds is added to all of them. Without a re-ranker the rest of a score is a cosine.
    """
    text_bonus = np.float32(0) if candidate_set.text_bonus is None else candidate_set.text_bonus[:, None]
    if reranker is None or not views or not len(candidate_set):
        return RerankResult(candidate_set, candidate_set.image_cosines + text_bonus, ())
    images, cosines = nearest_images(candidate_set)
    image_matches = tuple(reranker.match_image(query, images, cosines[:, number]) for number, query in enumerate(views))
    scores = [
        [
            image_match.scores.get(image, float(base))
            for image_match, base in zip(image_matches, image_scores, strict=True)
        ]
        for image, image_scores in zip(candidate_set.images, cosine_score(candidate_set.standard_cosines), strict=True)
    ]
    return RerankResult(candidate_set, np.array(scores, np.float32) + text_bonus, image_matches)


def nearest_images(candidate_set: CandidateSet) -> tuple[list[str], Vectors]:
    """The images that may be re-ranked, by SHA-256, nearest first [m], and their standard cosines [m, n].

    An image that carries the words on the object is nearer by what these add to its score.
    """
    nearness = cosine_score(candidate_set.standard_cosines).max(axis=1)
    if candidate_set.text_bonus is not None:
        nearness = nearness + candidate_set.text_bonus
    order = np.argsort(-nearness, kind="stable").tolist()
    place = {candidate_set.images[index]: index for index in reversed(order)}
    images = list(dict.fromkeys(candidate_set.images[index] for index in order))[:RERANK_DEPTH]
    return images, candidate_set.standard_cosines[[place[image] for image in images]]


def _to_original(pairs: npt.NDArray[np.float32], query: QueryViews) -> npt.NDArray[np.float32]:
    """Pairs [i, 4], as GeometricMatch has them, with the query's points where they were before it was rotated."""
    return np.concatenate([query.to_original(pairs[:, :2]), pairs[:, 2:]], axis=1)


def reranker_for(workspace: Workspace) -> Reranker | None:
    """The re-ranker of a workspace, or None where the libraries that it needs are not installed."""
    if not available():
        return None
    return Reranker(FeatureStore(workspace.objects, ImageStore(workspace.objects)))
