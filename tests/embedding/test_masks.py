"""Sanitised areas: found where they are, not where a picture is merely plain, and kept out of what is embedded."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from embedding.boxes import Box, largest
from embedding.conceal import WAYS, How, a_third, conceal
from embedding.masks import clean_region, fill, mask
from embedding.regions import WHOLE, Region

SHARED = Path(os.environ.get("TRACEOBJECT_SHARED", Path(__file__).parents[2] / "../shared"))
GROCERY = SHARED / "data/grocery"
Image = npt.NDArray[np.uint8]


def scene(seed: int, height: int = 300, width: int = 360) -> Image:
    """Something with grain everywhere, as a photo of a textured thing has."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.float32) + rng.uniform(90, 160, 3)
    for cells in (4, 16, 64):
        noise = rng.normal(0, 14, (cells, cells, 3)).astype(np.float32)
        image += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def jpeg(image: Image, quality: int) -> Image:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def overlap(found: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> float:
    return float((found & true).sum() / max(1, (found | true).sum()))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), how=st.sampled_from(("black", "white", "blur")), quality=st.integers(85, 95))
def test_a_hidden_third_is_found(seed: int, how: How, quality: int) -> None:
    rng = np.random.default_rng(seed)
    hidden, true = conceal(scene(seed), a_third(rng), how, 0.15)
    assert overlap(mask(jpeg(hidden, quality)), true) > 0.5


def test_most_pixelated_thirds_are_found() -> None:
    overlaps = []
    for seed in range(12):
        contrasty = np.clip(scene(seed).astype(float) * 2 - 128, 0, 255).astype(np.uint8)
        hidden, true = conceal(contrasty, a_third(np.random.default_rng(seed)), "pixelate", 0.15)
        overlaps.append(overlap(mask(jpeg(hidden, 88)), true))
    assert np.mean(np.array(overlaps) > 0.4) >= 0.6, overlaps


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), quality=st.integers(60, 95))
def test_nothing_is_found_where_nothing_is_hidden(seed: int, quality: int) -> None:
    assert not mask(jpeg(scene(seed), quality)).any()


@pytest.mark.parametrize("background", [255, 250, 0])
def test_a_studio_background_is_not_hidden(background: int) -> None:
    image = np.full((400, 300, 3), background, np.uint8)
    image[80:330, 60:240] = scene(1, 250, 180)
    assert not mask(jpeg(image, 90)).any()


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (500, 3), (31, 31), (40, 900)])
def test_any_shape_gives_a_mask_of_that_shape(shape: tuple[int, int]) -> None:
    found = mask(np.full((*shape, 3), 128, np.uint8))
    assert found.shape == shape
    assert found.dtype == np.bool_
    assert not found.any()


def test_a_large_picture_is_examined_small_and_told_large() -> None:
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
    found = largest(chosen)
    assert (found.area if found else 0) == max((box.area for box in every), default=0)
    assert found is None or found in every


@given(seed=st.integers(0, 2**32 - 1))
def test_the_clean_region_has_nothing_hidden_in_it(seed: int) -> None:
    _, hidden = conceal(scene(0), a_third(np.random.default_rng(seed)), "black")
    region = clean_region(hidden)
    assert region != WHOLE
    assert not region.of(hidden[..., None].view(np.uint8)).any()


def test_a_clean_picture_is_left_as_it_is() -> None:
    image, nothing = scene(3), np.zeros((300, 360), bool)
    assert clean_region(nothing) == WHOLE
    assert fill(image, nothing) is image
    assert fill(image, ~nothing) is image
    assert clean_region(~nothing) == WHOLE


def test_what_is_hidden_is_filled_and_the_rest_untouched() -> None:
    hidden, true = conceal(scene(4), Region(0, 0, 0.5, 0.5), "black")
    filled = fill(hidden, true)
    np.testing.assert_array_equal(filled[~true], hidden[~true])
    assert len(np.unique(filled[true], axis=0)) == 1
    assert abs(float(filled[true].mean()) - float(hidden[~true].mean())) < 1


@pytest.mark.slow
def test_real_photos() -> None:
    if not (GROCERY / "queries.csv").is_file():
        pytest.skip(f"the grocery photos are not at {GROCERY}")
    with (GROCERY / "queries.csv").open(newline="") as file:
        photos = [GROCERY / row["path"] for row in csv.DictReader(file)][::48]
    rng = np.random.default_rng(5)
    clean: list[float] = []
    found: dict[How, list[float]] = {how: [] for how in WAYS}
    for path in photos:
        photo = np.asarray(Picture.open(path).convert("RGB"))
        clean.append(float(mask(photo).mean()))
        for how in WAYS:
            hidden, true = conceal(photo, a_third(rng), how, 0.15)
            found[how].append(overlap(mask(jpeg(hidden, 88)), true))
    assert np.mean(clean) < 0.02, clean
    shares = {how: float(np.mean(np.array(overlaps) > 0.5)) for how, overlaps in found.items()}
    assert all(share >= 0.5 for share in shares.values()), shares
    assert np.mean(list(shares.values())) >= 0.65, shares
