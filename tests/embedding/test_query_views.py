"""How a query is looked at, turned and as it was given."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embedding.query_views import SAME, QueryViews, combine


@given(
    seed=st.integers(0, 2**32 - 1),
    wide=st.integers(2, 30),
    high=st.integers(2, 30),
    first=st.integers(0, 7),
    then=st.integers(0, 7),
)
def test_points_of_a_turned_query_are_told_as_it_was_given(
    seed: int, wide: int, high: int, first: int, then: int
) -> None:
    """Whatever is seen at a point of the turned picture was seen at that point of the picture that was given."""
    image = np.random.default_rng(seed).integers(0, 256, (high, wide, 3)).astype(np.uint8)
    hidden = image[..., 0] > 128
    turned = QueryViews(image, (image, image[:1]), hidden).turned(first).turned(then)
    assert turned.turn == (first + then) % 4
    rows, columns = np.indices(turned.image.shape[:2]).reshape(2, -1)
    size = np.array(turned.image.shape[1::-1])
    points = ((np.stack([columns, rows], axis=1) + 0.5) / size).astype(np.float32)
    x, y = (turned.as_given(points) * (wide, high)).astype(int).T
    np.testing.assert_array_equal(turned.image[rows, columns], image[y, x])
    assert turned.hidden is not None
    np.testing.assert_array_equal(turned.hidden[rows, columns], hidden[y, x])
    np.testing.assert_array_equal(turned.pictures[0], turned.image)
    assert sorted(turned.pictures[1].shape[:2]) == sorted((1, wide))


def test_what_nothing_hides_stays_so() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    assert QueryViews(image, (image,), None).turned(1).hidden is None


def test_views_are_combined_halfway_from_mean_to_best_unless_the_whole_is_all_but_the_same() -> None:
    """A picture of the catalogue itself keeps its own cosine, whatever its middle resembles."""
    just_same, just_less, centre = SAME + 0.001, SAME - 0.001, 0.2
    whole = np.array([just_same, just_less, centre], np.float32)
    middle = np.array([centre, centre, just_same], np.float32)
    combined = combine(np.stack([whole, middle]))
    mean = (centre + np.array([just_less, just_same])) / 2
    expected = [just_same, (just_less + mean[0]) / 2, (just_same + mean[1]) / 2]
    np.testing.assert_allclose(combined, expected, atol=1e-6)
