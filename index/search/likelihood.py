"""From evidence to a likelihood and a verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from index.generations.calibration import Likelihood
from index.search.answer import Candidate, Verdict

SIGNALS = ("score", "margin", "inliers")
# Below this likelihood of the best candidate the answer is that there is no good match.
THRESHOLD = 0.5
# A cosine this low says nothing, however much lower it could be.
LEAST_SCORE = 0.05


def judge(candidates: tuple[Candidate, ...], likelihood: Likelihood | None) -> tuple[Verdict, tuple[Candidate, ...]]:
    """Give candidates their likelihood, and the list its verdict.

    The candidates are listed whatever the verdict is: it says what to expect of them.
    """
    if not candidates:
        return "no good match", ()
    if likelihood is None:
        return "candidates", candidates
    chances = likelihood.of(signals(candidates))
    judged = tuple(
        replace(candidate, likelihood=float(chance)) for candidate, chance in zip(candidates, chances, strict=True)
    )
    return ("candidates" if chances.max() >= THRESHOLD else "no good match"), judged


def signals(candidates: tuple[Candidate, ...]) -> npt.NDArray[np.float64]:
    """What tells a right candidate from a wrong one, float64 [n, len(SIGNALS)].

    The score and its lead over the best other candidate, both on a logarithmic scale, since shared keypoints let a
    score grow without bound; the most keypoints shared with one query picture, as log(1 + n).
    """
    scores = np.log(np.maximum([candidate.score for candidate in candidates], LEAST_SCORE))
    ordered = np.sort(scores)[::-1]
    runner_up = ordered[1] if len(ordered) > 1 else np.log(LEAST_SCORE)
    lead = scores - np.where(scores == ordered[0], runner_up, ordered[0])
    inliers = [max((matched.inliers for matched in c.evidence.matched), default=0) for c in candidates]
    return np.stack([scores, lead, np.log1p(inliers)], axis=1).astype(np.float64)
