"""The likelihood of each candidate, and the verdict of the list."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from index.generations.calibration import Likelihood
from index.search.answer import Candidate, Verdict
from index.search.score_scale import NO_RIVAL, on_scale

SIGNALS = ("score", "margin", "inliers")
# Below this likelihood of the best candidate the verdict is that there is no good match.
VERDICT_THRESHOLD = 0.5
# Of an entry with the number of the barcode on the object: one in a hundred of those is misread, or wrong in a feed.
DECISIVE_LIKELIHOOD = 0.99


def apply_likelihood(
    candidates: tuple[Candidate, ...], likelihood: Likelihood | None, decisive: frozenset[int] = frozenset()
) -> tuple[Verdict, tuple[Candidate, ...]]:
    """The verdict, and the candidates with their likelihood; without a calibration they have none.

    The candidates are listed whatever the verdict is. `decisive`: entries, by number, that have the number of the
    barcode on the object.
    """
    if not candidates:
        return "no good match", ()
    if likelihood is None:
        return "candidates", candidates
    likelihoods = likelihood.of(signals(candidates))
    has_number = np.array([candidate.entry.id in decisive for candidate in candidates])
    likelihoods = np.where(has_number, np.maximum(likelihoods, DECISIVE_LIKELIHOOD), likelihoods)
    # A lower rank is never more likely: candidates are ranked by all that is known of them.
    likelihoods = np.minimum.accumulate(likelihoods)
    with_likelihood = tuple(
        replace(candidate, likelihood=float(value)) for candidate, value in zip(candidates, likelihoods, strict=True)
    )
    return ("candidates" if likelihoods[0] >= VERDICT_THRESHOLD else "no good match"), with_likelihood


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
