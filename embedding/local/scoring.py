"""One score from what is known of a query and each candidate: embedding, colours, shared keypoints, aligned surfaces.

    score = COSINE_LEVEL + COSINE_WEIGHT * standard cosine + colour_weight * similarity
          + INLIER_WEIGHT * log(1 + max(0, inliers - CHANCE_INLIERS) / INLIER_SCALE)
            * (similarity / best rival's similarity) ** colourway_exponent
            * (surface agreement / best rival's surface agreement)

The standard cosine is the query's cosine with the candidate in standard deviations from the mean of unrelated entries,
so that one set of weights serves models whose cosines spread differently. `similarity` is that of the palettes; the
rivals of a candidate are those that share at least RIVAL_SHARE of its inliers: other colourways and varieties share the
print, a picture of other things in the light of the room does not. Surfaces, too, are compared with rivals' alone,
since cloth that hangs in other folds agrees badly with its own picture. The weights are a broad optimum over photos of
groceries, toys and everyday objects, studio pictures of clothes and rendered products, with the starter model alone and
joined with a copy detector. How far colours are trusted follows from the query alone: before a plain background they
are the object's own, in a photo of a scene they may belong to anything in it, and where part of a scene is hidden,
which is where the object was, they are those of the surroundings.
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
INLIER_WEIGHT = 0.16
CHANCE_INLIERS = 6
INLIER_SCALE = 30  # their worth grows with the logarithm of their number, in units of this
# What the same colours are worth, in a scene and, on top, before a plain background.
SCENE_COLOUR_WEIGHT = 0.2
PLAIN_COLOUR_WEIGHT = 0.3
# Keypoints shared with a picture of other colours belong to another colourway: how sharply that is punished at most.
COLOURWAY_EXPONENT = 9.0
# The share of a candidate's inliers from which on another one is a rival, whose colours and surface may fit better.
RIVAL_SHARE = 0.5
# How far surfaces agree grows with the correlation of their structure, from minus this on, and falls with the
# difference of their colours.
CORRELATION_LEVEL = 0.7
COLOUR_DIFFERENCE_SCALE = 24.0
# Assumed where two pictures were not aligned: the median of wrong candidates.
UNALIGNED = SurfaceAgreement(0.35, 14.0)
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
    aligned = np.array([match.agreement is not None for match in matches])
    agreement = np.array([_agreement(match.agreement or UNALIGNED) for match in matches], np.float32)
    colours = _relative(similarity, rivals) ** (COLOURWAY_EXPONENT * trust)
    surfaces = _relative(agreement, (rivals & aligned[None, :]) | np.eye(len(matches), dtype=bool))
    scores = cosine_score(standard_cosines) + (scene_weight + PLAIN_COLOUR_WEIGHT * trust) * similarity
    scores = scores + INLIER_WEIGHT * np.log1p(inliers / INLIER_SCALE) * colours * surfaces
    return np.asarray(scores, np.float32)


def _relative(values: Floats, rivals: npt.NDArray[np.bool_]) -> Floats:
    """Each value [n] as a share of the greatest of its rivals', bool [n, n], of which it is one itself."""
    shares: Floats = values / np.maximum((rivals * values[None, :]).max(axis=1), np.float32(1e-6))
    return shares


def _agreement(surfaces: SurfaceAgreement) -> float:
    """How far two aligned surfaces agree, from 0."""
    return max(0.0, CORRELATION_LEVEL + surfaces.structure) * math.exp(-surfaces.colour / COLOUR_DIFFERENCE_SCALE)


def hidden_share(query: LocalFeatures) -> float:
    """The share of a query that was sanitised, 0..1."""
    return float((query.preview.pixels[..., 3] == 0).mean())


def colour_trust(query: LocalFeatures) -> float:
    """How far a query's palette is the object's own, 0..1."""
    return min(1.0, max(0.0, (query.plainness - _MIN_PLAINNESS) / (_FULL_PLAINNESS - _MIN_PLAINNESS)))
