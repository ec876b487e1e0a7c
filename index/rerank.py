"""A closer look at the first list: which of its pictures share keypoints with the query, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from embedding.encoders.protocol import Vectors
from embedding.local_features import QUERY, Evidence, available, extract, match
from index.answer import Query, QueryImage
from index.features import FeatureStore
from index.first_list import FirstList
from index.images import ImageStore
from index.workspace import Workspace

# How many pictures of the first list are looked at more closely.
EXAMINED = 150
# What one shared keypoint is worth in cosine, and how many count at most.
PER_INLIER = 0.01
MOST_INLIERS = 100

Looks = Sequence[Mapping[str, Evidence]]


@dataclass(frozen=True)
class Closer:
    """Compares a query's pictures with catalogue pictures by local features."""

    features: FeatureStore

    def examine(self, images: Sequence[QueryImage], catalogue: Sequence[str]) -> Looks:
        """Evidence of each query picture for each catalogue image, by SHA-256.

        Keypoints of a query picture are taken from its box alone; evidence is told in fractions of that box.
        """
        if not images or not catalogue:
            return [{} for _ in images]
        kept = self.features.get(catalogue)
        found: list[Mapping[str, Evidence]] = []
        for image in images:
            query = extract(image.region.of(image.pixels), QUERY)
            found.append(dict(zip(catalogue, match(query, kept), strict=True)))
        return found


@dataclass(frozen=True)
class Examined:
    """The first list after the closer look: `scores` float32 [s, n], and the evidence of each query picture."""

    first: FirstList
    scores: Vectors
    looks: Looks


def rerank(first: FirstList, query: Query, closer: Closer | None) -> Examined:
    """Look closer at the pictures nearest to the query's pictures, and add what keypoints say to their cosines."""
    if closer is None or not query.images or not len(first):
        return Examined(first, first.pictures, ())
    order = np.argsort(-first.pictures.max(axis=1), kind="stable")
    images = list(dict.fromkeys(first.images[place] for place in order.tolist()))[:EXAMINED]
    looks = closer.examine(query.images, images)
    gains = [[gain(look.get(image)) for look in looks] for image in first.images]
    return Examined(first, first.pictures + np.array(gains, np.float32), looks)


def gain(evidence: Evidence | None) -> float:
    """What evidence adds to a cosine."""
    return 0.0 if evidence is None else PER_INLIER * min(evidence.inliers, MOST_INLIERS)


def closer_for(workspace: Workspace) -> Closer | None:
    """The closer look of a workspace, or None where the libraries that it runs on are not installed."""
    if not available():
        return None
    return Closer(FeatureStore(workspace.root / "features", ImageStore(workspace.images)))
