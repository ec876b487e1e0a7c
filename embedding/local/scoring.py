"""One score from what is known of a query and each candidate: embedding, shared keypoints, colours.

    score = cosine + COLOUR * alike + INLIER * max(0, inliers - CHANCE) * (alike / best alike) ** trust

The weights were chosen on photos of groceries and studio pictures of clothes together, each a broad optimum.
How far colours are trusted follows from the query alone: before a plain background they are the object's own, in a
photo of a scene they are anybody's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedding.local.features import LocalFeatures
from embedding.local.matching import Evidence
from embedding.local.palette import alike

Floats = npt.NDArray[np.float32]

# What one shared keypoint is worth in cosine, beyond the number that chance alone brings about.
INLIER = 0.015
CHANCE = 6
# What the same colours are worth in cosine, in a scene and, on top, before a plain background.
COLOUR_IN_SCENE = 0.15
COLOUR_BEFORE_PLAIN = 0.35
# Shared keypoints of another colour are those of another colourway: how sharply that is punished at full trust.
COLOURWAY = 6.0
_PLAIN_FROM, _PLAIN_TO = 0.25, 0.75


def score(
    cosines: Floats, query: LocalFeatures, candidates: Sequence[LocalFeatures], evidence: Sequence[Evidence]
) -> Floats:
    """Scores to rank candidates by.

    Args:
        cosines: float32 [n], the query's embedding with each candidate's.
        candidates, evidence: n of each, in the same order.

    Returns:
        float32 [n], on the scale of cosines: a candidate of other colours without shared keypoints keeps its cosine.
    """
    if not len(cosines):
        return np.empty(0, np.float32)
    trust = colour_trust(query)
    colours = alike(query, candidates)
    shared = np.array([max(0, each.inliers - CHANCE) for each in evidence], np.float32)
    relative = colours / max(float(colours.max()), 1e-6)
    scores = cosines + (COLOUR_IN_SCENE + COLOUR_BEFORE_PLAIN * trust) * colours
    return np.asarray(scores + INLIER * shared * relative ** (COLOURWAY * trust), np.float32)


def colour_trust(query: LocalFeatures) -> float:
    """How far a query's palette is the object's own, 0..1."""
    return min(1.0, max(0.0, (query.plainness - _PLAIN_FROM) / (_PLAIN_TO - _PLAIN_FROM)))
