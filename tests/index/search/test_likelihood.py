"""Likelihood and rank agree: whatever the signals say, a lower rank is never more likely."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embedding.image.regions import WHOLE
from index.generations.calibration import Likelihood
from index.search.answer import Candidate, Evidence, Matched
from index.search.likelihood import SIGNALS, VERDICT_THRESHOLD, apply_likelihood
from index.search.score_scale import on_scale

# Shared keypoints count for more than the score: then raw likelihoods contradict the ranks.
CONTRARY = Likelihood(SIGNALS, (0.0,) * 3, (1.0,) * 3, (0.5, 0.5, 2.0), -4.0)


def candidates_of(inliers):
    """Candidates with falling scores, and so many shared keypoints."""
    found = []
    for place, count in enumerate(inliers):
        matched = Matched(np.zeros((count, 4), np.float32), None, None, 0)
        evidence = Evidence((0.5,), None, WHOLE, (matched,))
        entry = SimpleNamespace(id=place)
        found.append(Candidate(place + 1, entry, 1.0 / (place + 1), None, "0", evidence))
    return tuple(found)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=12))
def test_a_lower_rank_is_never_more_likely(inliers):
    verdict, found = apply_likelihood(candidates_of(inliers), CONTRARY)
    likelihoods = [candidate.likelihood for candidate in found]
    assert likelihoods == sorted(likelihoods, reverse=True)
    assert (verdict == "candidates") == (likelihoods[0] >= VERDICT_THRESHOLD)


def test_the_first_candidate_keeps_its_own_likelihood():
    alone = apply_likelihood(candidates_of([30]), CONTRARY)[1]
    with_other = apply_likelihood((*alone, replace(alone[0], rank=2, score=0.0)), CONTRARY)[1]
    assert with_other[0].likelihood == alone[0].likelihood


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=12, unique=True))
def test_scores_below_zero_are_told_apart(scores):
    ordered = sorted(scores)
    assert (np.diff(on_scale(ordered)) >= 0).all()
    assert on_scale(ordered)[-1] > on_scale(ordered)[0] or ordered[-1] - ordered[0] < 1e-9


def test_the_scale_is_the_logarithm_of_large_scores():
    scores = np.array([0.3, 0.5, 1.0, 2.0])
    np.testing.assert_allclose(on_scale(scores), np.log(scores), atol=0.03)
