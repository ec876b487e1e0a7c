"""The query aligned with a catalogue picture: the same surface agrees, another print under the same logo does not."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.local import alignment
from embedding.local.alignment import MAX_ALIGNED, align_and_compare, surface_agreement
from embedding.local.features import BACKGROUND, DESCRIPTOR_SIZE, PALETTE_SIZE, LocalFeatures, Preview
from embedding.local.matching import GeometricMatch, SurfaceAgreement
from embedding.local.scoring import cosine_score, score

Image = npt.NDArray[np.uint8]
LOGO = (slice(10, 40), slice(20, 70))


def print_of(seed: int) -> Image:
    """A print, 96 pixels high: the same logo on top, below it what the seed draws."""
    image = np.full((96, 90, 3), (200, 180, 60), np.uint8)
    rng = np.random.default_rng(seed)
    below = rng.integers(0, 256, (8, 10, 3)).astype(np.uint8)
    image[44:92, 4:86] = cv2.resize(below, (82, 48), interpolation=cv2.INTER_CUBIC)
    logo = np.random.default_rng(99).integers(0, 256, (5, 8, 3)).astype(np.uint8)
    image[LOGO] = cv2.resize(logo, (50, 30), interpolation=cv2.INTER_NEAREST)
    return image


def features_of(image: Image, hidden: npt.NDArray[np.bool_] | None = None) -> LocalFeatures:
    opacity = np.full((*image.shape[:2], 1), 255, np.uint8)
    if hidden is not None:
        opacity[hidden] = 0
    nothing = np.empty((0, DESCRIPTOR_SIZE), np.int8)
    return LocalFeatures(
        (image.shape[1], image.shape[0]),
        np.empty((0, 2), np.float32),
        nothing,
        np.zeros(PALETTE_SIZE, np.uint8),
        0.0,
        Preview(np.concatenate([image, opacity], axis=2)),
        (),
    )


def photographed(
    image: Image, gain: float = 0.8, cast: tuple[int, int, int] = (8, 0, -8)
) -> tuple[Image, npt.NDArray[np.float32]]:
    """A photo of a print, three times as large and from the side, and pairs of points on the logo."""
    high, wide = image.shape[:2]
    before = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    after = np.array([[30, 20], [280, 40], [260, 290], [50, 270]], np.float32)
    homography = cv2.getPerspectiveTransform(before, after)
    photo = cv2.warpPerspective(image, homography, (320, 320), borderValue=(90, 110, 120)).astype(np.float32)
    lit = np.clip(photo * gain + cast, 0, 255).astype(np.uint8)
    x, y = np.meshgrid(np.linspace(22, 68, 6), np.linspace(12, 38, 4))
    on_print = np.stack([x.ravel(), y.ravel()], axis=1)
    on_photo = cv2.perspectiveTransform(on_print[None].astype(np.float32), homography)[0]
    return lit, np.concatenate([on_photo / 320, on_print / (wide, high)], axis=1).astype(np.float32)


@given(seed=st.integers(0, 50), gain=st.floats(0.6, 1.1), cast=st.integers(-12, 12))
def test_the_same_print_agrees_and_another_under_the_same_logo_does_not(seed: int, gain: float, cast: int) -> None:
    photo, pairs = photographed(print_of(seed), gain, (cast, 0, -cast))
    same = surface_agreement(features_of(photo), features_of(print_of(seed)), pairs)
    other = surface_agreement(features_of(photo), features_of(print_of(seed + 1000)), pairs)
    assert same is not None
    assert other is not None
    assert same.structure > other.structure + 0.2
    assert same.colour < other.colour


def test_hidden_parts_do_not_lower_the_agreement() -> None:
    photo, pairs = photographed(print_of(3))
    clean = surface_agreement(features_of(photo), features_of(print_of(3)), pairs)
    hidden = np.zeros(photo.shape[:2], bool)
    hidden[180:] = True
    blackened = np.where(hidden[..., None], 0, photo).astype(np.uint8)
    ignored = surface_agreement(features_of(blackened, hidden), features_of(print_of(3)), pairs)
    not_ignored = surface_agreement(features_of(blackened), features_of(print_of(3)), pairs)
    assert clean is not None
    assert ignored is not None
    assert not_ignored is not None
    assert abs(ignored.structure - clean.structure) < 0.1
    assert not_ignored.structure < ignored.structure - 0.1


def test_too_few_pairs_or_all_of_one_point_give_no_agreement() -> None:
    photo, pairs = photographed(print_of(1))
    features = features_of(photo), features_of(print_of(1))
    assert surface_agreement(*features, pairs[:5]) is None
    assert surface_agreement(*features, np.full((12, 4), 0.4, np.float32)) is None


def test_background_alone_gives_no_agreement() -> None:
    photo, pairs = photographed(print_of(1))
    catalogue = features_of(print_of(1))
    catalogue.preview.pixels[..., 3] = BACKGROUND
    assert surface_agreement(features_of(photo), catalogue, pairs) is None


def test_only_the_best_candidates_are_aligned() -> None:
    photo, pairs = photographed(print_of(1))
    matches = [GeometricMatch(pairs)] * 20
    scores = np.arange(20, dtype=np.float32)
    compared = align_and_compare(features_of(photo), [features_of(print_of(1))] * 20, matches, scores)
    assert [each.agreement is not None for each in compared] == [place >= 20 - MAX_ALIGNED for place in range(20)]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (SurfaceAgreement(0.7, 10.0), SurfaceAgreement(0.4, 10.0)),
        (SurfaceAgreement(0.5, 4.0), SurfaceAgreement(0.5, 20.0)),
    ],
)
def test_more_agreement_scores_more(better: SurfaceAgreement, worse: SurfaceAgreement) -> None:
    _, pairs = photographed(print_of(1))
    query, cosines = features_of(print_of(1)), np.array([0.5, 0.5], np.float32)
    matches = [GeometricMatch(pairs, each) for each in (better, worse)]
    first, second = score(cosines, query, [query, query], matches)
    assert first > second
    no_match = GeometricMatch(np.empty((0, 4), np.float32))
    assert score(cosines, query, [query, query], [no_match, no_match]).tolist() == pytest.approx(
        cosine_score(cosines).tolist()
    )


@pytest.mark.parametrize("corner", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (0.25, 0.25)])
def test_only_the_surroundings_of_visible_parts_are_computed(monkeypatch, corner) -> None:
    photo, pairs = photographed(print_of(1))
    catalogue = features_of(print_of(1))
    high, wide = catalogue.preview.pixels.shape[:2]
    visible = np.zeros((high, wide), bool)
    top, left = int(corner[0] * high), int(corner[1] * wide)
    visible[top : top + high // 2, left : left + wide // 2] = True
    catalogue.preview.pixels[~visible, 3] = 0
    cropped = surface_agreement(features_of(photo), catalogue, pairs)
    monkeypatch.setattr(alignment, "_bounds", lambda visible: (slice(None), slice(None)))
    whole = surface_agreement(features_of(photo), catalogue, pairs)
    assert cropped is not None
    assert whole is not None
    assert (cropped.structure, cropped.colour) == pytest.approx((whole.structure, whole.colour), rel=1e-5)
