"""The query laid over a catalogue picture by their shared keypoints: do they agree where there are no keypoints?

Two varieties of one product share a logo, and with it many keypoints; what tells them apart is the rest of the
surface. Keypoints say how to lay one over the other, and then every part can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embedding.local.features import BACKGROUND, LocalFeatures
from embedding.local.matching import Agreement, Evidence

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# How many candidates are laid over: those that could still become the first.
LAID_OVER = 15
_LEAST_PAIRS = 8
_LEAST_SEEN = 60  # pixels of the catalogue picture's preview, some 100 pixels long
_OBJECT = (BACKGROUND + 255) // 2
_WINDOW = 3.0  # spread of the window that is compared at a time, in pixels of the preview
_REACH = round(4 * _WINDOW)  # pixels from its middle that OpenCV lets it reach
# A thing is not flat: each window may have moved this far, in pixels of the preview.
_SHIFTS = (-2, 0, 2)
_AROUND = 4  # the light is read from this far around shared keypoints, in pixels of the preview
_NOISE = 16.0  # variance of lightness below which a window shows nothing
_TEXTURED = 30.0


def align_and_compare(
    query: LocalFeatures, candidates: Sequence[LocalFeatures], evidence: Sequence[Evidence], scores: Floats
) -> list[Evidence]:
    """Evidence [n] with the agreement of the best candidates by score float32 [n]; of the others it stays unknown."""
    best = set(np.argsort(-scores, kind="stable")[:LAID_OVER].tolist())
    return [
        replace(each, agreement=agreement(query, candidate, each.pairs)) if place in best else each
        for place, (candidate, each) in enumerate(zip(candidates, evidence, strict=True))
    ]


def agreement(query: LocalFeatures, candidate: LocalFeatures, pairs: Floats) -> Agreement | None:
    """How far two pictures agree once pairs float32 [i, 4], as in Evidence, lie on one another.

    The light's gain and cast are taken from around the pairs and discounted. Structure is compared by normalised
    cross-correlation of small windows, each at the best of a few shifts.

    Returns:
        None where the pairs are too few to lay one over the other, or too little of the object is seen.
    """
    if len(pairs) < _LEAST_PAIRS:
        return None
    laid = _laid_over(query, candidate, pairs)
    if laid is None:
        return None
    seen, lightness, colour, at = laid
    own = _lab(candidate.preview)
    near = seen & _around(at, seen.shape)
    if near.sum() < _LEAST_SEEN / 2:
        near = seen
    gain = np.clip(lightness[near].std() / max(float(own[near, 0].std()), 3.0), 0.3, 2.5)
    lightness = (lightness - lightness[near].mean()) / gain + own[near, 0].mean()
    colour = colour - np.median(colour[near] - own[near, 1:], axis=0)
    return _compared(own, lightness.astype(np.float32), colour.astype(np.float32), seen)


class _Window:
    """Means over a small window around each pixel, of what is seen only."""

    def __init__(self, seen: Mask) -> None:
        self._weight = seen.astype(np.float32)[..., None]
        self._total = _blurred(self._weight) + np.float32(1e-6)

    def means(self, *values: Floats) -> Iterator[Floats]:
        """Of each of several planes [h, w]; together, for one blur of many planes is soonest done."""
        means = _blurred(np.dstack(values) * self._weight) / self._total
        return iter(np.ascontiguousarray(means.transpose(2, 0, 1)))


def _blurred(values: Floats) -> Floats:
    """Planes [h, w, n], blurred each for itself."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _WINDOW), np.float32).reshape(values.shape)


def _compared(own: Floats, lightness: Floats, colour: Floats, seen: Mask) -> Agreement:
    part = _part_within_reach(seen)
    own, lightness, colour, seen = own[part], lightness[part], colour[part], seen[part]
    window, own_light = _Window(seen), own[..., 0]
    own_mean, own_square, own_red, own_blue = window.means(own_light, own_light**2, own[..., 1], own[..., 2])
    own_variance = own_square - own_mean**2
    own_spread = np.sqrt(np.maximum(own_variance, 0) + _NOISE)
    correlation = np.full(seen.shape, -1.0, np.float32)
    difference = np.full(seen.shape, np.inf, np.float32)
    for light, red, blue in _moved(np.dstack([lightness, colour])):
        mean, square, shared, mean_red, mean_blue = window.means(light, light**2, light * own_light, red, blue)
        spread = np.sqrt(np.maximum(square - mean**2, 0) + _NOISE)
        correlation = np.maximum(correlation, (shared - mean * own_mean) / spread / own_spread)
        apart = np.maximum(np.abs(mean_red - own_red), np.abs(mean_blue - own_blue))
        difference = np.minimum(difference, apart)
    textured = seen & (own_variance > _TEXTURED)
    structure = float(correlation[textured].mean()) if textured.sum() >= _LEAST_SEEN / 2 else 0.0
    return Agreement(structure, float(difference[seen].mean()))


def _part_within_reach(seen: Mask) -> tuple[slice, slice]:
    """Rows and columns with all that windows around what is seen reach: the rest of the picture counts for nothing."""
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - _REACH), int(rows[-1]) + 1 + _REACH),
        slice(max(0, int(columns[0]) - _REACH), int(columns[-1]) + 1 + _REACH),
    )


def _laid_over(
    query: LocalFeatures, candidate: LocalFeatures, pairs: Floats
) -> tuple[Mask, Floats, Floats, Floats] | None:
    """On the candidate's preview [h, w]: where its object is seen, the query's lightness [h, w] and colour [h, w, 2]
    there, and the pairs' points [i, 2]; None without a view of enough of it."""
    height, width = candidate.preview.shape[:2]
    at = (pairs[:, 2:] * (width, height)).astype(np.float32)
    high, wide = query.preview.shape[:2]
    # Scaled to the preview's scale first: a warp alone would skip pixels.
    scale = min(1.0, float(np.sqrt(_spread(at) / _spread(pairs[:, :2] * (wide, high)))))
    size = max(8, round(wide * scale)), max(8, round(high * scale))
    scaled = np.asarray(cv2.resize(query.preview, size, interpolation=cv2.INTER_AREA), np.uint8)
    # None for points in a line, which OpenCV's stubs do not tell.
    fitted: Sequence[Any] = cv2.findHomography(at, (pairs[:, :2] * size).astype(np.float32), 0)
    if fitted[0] is None:
        return None
    found = np.asarray(fitted[0], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = np.asarray(cv2.warpPerspective(_lab(scaled), found, (width, height), flags=flags), np.float32)
    shown = np.asarray(cv2.warpPerspective(scaled[..., 3], found, (width, height), flags=flags))
    seen: Mask = (shown >= BACKGROUND - 4) & (candidate.preview[..., 3] >= _OBJECT)
    if seen.sum() < _LEAST_SEEN:
        return None
    return seen, warped[..., 0], warped[..., 1:], at


def _lab(preview: npt.NDArray[np.uint8]) -> Floats:
    """CIELAB as OpenCV scales it to bytes, float32 [h, w, 3], of a preview [h, w, 4]."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(preview[..., :3]), cv2.COLOR_RGB2LAB), np.float32)


def _spread(points: npt.NDArray[np.floating]) -> float:
    """The area that points [i, 2] are spread over, in their units squared; never 0."""
    return float(np.sqrt(max(float(np.linalg.det(np.cov(points.T))), 0.0) + 1e-9))


def _around(points: Floats, shape: tuple[int, ...]) -> Mask:
    near = np.zeros(shape[:2], np.uint8)
    for x, y in points.astype(int).tolist():
        cv2.circle(near, (x, y), _AROUND, 1, -1)
    return near > 0


def _moved(values: Floats) -> Iterator[Floats]:
    """Planes [n, h, w] of values [h, w, n], once for each of the shifts, the edge repeated."""
    height, width = values.shape[:2]
    most = max(_SHIFTS)
    wider = np.asarray(cv2.copyMakeBorder(values, most, most, most, most, cv2.BORDER_REPLICATE), np.float32)
    planes = wider.transpose(2, 0, 1)
    for right in _SHIFTS:
        for down in _SHIFTS:
            yield planes[:, most - down :, most - right :][:, :height, :width]
