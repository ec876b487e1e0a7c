"""The likelihood of each candidate, and the verdict of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from index.generations.calibration import Likelihood
from index.search.answer import Attribution, Candidate, Verdict
from index.search.score_scale import NO_RIVAL, on_scale

SIGNALS = ("score", "margin", "inliers")
# From this likelihood on the first candidate, or the first brand, is the verdict.
VERDICT_THRESHOLD = 0.5
# With filters that leave fewer candidates, nothing shows how far others would be behind the first.
MIN_FILTERED = 10
# Of an entry with the number of the barcode on the object: one in a hundred of those is misread, or wrong in a feed.
DECISIVE_LIKELIHOOD = 0.99


def apply_likelihood(
    candidates: tuple[Candidate, ...], likelihood: Likelihood | None, decisive: frozenset[int] = frozenset()
) -> tuple[Candidate, ...]:
    """The candidates with their likelihood; without a calibration they have none.

    Args:
        candidates: all that were found, since the first one's likelihood depends on how far the second is behind.
        decisive: entries, by number, that have the number of the barcode on the object.
    """
    if likelihood is None or not candidates:
        return candidates
    likelihoods = likelihood.of(signals(candidates))
    has_number = np.array([candidate.entry.id in decisive for candidate in candidates])
    likelihoods = np.where(has_number, np.maximum(likelihoods, DECISIVE_LIKELIHOOD), likelihoods)
    # A lower rank is never more likely: candidates are ranked by all that is known of them.
    likelihoods = np.minimum.accumulate(likelihoods)
    return tuple(
        replace(candidate, likelihood=float(value)) for candidate, value in zip(candidates, likelihoods, strict=True)
    )


def verdict(candidates: Sequence[Candidate], brands: Sequence[Attribution]) -> Verdict:
    """What an answer says as a whole; its candidates are listed whatever it is.

    Where the very product is not in the catalogue, its brand can still be likely. A retailer is no verdict: a shop that
    sells the like of a missing product may never have sold it. Without a calibration every candidate may be the object.
    """
    if not candidates:
        return "no good match"
    if candidates[0].likelihood is None or candidates[0].likelihood >= VERDICT_THRESHOLD:
        return "candidates"
    if brands and (brands[0].likelihood or 0) >= VERDICT_THRESHOLD:
        return "brand"
    return "no good match"


def signals(candidates: tuple[Candidate, ...]) -> npt.NDArray[np.float64]:
    """The signals that the likelihood is computed from, float64 [n, len(SIGNALS)].

    The score and its margin to the best other candidate, both on the scale of score_scale.py; the most keypoints shared
    with one query picture, as log(1 + n).
    """
    scores = on_scale([candidate.score for candidate in candidates])
    ordered = np.sort(scores)[::-1]
    runner_up = ordered[1] if len(ordered) > 1 else NO_RIVAL
    margin = scores - np.where(scores == ordered[0], runner_up, ordered[0])
    inliers = [max((matched.inliers for matched in c.evidence.matched), default=0) for c in candidates]
    return np.stack([scores, margin, np.log1p(inliers)], axis=1).astype(np.float64)
