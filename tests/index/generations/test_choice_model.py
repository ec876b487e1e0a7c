"""The calibration of choices with the alternative "none"."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import GenerationError
from index.generations.calibration import expected_calibration_error
from index.generations.choice_model import ChoiceModel

NAMES = ("one", "other")


def drawn(count, seed):
    """Examples drawn from a model of the same form: the first signal decides, the second is noise."""
    random = np.random.default_rng(seed)
    examples = []
    for _ in range(count):
        signals = random.normal(size=(random.integers(1, 6), 2))
        odds = np.exp(2 * signals[:, 0] - 1)
        chosen = random.choice(len(odds) + 1, p=np.append(odds, 1) / (1 + odds.sum()))
        examples.append((signals, np.arange(len(odds)) == chosen))
    return examples


def test_it_is_calibrated_on_what_it_has_not_seen():
    model = ChoiceModel.fit(NAMES, drawn(1500, 0))
    best, right = [], []
    for signals, is_right in drawn(1500, 1):
        probability = model.of(signals)
        best.append(probability.max())
        right.append(is_right[probability.argmax()])
    assert expected_calibration_error(np.array(best), np.array(right)) < 0.05
    assert model.weights[0] == pytest.approx(2, abs=0.3)
    assert abs(model.weights[1]) < 0.2


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=20))
def test_alternatives_never_sum_to_one(signals):
    probability = ChoiceModel.fit(NAMES, drawn(40, 2)).of(np.array(signals))
    assert np.all(probability >= 0)
    assert probability.sum() < 1 + 1e-9


def test_without_examples_nothing_is_likely():
    assert ChoiceModel.fit(NAMES, []).of(np.ones((3, 2))).max() < 1e-6


def test_it_is_read_as_it_was_written():
    model = ChoiceModel.fit(NAMES, drawn(40, 3))
    assert ChoiceModel.from_json(model.to_json()) == model
    with pytest.raises(GenerationError, match="re-index"):
        ChoiceModel.from_json("{}")
