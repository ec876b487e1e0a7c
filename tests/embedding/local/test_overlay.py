"""The query laid over a catalogue picture: the same surface agrees, another print under the same logo does not."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.local import overlay
from embedding.local.features import BACKGROUND, DESCRIPTOR, PALETTE, LocalFeatures
from embedding.local.matching import NOTHING, Agreement, Evidence
from embedding.local.overlay import LAID_OVER, agreement, align_and_compare
from embedding.local.scoring import score

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
    shown = np.full((*image.shape[:2], 1), 255, np.uint8)
    if hidden is not None:
        shown[hidden] = 0
    nothing = np.empty((0, DESCRIPTOR), np.int8)
    return LocalFeatures(
        (image.shape[1], image.shape[0]),
        np.empty((0, 2), np.float32),
        nothing,
        np.empty((0, 3), np.uint8),
        np.zeros(PALETTE, np.uint8),
        0.0,
        np.concatenate([image, shown], axis=2),
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
    seen = np.clip(photo * gain + cast, 0, 255).astype(np.uint8)
    x, y = np.meshgrid(np.linspace(22, 68, 6), np.linspace(12, 38, 4))
    on_print = np.stack([x.ravel(), y.ravel()], axis=1)
    on_photo = cv2.perspectiveTransform(on_print[None].astype(np.float32), homography)[0]
    return seen, np.concatenate([on_photo / 320, on_print / (wide, high)], axis=1).astype(np.float32)


@given(seed=st.integers(0, 50), gain=st.floats(0.6, 1.1), cast=st.integers(-12, 12))
def test_the_same_print_agrees_and_another_under_the_same_logo_does_not(seed: int, gain: float, cast: int) -> None:
    photo, pairs = photographed(print_of(seed), gain, (cast, 0, -cast))
    same = agreement(features_of(photo), features_of(print_of(seed)), pairs)
    other = agreement(features_of(photo), features_of(print_of(seed + 1000)), pairs)
    assert same is not None
    assert other is not None
    assert same.structure > other.structure + 0.2
    assert same.colour < other.colour


def test_what_is_hidden_does_not_disagree() -> None:
    photo, pairs = photographed(print_of(3))
    clean = agreement(features_of(photo), features_of(print_of(3)), pairs)
    hidden = np.zeros(photo.shape[:2], bool)
    hidden[180:] = True
    blackened = np.where(hidden[..., None], 0, photo).astype(np.uint8)
    ignored = agreement(features_of(blackened, hidden), features_of(print_of(3)), pairs)
    taken = agreement(features_of(blackened), features_of(print_of(3)), pairs)
    assert clean is not None
    assert ignored is not None
    assert taken is not None
    assert abs(ignored.structure - clean.structure) < 0.1
    assert taken.structure < ignored.structure - 0.1


def test_too_few_pairs_or_all_of_one_point_tell_nothing() -> None:
    photo, pairs = photographed(print_of(1))
    features = features_of(photo), features_of(print_of(1))
    assert agreement(*features, pairs[:5]) is None
    assert agreement(*features, np.full((12, 4), 0.4, np.float32)) is None


def test_only_the_background_in_view_tells_nothing() -> None:
    photo, pairs = photographed(print_of(1))
    catalogue = features_of(print_of(1))
    catalogue.preview[..., 3] = BACKGROUND
    assert agreement(features_of(photo), catalogue, pairs) is None


def test_only_the_best_are_laid_over() -> None:
    photo, pairs = photographed(print_of(1))
    evidence = [Evidence(pairs, len(pairs), 0.1, 0.1, 1.0)] * 20
    scores = np.arange(20, dtype=np.float32)
    found = align_and_compare(features_of(photo), [features_of(print_of(1))] * 20, evidence, scores)
    assert [each.agreement is not None for each in found] == [place >= 20 - LAID_OVER for place in range(20)]


@pytest.mark.parametrize(
    ("better", "worse"),
    [(Agreement(0.7, 10.0), Agreement(0.4, 10.0)), (Agreement(0.5, 4.0), Agreement(0.5, 20.0))],
)
def test_more_agreement_scores_more(better: Agreement, worse: Agreement) -> None:
    _, pairs = photographed(print_of(1))
    query, cosines = features_of(print_of(1)), np.array([0.5, 0.5], np.float32)
    evidence = [Evidence(pairs, 24, 0.1, 0.1, 1.0, each) for each in (better, worse)]
    first, second = score(cosines, query, [query, query], evidence)
    assert first > second
    assert score(cosines, query, [query, query], [NOTHING, NOTHING]).tolist() == pytest.approx(cosines.tolist())


@pytest.mark.parametrize("corner", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (0.25, 0.25)])
def test_only_the_surroundings_of_what_is_seen_are_reckoned_with(monkeypatch, corner) -> None:
    photo, pairs = photographed(print_of(1))
    catalogue = features_of(print_of(1))
    high, wide = catalogue.preview.shape[:2]
    shown = np.zeros((high, wide), bool)
    top, left = int(corner[0] * high), int(corner[1] * wide)
    shown[top : top + high // 2, left : left + wide // 2] = True
    catalogue.preview[~shown, 3] = 0
    quick = agreement(features_of(photo), catalogue, pairs)
    monkeypatch.setattr(overlay, "_part_within_reach", lambda seen: (slice(None), slice(None)))
    whole = agreement(features_of(photo), catalogue, pairs)
    assert quick is not None
    assert whole is not None
    assert (quick.structure, quick.colour) == pytest.approx((whole.structure, whole.colour), rel=1e-5)
