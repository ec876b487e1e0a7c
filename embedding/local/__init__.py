"""Local features: keypoints of a picture, and how well two pictures match by them."""

from __future__ import annotations

from embedding.local.alignment import align_and_compare
from embedding.local.features import RECORD_BYTES, RECORD_VERSION, FeaturesInvalid, LocalFeatures
from embedding.local.matching import GeometricMatch, SurfaceAgreement, match, match_coarsely, max_inliers
from embedding.local.palette import palette_similarity
from embedding.local.scoring import cosine_score, score
from embedding.local.xfeat import CATALOGUE_PLAN, QUERY_PLAN, ExtractionPlan, available, extract

__all__ = [
    "CATALOGUE_PLAN",
    "QUERY_PLAN",
    "RECORD_BYTES",
    "RECORD_VERSION",
    "ExtractionPlan",
    "FeaturesInvalid",
    "GeometricMatch",
    "LocalFeatures",
    "SurfaceAgreement",
    "align_and_compare",
    "available",
    "cosine_score",
    "extract",
    "match",
    "match_coarsely",
    "max_inliers",
    "palette_similarity",
    "score",
]
