"""Likelihood and rank agree: whatever the signals say, a lower rank is never more likely."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.image.regions import WHOLE
from index.generations.calibration import Likelihood
from index.search.answer import Attribution, Candidate, Evidence, Matched
from index.search.likelihood import SIGNALS, VERDICT_THRESHOLD, apply_likelihood, verdict
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
    found = apply_likelihood(candidates_of(inliers), CONTRARY)
    likelihoods = [candidate.likelihood for candidate in found]
    assert likelihoods == sorted(likelihoods, reverse=True)
    assert (verdict(found, ()) == "candidates") == (likelihoods[0] >= VERDICT_THRESHOLD)


def test_the_first_candidate_keeps_its_own_likelihood():
    alone = apply_likelihood(candidates_of([30]), CONTRARY)
    with_other = apply_likelihood((*alone, replace(alone[0], rank=2, score=0.0)), CONTRARY)
    assert with_other[0].likelihood == alone[0].likelihood


@pytest.mark.parametrize(
    ("product", "names", "expected"),
    [
        (0.6, (), "candidates"),
        (0.6, (0.9,), "candidates"),
        (0.4, (0.5,), "brand"),
        (0.4, (0.8, 0.1), "brand"),
        (0.4, (0.49,), "no good match"),
        (0.4, (None,), "no good match"),
        (None, (), "candidates"),
        (None, (None,), "candidates"),
    ],
)
def test_a_brand_is_a_verdict_where_no_product_is(product, names, expected):
    (first,) = candidates_of([0])
    named = [Attribution(str(place), likelihood, (1,)) for place, likelihood in enumerate(names)]
    assert verdict((replace(first, likelihood=product),), named) == expected


def test_without_candidates_there_is_no_match():
    assert verdict((), [Attribution("Luma", 0.9, (1,))]) == "no good match"


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=12, unique=True))
def test_scores_below_zero_are_told_apart(scores):
    ordered = sorted(scores)
    assert (np.diff(on_scale(ordered)) >= 0).all()
    assert on_scale(ordered)[-1] > on_scale(ordered)[0] or ordered[-1] - ordered[0] < 1e-9


def test_the_scale_is_the_logarithm_of_large_scores():
    scores = np.array([0.3, 0.5, 1.0, 2.0])
    np.testing.assert_allclose(on_scale(scores), np.log(scores), atol=0.03)
