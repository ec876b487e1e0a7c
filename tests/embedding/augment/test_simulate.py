"""Simulated photos: seeded, varied, and with the right position of the object."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding.augment.simulate import simulate
from embedding.image.foreground import foreground

Image = npt.NDArray[np.uint8]


def studio(colour: tuple[int, int, int] = (200, 30, 30), size: int = 240) -> Image:
    """A bright disc with a white label before a white background."""
    image = np.full((size, size, 3), 255, np.uint8)
    cv2.circle(image, (size // 2, size // 2), size // 3, colour, -1)
    cv2.rectangle(image, (size // 2 - 20, size // 2 - 10), (size // 2 + 20, size // 2 + 10), (255, 255, 255), -1)
    return image


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_photo_has_masks_of_its_size_and_the_box_of_its_object(seed: int) -> None:
    view = simulate(studio(), np.random.default_rng(seed))
    assert view.image.dtype == np.uint8
    assert view.image.shape == (*view.object.shape, 3) == (*view.hidden.shape, 3)
    assert 64 <= min(view.image.shape[:2]) <= max(view.image.shape[:2]) <= 640
    assert 0.03 < view.object.mean() < 0.95
    height, width = view.object.shape
    rows, columns = np.nonzero(view.object)
    assert view.region.x0 * width <= columns.min() + 1e-6
    assert view.region.x1 * width >= columns.max() + 1 - 1e-6
    assert view.region.y0 * height <= rows.min() + 1e-6
    assert view.region.y1 * height >= rows.max() + 1 - 1e-6


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_seed_gives_the_same_photo(seed: int) -> None:
    backgrounds = [studio((10, 200, 10), 90)]
    one, other = (simulate(studio(), np.random.default_rng(seed), backgrounds) for _ in range(2))
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.hidden, other.hidden)


def test_seeds_give_different_photos() -> None:
    rng = np.random.default_rng(0)
    shapes = {simulate(studio(), rng).image.tobytes() for _ in range(6)}
    assert len(shapes) == 6


def test_the_object_is_where_the_mask_says() -> None:
    rng = np.random.default_rng(1)
    reds = []
    for _ in range(20):
        view = simulate(studio(), rng, [np.full((50, 50, 3), 120, np.uint8)], sanitised=0)
        excess = view.image[..., 0].astype(float) - view.image[..., 1]
        reds.append(excess[view.object].mean() - excess[~view.object].mean())
    assert np.median(reds) > 40


@pytest.mark.parametrize(("sanitised", "least", "most"), [(0.0, 0.0, 0.0), (1.0, 0.25, 0.45)])
def test_as_many_views_are_sanitised_as_asked(sanitised: float, least: float, most: float) -> None:
    rng = np.random.default_rng(2)
    shares = [simulate(studio(), rng, sanitised=sanitised).hidden.mean() for _ in range(10)]
    assert least <= min(shares)
    assert max(shares) <= most


def test_a_picture_without_a_plain_border_is_all_object() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (80, 60, 3)).astype(np.uint8)
    assert (foreground(noise) == 1).all()


def test_a_label_inside_the_object_is_no_background() -> None:
    mask = foreground(studio())
    assert mask[0, 0] == 0
    assert mask[120, 120] == 1
    assert mask[120, 60] == 1
