import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import GenerationError
from index.generations.calibration import Likelihood, area_under_roc, expected_calibration_error

NAMES = ("score", "margin")


def sample(seed, count):
    """Candidates whose true probability is a known logistic function of two signals."""
    random = np.random.default_rng(seed)
    signals = random.normal(size=(count, 2)) * (0.1, 5) + (0.5, 2)
    probability = 1 / (1 + np.exp(-(20 * (signals[:, 0] - 0.5) + 0.3 * (signals[:, 1] - 2))))
    return signals, probability, random.random(count) < probability


def test_the_true_probabilities_are_recovered():
    signals, _, right = sample(0, 4000)
    fresh, probability, fresh_right = sample(1, 2000)
    likelihood = Likelihood.fit(NAMES, signals, right).of(fresh)
    assert np.abs(likelihood - probability).mean() < 0.02
    assert expected_calibration_error(likelihood, fresh_right) < 0.04
    assert area_under_roc(likelihood, fresh_right) > area_under_roc(probability, fresh_right) - 0.005


@pytest.mark.parametrize("right", [True, False])
def test_a_sample_of_one_kind_does_not_become_certain(right):
    signals, _, _ = sample(2, 20)
    likelihood = Likelihood.fit(NAMES, signals, np.full(20, right)).of(signals)
    assert np.allclose(likelihood, 21 / 22 if right else 1 / 22, atol=0.01)


def test_separable_examples_stay_finite():
    signals = np.array([[0.0, 0.0]] * 30 + [[1.0, 1.0]] * 30)
    likelihood = Likelihood.fit(NAMES, signals, np.array([False] * 30 + [True] * 30)).of(signals)
    assert likelihood[0] < 0.1
    assert likelihood[-1] > 0.9


def test_it_is_written_and_read_again():
    fitted = Likelihood.fit(NAMES, *sample(3, 50)[::2])
    assert Likelihood.from_json(fitted.to_json()) == fitted
    for broken in ("", "[]", "{}", '{"signals": 1}'):
        with pytest.raises(GenerationError, match="re-index"):
            Likelihood.from_json(broken)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_figures_stay_in_their_range(pairs):
    score, right = np.array([p for p, _ in pairs]), np.array([r for _, r in pairs])
    assert 0 <= expected_calibration_error(score, right) <= 1
    area = area_under_roc(score, right)
    assert np.isnan(area) if right.all() or not right.any() else 0 <= area <= 1
    if not np.isnan(area):
        wins = [(p > n) + (p == n) / 2 for p in score[right] for n in score[~right]]
        assert area == pytest.approx(np.mean(wins))


@given(factor=st.floats(0.1, 1))
def test_temperature_scaling_moves_likelihoods_towards_a_half_and_none_across_it(factor):
    signals, _, right = sample(4, 200)
    fitted = Likelihood.fit(NAMES, signals, right)
    plain, temperature_scaled = fitted.of(signals), fitted.temperature_scaled(factor).of(signals)
    assert np.all(np.abs(temperature_scaled - 0.5) <= np.abs(plain - 0.5) + 1e-12)
    assert np.all((temperature_scaled >= 0.5) == (plain >= 0.5))
