"""A closer look at the first list: which of its pictures share keypoints with the query, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Vectors
from embedding.local import (
    QUERY,
    Evidence,
    LocalFeatures,
    align_and_compare,
    available,
    extract,
    match,
    most_shared,
    score,
)
from embedding.query_views import QueryViews
from index.search.first_stage import CandidateSet
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.workspace import Workspace

# How many pictures of the first list are looked at closer: so many at first, and more where those leave doubt.
RERANK_DEPTHS = (40, 100)
# With one that shares so many keypoints, no right answer lay further down: in 460 real photos, hidden parts or not.
MIN_CONFIDENT_INLIERS = 40


@dataclass(frozen=True)
class Reranker:
    """Compares a query's pictures with catalogue pictures by local features and colours."""

    features: FeatureStore

    def warm(self) -> None:
        """Load the network now, so that the first query is as fast as the second."""
        extract(np.zeros((64, 64, 3), np.uint8), QUERY)

    def examine(self, seen: QueryViews, catalogue: Sequence[str], cosines: Vectors) -> ImageMatch:
        """Compare one query picture with catalogue images, nearest first, of known cosines float32 [n].

        Evidence is told in fractions of the query's box as it was given. Where the first leave no doubt, it ends with
        them.
        """
        asked = extract(seen.image, QUERY, seen.hidden)
        kept, evidence = self.compare(asked, catalogue)
        catalogue, cosines = catalogue[: len(kept)], cosines[: len(kept)]
        evidence = align_and_compare(asked, kept, evidence, score(cosines, asked, kept, evidence))
        scores = score(cosines, asked, kept, evidence)
        given = [replace(each, pairs=_as_given(each.pairs, seen)) for each in evidence]
        return ImageMatch(
            dict(zip(catalogue, given, strict=True)), dict(zip(catalogue, scores.tolist(), strict=True)), seen.turn
        )

    def compare(self, asked: LocalFeatures, catalogue: Sequence[str]) -> tuple[list[LocalFeatures], list[Evidence]]:
        """The features of catalogue images, nearest first, and what a query shares with each: of as many as it takes.

        Features that are not kept yet have to be computed: the fewer are looked at, the sooner there is an answer.
        """
        near, far = RERANK_DEPTHS
        kept = self.features.get(catalogue[:near])
        evidence = match(asked, kept)
        if most_shared(evidence) < MIN_CONFIDENT_INLIERS:
            more = self.features.get(catalogue[near:far])
            kept, evidence = kept + more, evidence + match(asked, more)
        return kept, evidence


@dataclass(frozen=True)
class ImageMatch:
    """What a closer look gave for one query picture: evidence and score of each image examined, by SHA-256.

    `turn`: by how many quarters, counter-clockwise, the picture was turned for it; evidence tells it as it was given.
    """

    evidence: Mapping[str, Evidence]
    scores: Mapping[str, float]
    turn: int = 0

    @property
    def shared(self) -> int:
        """The most keypoints shared with any of the images."""
        return most_shared(list(self.evidence.values()))


@dataclass(frozen=True)
class RerankResult:
    """The first list after the closer look: `scores` float32 [s, n], and what was seen of each query picture."""

    first: CandidateSet
    scores: Vectors
    looks: tuple[ImageMatch, ...]


def rerank(first: CandidateSet, seen: Sequence[QueryViews], reranker: Reranker | None) -> RerankResult:
    """Look closer at the pictures nearest to the query's pictures; the others keep their cosine as score."""
    if reranker is None or not seen or not len(first):
        return RerankResult(first, first.pictures, ())
    order = np.argsort(-first.pictures.max(axis=1), kind="stable").tolist()
    place = {first.images[index]: index for index in reversed(order)}
    images = list(dict.fromkeys(first.images[index] for index in order))[: max(RERANK_DEPTHS)]
    cosines = first.pictures[[place[image] for image in images]]
    looks = tuple(reranker.examine(one, images, cosines[:, number]) for number, one in enumerate(seen))
    scores = [
        [look.scores.get(image, float(cosine)) for look, cosine in zip(looks, row, strict=True)]
        for image, row in zip(first.images, first.pictures, strict=True)
    ]
    return RerankResult(first, np.array(scores, np.float32), looks)


def _as_given(pairs: npt.NDArray[np.float32], seen: QueryViews) -> npt.NDArray[np.float32]:
    """Pairs [i, 4], as Evidence has them, with the query's points where they were before it was turned."""
    return np.concatenate([seen.as_given(pairs[:, :2]), pairs[:, 2:]], axis=1)


def reranker_for(workspace: Workspace) -> Reranker | None:
    """The closer look of a workspace, or None where the libraries that it runs on are not installed."""
    if not available():
        return None
    return Reranker(FeatureStore(workspace.root / "features", ImageStore(workspace.images)))
