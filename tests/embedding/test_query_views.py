"""The views of a query: rotated and mapped back, and their cosines combined."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embedding.query_views import NEAR_IDENTICAL, QueryViews, combine_cosines


@given(
    seed=st.integers(0, 2**32 - 1),
    wide=st.integers(2, 30),
    high=st.integers(2, 30),
    first=st.integers(0, 7),
    then=st.integers(0, 7),
)
def test_points_of_a_rotated_query_are_mapped_to_the_original(
    seed: int, wide: int, high: int, first: int, then: int
) -> None:
    """A point of the rotated picture has the pixel of the point that it is mapped to."""
    image = np.random.default_rng(seed).integers(0, 256, (high, wide, 3)).astype(np.uint8)
    hidden = image[..., 0] > 128
    rotated = QueryViews(image, (image, image[:1]), hidden).rotated(first).rotated(then)
    assert rotated.turn == (first + then) % 4
    rows, columns = np.indices(rotated.image.shape[:2]).reshape(2, -1)
    size = np.array(rotated.image.shape[1::-1])
    points = ((np.stack([columns, rows], axis=1) + 0.5) / size).astype(np.float32)
    x, y = (rotated.to_original(points) * (wide, high)).astype(int).T
    np.testing.assert_array_equal(rotated.image[rows, columns], image[y, x])
    assert rotated.hidden is not None
    np.testing.assert_array_equal(rotated.hidden[rows, columns], hidden[y, x])
    np.testing.assert_array_equal(rotated.views[0], rotated.image)
    assert sorted(rotated.views[1].shape[:2]) == sorted((1, wide))


def test_a_query_without_a_mask_has_none_when_rotated() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    assert QueryViews(image, (image,), None).rotated(1).hidden is None


def test_cosines_are_combined_halfway_from_mean_to_best_unless_the_whole_is_nearly_identical() -> None:
    """A picture of the catalogue itself keeps the cosine of the whole, whatever its centre resembles."""
    unrelated, centre = 0.5, 0.6
    least = unrelated + NEAR_IDENTICAL * (1 - unrelated)
    just_above, just_below = least + 0.001, least - 0.001
    whole = np.array([just_above, just_below, centre], np.float32)
    middle = np.array([centre, centre, just_above], np.float32)
    combined = combine_cosines(np.stack([whole, middle]), unrelated)
    mean = (centre + np.array([just_below, just_above])) / 2
    expected = [just_above, (just_below + mean[0]) / 2, (just_above + mean[1]) / 2]
    np.testing.assert_allclose(combined, expected, atol=1e-6)
