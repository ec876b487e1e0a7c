"""One score from what is known of a query and each candidate: embedding, colours, shared keypoints, agreement.

    score = cosine + colour * alike
          + SHARED * log(1 + max(0, inliers - CHANCE) / MANY) * (alike / best alike) ** colourway * agreeing

The weights were chosen on photos of groceries, studio pictures of clothes and simulated photos together, each a broad
optimum. How far colours are trusted follows from the query alone: before a plain background they are the object's own,
in a photo of a scene they are anybody's, and where part of a scene is hidden, which is where the object was, they are
the surroundings'. Of the keypoints fewer are then left, and each tells more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedding.local.features import LocalFeatures
from embedding.local.matching import Agreement, Evidence
from embedding.local.palette import alike

Floats = npt.NDArray[np.float32]

# What shared keypoints are worth in cosine, beyond the number that chance alone brings about: the first ones most.
SHARED = 0.3
CHANCE = 6
MANY = 30
# What the same colours are worth in cosine, in a scene and, on top, before a plain background.
COLOUR_IN_SCENE = 0.3
COLOUR_BEFORE_PLAIN = 0.5
# Shared keypoints of another colour are those of another colourway: how sharply that is punished at full trust.
COLOURWAY = 9.0
# Shared keypoints count in full where structure is this well correlated, and less the more colours differ.
STRUCTURE = 0.3
COLOUR_APART = 24.0
# What is taken where two pictures were not laid over one another: what wrong candidates have in the middle.
UNKNOWN = Agreement(0.35, 14.0)
_PLAIN_FROM, _PLAIN_TO = 0.25, 0.75
# The share of a scene that is hidden when its colours tell nothing any more.
_HIDDEN = 1 / 3


def score(
    cosines: Floats, query: LocalFeatures, candidates: Sequence[LocalFeatures], evidence: Sequence[Evidence]
) -> Floats:
    """Scores to rank candidates by.

    Args:
        cosines: float32 [n], the query's embedding with each candidate's.
        candidates, evidence: n of each, in the same order.

    Returns:
        float32 [n], on the scale of cosines: a candidate of other colours without shared keypoints keeps its cosine.
        `agreeing` follows the agreement that evidence tells, see embedding.local.overlay.
    """
    if not len(cosines):
        return np.empty(0, np.float32)
    trust, hidden = colour_trust(query), hidden_share(query)
    in_scene = COLOUR_IN_SCENE * max(0.0, 1 - (1 - trust) * hidden / _HIDDEN)
    colours = alike(query, candidates)
    shared = np.array([max(0, each.inliers - CHANCE) for each in evidence], np.float32)
    relative = colours / max(float(colours.max()), 1e-6)
    agreeing = np.array([_agreeing(each.agreement or UNKNOWN) for each in evidence], np.float32)
    scores = cosines + (in_scene + COLOUR_BEFORE_PLAIN * trust) * colours
    telling = SHARED / max(1 - hidden, 0.5)
    scores = scores + telling * np.log1p(shared / MANY) * relative ** (COLOURWAY * trust) * agreeing
    return np.asarray(scores, np.float32)


def _agreeing(found: Agreement) -> float:
    return max(0.0, 1 - STRUCTURE + found.structure) * math.exp(-found.colour / COLOUR_APART)


def hidden_share(query: LocalFeatures) -> float:
    """The share of a query that was sanitised, 0..1."""
    return float((query.preview[..., 3] == 0).mean())


def colour_trust(query: LocalFeatures) -> float:
    """How far a query's palette is the object's own, 0..1."""
    return min(1.0, max(0.0, (query.plainness - _PLAIN_FROM) / (_PLAIN_TO - _PLAIN_FROM)))
