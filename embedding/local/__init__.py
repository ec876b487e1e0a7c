"""Local features: from a picture to keypoints, from keypoints to evidence that two pictures show the same thing."""

from __future__ import annotations

from embedding.local.features import FeaturesInvalid, LocalFeatures
from embedding.local.matching import Agreement, Evidence, match, most_shared
from embedding.local.overlay import align_and_compare
from embedding.local.palette import alike
from embedding.local.scoring import score
from embedding.local.xfeat import CATALOGUE, QUERY, Plan, available, extract

__all__ = [
    "CATALOGUE",
    "QUERY",
    "Agreement",
    "Evidence",
    "FeaturesInvalid",
    "LocalFeatures",
    "Plan",
    "align_and_compare",
    "alike",
    "available",
    "extract",
    "match",
    "most_shared",
    "score",
]
