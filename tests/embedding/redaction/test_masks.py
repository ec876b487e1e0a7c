"""Sanitised areas are detected, plain areas are not, and what is embedded shows none of them."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from embedding.image.regions import Region
from embedding.query_views import combine_cosines, query_views
from embedding.redaction.boxes import Box, largest_box
from embedding.redaction.conceal import METHODS, Method, conceal, random_box
from embedding.redaction.masks import fill, mask
from tests.paths import SHARED

GROCERY = SHARED / "data/grocery"
Image = npt.NDArray[np.uint8]


def scene(seed: int, height: int = 300, width: int = 360) -> Image:
    """A picture with grain everywhere, like a photo of a textured object."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.float32) + rng.uniform(90, 160, 3)
    for cells in (4, 16, 64):
        noise = rng.normal(0, 14, (cells, cells, 3)).astype(np.float32)
        image += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def contrasty(seed: int) -> Image:
    """The same with twice the contrast."""
    return np.clip(scene(seed).astype(float) * 2 - 128, 0, 255).astype(np.uint8)


def jpeg(image: Image, quality: int) -> Image:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def overlap(found: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> float:
    return float((found & true).sum() / max(1, (found | true).sum()))


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), method=st.sampled_from(("black", "white")), quality=st.integers(85, 95))
def test_a_hidden_third_is_found(seed: int, method: Method, quality: int) -> None:
    rng = np.random.default_rng(seed)
    hidden, true = conceal(scene(seed), random_box(rng), method, 0.15)
    assert overlap(mask(jpeg(hidden, quality)), true) > 0.5


def test_most_blurred_thirds_are_found() -> None:
    """Not all: what a blur leaves of a plain surface is as plain, and natural photos must not be taken for that."""
    found = []
    for seed in range(24):
        hidden, true = conceal(scene(seed), random_box(np.random.default_rng(seed)), "blur", 0.15)
        found.append(overlap(mask(jpeg(hidden, 88)), true) > 0.5)
    assert np.mean(found) >= 0.7, found


@pytest.mark.parametrize("strength", [0.15, 0.25])
def test_most_pixelated_thirds_are_found_to_the_pixel_line(strength: float) -> None:
    overlaps = []
    for seed in range(12):
        hidden, true = conceal(contrasty(seed), random_box(np.random.default_rng(seed)), "pixelate", strength)
        overlaps.append(overlap(mask(jpeg(hidden, 88)), true))
    assert np.mean(np.array(overlaps) > 0.75) >= 0.9, overlaps
    assert np.median(overlaps) > 0.85, overlaps


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), quality=st.integers(60, 95))
def test_nothing_is_found_where_nothing_is_hidden(seed: int, quality: int) -> None:
    assert not mask(jpeg(scene(seed), quality)).any()


@pytest.mark.parametrize("background", [255, 250, 0])
def test_a_studio_background_is_not_masked(background: int) -> None:
    image = np.full((400, 300, 3), background, np.uint8)
    image[80:330, 60:240] = scene(1, 250, 180)
    assert not mask(jpeg(image, 90)).any()


@pytest.mark.parametrize("seed", range(6))
def test_the_flat_areas_of_a_drawing_are_not_masked(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = np.full((240, 320, 3), 255, np.uint8)
    for _ in range(8):
        left, top = rng.integers(0, (240, 160))
        colour = rng.choice([0, 255, 180], 3)
        image[top : top + rng.integers(40, 120), left : left + rng.integers(40, 120)] = colour
    assert not mask(image).any()


@given(cosines=st.lists(st.floats(-1, 0.96), min_size=4, max_size=4))
def test_the_same_picture_stays_first_whatever_its_views_match(cosines: list[float]) -> None:
    both = np.array([[1.0, 0.9], *np.array(cosines).reshape(2, 2)], np.float32)
    assert combine_cosines(both, 0.0)[0] == 1.0
    assert combine_cosines(both, 0.0).argmax() == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (500, 3), (31, 31), (40, 900)])
def test_any_shape_gives_a_mask_of_that_shape(shape: tuple[int, int]) -> None:
    found = mask(np.full((*shape, 3), 128, np.uint8))
    assert found.shape == shape
    assert found.dtype == np.bool_
    assert not found.any()


def test_the_mask_of_a_large_picture_has_its_size() -> None:
    hidden, true = conceal(scene(2, 1200, 1500), Region(0.1, 0.2, 0.7, 0.7), "black")
    found = mask(hidden)
    assert found.shape == (1200, 1500)
    assert overlap(found, true) > 0.9


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
def test_the_largest_box_is_the_largest(seed: int, rows: int, columns: int) -> None:
    chosen = np.random.default_rng(seed).random((rows, columns)) < 0.6
    every = [
        Box(left, top, right, bottom)
        for top in range(rows)
        for bottom in range(top + 1, rows + 1)
        for left in range(columns)
        for right in range(left + 1, columns + 1)
        if chosen[top:bottom, left:right].all()
    ]
    found = largest_box(chosen)
    assert (found.area if found else 0) == max((box.area for box in every), default=0)
    assert found is None or found in every


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_sanitised_areas_are_filled_in_every_view(seed: int) -> None:
    clean = query_views(scene(seed))
    assert clean.hidden is None
    assert [view.shape for view in clean.views] == [(300, 360, 3), (210, 252, 3)]
    concealed, true = conceal(scene(seed), random_box(np.random.default_rng(seed)), "black")
    views = query_views(concealed)
    assert views.hidden is not None
    assert overlap(views.hidden, true) > 0.8
    assert [view.shape for view in views.views] == [view.shape for view in clean.views]
    assert min(view.max(axis=2).min() for view in views.views) > 8


def test_a_studio_picture_with_a_hidden_part_has_a_filled_and_an_original_view() -> None:
    image = np.full((400, 400, 3), 255, np.uint8)
    image[60:340, 60:340] = scene(1, 280, 280)
    hidden, true = conceal(image, Region(0.3, 0.3, 0.6, 0.6), "black")
    views = query_views(hidden)
    filled, original = views.views
    assert original is hidden
    assert (filled[true] == 128).mean() > 0.9
    assert views.hidden is not None


def test_a_clean_studio_picture_has_one_view() -> None:
    image = np.full((200, 200, 3), 255, np.uint8)
    image[60:140, 60:140] = scene(1, 80, 80)
    (whole,) = query_views(image).views
    np.testing.assert_array_equal(whole, image)


@given(st.integers(1, 5), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_combined_cosines_lie_between_mean_and_best(views: int, count: int, seed: int) -> None:
    cosines = np.random.default_rng(seed).uniform(-1, 1, (views, count)).astype(np.float32)
    combined = combine_cosines(cosines, 0.0)
    assert combined.shape == (count,)
    assert (combined <= cosines.max(axis=0) + 1e-6).all()
    assert (combined >= cosines.mean(axis=0) - 1e-6).all()


def test_a_clean_picture_is_left_as_it_is() -> None:
    image, nothing = scene(3), np.zeros((300, 360), bool)
    assert fill(image, nothing) is image
    assert fill(image, ~nothing) is image


def test_hidden_areas_are_filled_and_the_rest_is_unchanged() -> None:
    hidden, true = conceal(scene(4), Region(0, 0, 0.5, 0.5), "black")
    filled = fill(hidden, true)
    np.testing.assert_array_equal(filled[~true], hidden[~true])
    assert (filled[true] == 128).all()


@pytest.mark.parametrize("left", [0, 30])
def test_a_pixelated_box_does_not_run_out_into_a_plain_background(left: int) -> None:
    image = np.full((400, 400, 3), 240, np.uint8)
    image[40:360, left : left + 300] = np.clip(scene(6, 320, 300).astype(float) * 2 - 128, 0, 255)
    region = Region((left + 60) / 400, 0.2, (left + 260) / 400, 0.7)
    hidden, true = conceal(image, region, "pixelate", 0.1)
    assert overlap(mask(jpeg(hidden, 90)), true) > 0.85


@pytest.mark.slow
def test_real_photos() -> None:
    if not (GROCERY / "queries.csv").is_file():
        pytest.skip(f"the grocery photos are not at {GROCERY}")
    with (GROCERY / "queries.csv").open(newline="") as file:
        photos = [GROCERY / row["path"] for row in csv.DictReader(file)][::48]
    rng = np.random.default_rng(5)
    clean: list[float] = []
    found: dict[Method, list[float]] = {method: [] for method in METHODS}
    for path in photos:
        photo = np.asarray(Picture.open(path).convert("RGB"))
        clean.append(float(mask(photo).mean()))
        for method in METHODS:
            hidden, true = conceal(photo, random_box(rng), method, float(rng.uniform(0.06, 0.25)))
            found[method].append(overlap(mask(jpeg(hidden, 88)), true))
    assert np.mean(clean) < 0.02, clean
    shares = {method: float(np.mean(np.array(overlaps) > 0.5)) for method, overlaps in found.items()}
    assert all(share >= 0.8 for share in shares.values()), shares
    assert np.mean(list(shares.values())) >= 0.9, shares
