"""One score from what is known of a query and each candidate: embedding, colours, shared keypoints, aligned surfaces.

    score = COSINE_LEVEL + COSINE_WEIGHT * standard cosine + colour_weight * similarity
          + INLIER_WEIGHT * log(1 + max(0, inliers - CHANCE_INLIERS) / INLIER_SCALE)
            * (similarity / best rival's similarity) ** colourway_exponent * surface_agreement ** SURFACE_EXPONENT

The standard cosine is the query's cosine with the candidate in standard deviations from the mean of unrelated entries,
so that one set of weights serves models whose cosines spread differently. `similarity` is that of the palettes; the
rivals of a candidate are those that share at least RIVAL_SHARE of its inliers: other colourways share the print, a
picture of other things in the light of the room does not. The weights are a broad optimum over photos of groceries,
toys and everyday objects, studio pictures of clothes and rendered products, with the starter model alone and joined
with a copy detector. How far colours are trusted follows from the query alone: before a plain background they are the
object's own, in a photo of a scene they may belong to anything in it, and where part of a scene is hidden, which is
where the object was, they are those of the surroundings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedding.local.features import LocalFeatures
from embedding.local.matching import GeometricMatch, SurfaceAgreement
from embedding.local.palette import palette_similarity

Floats = npt.NDArray[np.float32]

# The score of a candidate as near as unrelated ones are, and of each standard deviation more: about that of the starter
# model over a mixed catalogue, so that its scores are on the scale of its cosines.
COSINE_LEVEL, COSINE_WEIGHT = 0.2, 0.15
# What shared keypoints are worth, beyond the number that pictures of different things share by chance.
INLIER_WEIGHT = 0.35
CHANCE_INLIERS = 6
INLIER_SCALE = 45  # their worth grows with the logarithm of their number, in units of this
# What the same colours are worth, in a scene and, on top, before a plain background.
SCENE_COLOUR_WEIGHT = 0.2
PLAIN_COLOUR_WEIGHT = 0.3
# Keypoints shared with a picture of other colours belong to another colourway: how sharply that is punished at most.
COLOURWAY_EXPONENT = 9.0
# The share of a candidate's inliers from which on another one is a colourway of it, whose colours may fit better.
RIVAL_SHARE = 0.5
# Shared keypoints count in full where structure is this well correlated, and less the more colours differ.
FULL_CORRELATION = 0.3
COLOUR_DIFFERENCE_SCALE = 24.0
# Cloth in other folds agrees badly with its own picture: how sharply disagreement is punished.
SURFACE_EXPONENT = 0.75
# Assumed where two pictures were not aligned: the median of wrong candidates.
DEFAULT_AGREEMENT = SurfaceAgreement(0.35, 14.0)
# Plainness of the border at which colours begin to be trusted as the object's own, and at which they are in full.
_MIN_PLAINNESS, _FULL_PLAINNESS = 0.5, 0.75
# From this hidden share of a scene on, its colours say nothing about the object.
_MAX_HIDDEN_SHARE = 1 / 3


def cosine_score(standard_cosines: Floats) -> Floats:
    """The score of candidates of which nothing but the standard cosine is known, of any shape."""
    return np.asarray(COSINE_LEVEL + COSINE_WEIGHT * standard_cosines, np.float32)


def score(
    standard_cosines: Floats,
    query: LocalFeatures,
    candidates: Sequence[LocalFeatures],
    matches: Sequence[GeometricMatch],
) -> Floats:
    """Scores to rank candidates by.

    Args:
        standard_cosines: float32 [n], of the query's embedding with each candidate's.
        candidates, matches: n of each, in the same order.

    Returns:
        float32 [n]; a candidate of other colours without shared keypoints keeps its cosine_score.
    """
    if not len(standard_cosines):
        return np.empty(0, np.float32)
    trust, hidden = colour_trust(query), hidden_share(query)
    scene_weight = SCENE_COLOUR_WEIGHT * max(0.0, 1 - (1 - trust) * hidden / _MAX_HIDDEN_SHARE)
    similarity = palette_similarity(query, candidates)
    inliers = np.array([max(0, match.inliers - CHANCE_INLIERS) for match in matches], np.float32)
    rivals = inliers[None, :] >= RIVAL_SHARE * inliers[:, None]
    relative = similarity / np.maximum((rivals * similarity[None, :]).max(axis=1), 1e-6)
    agreement = np.array([_agreement_factor(match.agreement or DEFAULT_AGREEMENT) for match in matches], np.float32)
    scores = cosine_score(standard_cosines) + (scene_weight + PLAIN_COLOUR_WEIGHT * trust) * similarity
    colourway, surface = relative ** (COLOURWAY_EXPONENT * trust), agreement**SURFACE_EXPONENT
    scores = scores + INLIER_WEIGHT * np.log1p(inliers / INLIER_SCALE) * colourway * surface
    return np.asarray(scores, np.float32)


def _agreement_factor(agreement: SurfaceAgreement) -> float:
    """By how much shared keypoints are discounted where the surfaces around them disagree."""
    structure = max(0.0, 1 - FULL_CORRELATION + agreement.structure)
    return structure * math.exp(-agreement.colour / COLOUR_DIFFERENCE_SCALE)


def hidden_share(query: LocalFeatures) -> float:
    """The share of a query that was sanitised, 0..1."""
    return float((query.preview.pixels[..., 3] == 0).mean())


def colour_trust(query: LocalFeatures) -> float:
    """How far a query's palette is the object's own, 0..1."""
    return min(1.0, max(0.0, (query.plainness - _MIN_PLAINNESS) / (_FULL_PLAINNESS - _MIN_PLAINNESS)))
