"""A closer look at the first list: which of its pictures share keypoints with the query, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedding.local_features import QUERY, Evidence, extract, match
from index.answer import QueryImage
from index.features import FeatureStore

# How many pictures of the first list are looked at more closely.
EXAMINED = 150


@dataclass(frozen=True)
class Closer:
    """Compares a query's pictures with catalogue pictures by local features."""

    features: FeatureStore

    def examine(self, images: Sequence[QueryImage], catalogue: Sequence[str]) -> list[Mapping[str, Evidence]]:
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
