"""The query aligned with a catalogue picture by their shared keypoints, and the rest of the surface compared.

Two varieties of one product share a logo, and with it many keypoints; what distinguishes them is the rest of the
surface. The keypoints give the homography that aligns the pictures, and then every part can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embedding.local.features import BACKGROUND, LocalFeatures
from embedding.local.matching import GeometricMatch, SurfaceAgreement

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# How many candidates are aligned: the best by score, since only they can still become the first. With 15 the products
# of docs/quality.md have the same ranks.
MAX_ALIGNED = 6
_MIN_PAIRS = 8
_MIN_VISIBLE_PIXELS = 60  # of the catalogue picture's preview, whose long side has some 100 pixels
_MIN_FOREGROUND = (BACKGROUND + 255) // 2  # from this value of a preview's last channel on, a pixel is the object's
_WINDOW_SIGMA = 3.0  # of the Gaussian window that is compared at a time, in pixels of the preview
_WINDOW_RADIUS = round(4 * _WINDOW_SIGMA)  # at which OpenCV cuts the window off, in pixels
# Neighbouring windows show nearly the same, so only those at every so many pixels are compared.
_STEP = 2
# An object is not quite a plane: each window may be shifted by this much, in pixels of the preview.
_SHIFTS = (-2, 0, 2)
_LIGHT_RADIUS = 4  # around shared keypoints, in pixels of the preview: the difference of light is measured there
_NOISE_VARIANCE = 16.0  # of lightness: added to a window's variance, so that noise alone does not correlate
_MIN_TEXTURE_VARIANCE = 30.0  # of lightness: a window of less has no structure to compare


def align_and_compare(
    query: LocalFeatures, candidates: Sequence[LocalFeatures], matches: Sequence[GeometricMatch], scores: Floats
) -> list[GeometricMatch]:
    """The matches [n], those of the best candidates by score float32 [n] with the agreement of their surfaces."""
    best = set(np.argsort(-scores, kind="stable")[:MAX_ALIGNED].tolist())
    return [
        replace(match, agreement=surface_agreement(query, candidate, match.pairs)) if place in best else match
        for place, (candidate, match) in enumerate(zip(candidates, matches, strict=True))
    ]


def surface_agreement(query: LocalFeatures, candidate: LocalFeatures, pairs: Floats) -> SurfaceAgreement | None:
    """How far two pictures agree once they are aligned by pairs float32 [i, 4], as in GeometricMatch.

    The difference of light, a gain and a cast, is measured around the pairs and removed. Structure is compared by
    normalised cross-correlation of small windows, each at the best of a few shifts.

    Returns:
        None where the pairs are too few to align the pictures, or too little of the object is visible.
    """
    if len(pairs) < _MIN_PAIRS:
        return None
    aligned = _align(query, candidate, pairs)
    if aligned is None:
        return None
    visible, lightness, colour, points = aligned
    target = _lab(candidate.preview.pixels)
    near = visible & _around(points, visible.shape)
    if near.sum() < _MIN_VISIBLE_PIXELS / 2:
        near = visible
    gain = np.clip(lightness[near].std() / max(float(target[near, 0].std()), 3.0), 0.3, 2.5)
    lightness = (lightness - lightness[near].mean()) / gain + target[near, 0].mean()
    colour = colour - np.median(colour[near] - target[near, 1:], axis=0)
    return _compare(target, lightness.astype(np.float32), colour.astype(np.float32), visible)


class _MaskedMeans:
    """Means over a small window around every _STEP-th pixel of every _STEP-th row, of the visible pixels only."""

    def __init__(self, visible: Mask) -> None:
        height, width = visible.shape
        self._down, self._across = _gaussian(height), _gaussian(width).T
        self.weight = visible.astype(np.float32)
        self._total = self._blurred(self.weight[None])[0] + np.float32(1e-6)

    def means(self, planes: Floats) -> Floats:
        """The means of planes [n, h, w] that were multiplied by `weight` [h, w]: [n, rows, columns]."""
        return np.asarray(self._blurred(planes) / self._total, np.float32)

    def _blurred(self, planes: Floats) -> Floats:
        """Two products of matrices: for many planes that are small they take a fifth of the time of a filter."""
        count, height, width = planes.shape
        across = planes.reshape(count * height, width) @ self._across
        return np.asarray(self._down @ across.reshape(count, height, -1), np.float32)


@lru_cache(512)
def _gaussian(length: int) -> Floats:
    """A Gaussian window at every _STEP-th of `length` pixels, mirrored at the ends: float32 [places, length]."""
    kernel = cv2.getGaussianKernel(2 * _WINDOW_RADIUS + 1, _WINDOW_SIGMA, cv2.CV_32F)[:, 0]
    mirrored = np.pad(np.arange(length), _WINDOW_RADIUS, mode="reflect")
    places = np.arange(0, length, _STEP)
    windows = np.zeros((len(places), length), np.float32)
    for window, place in zip(windows, places.tolist(), strict=True):
        np.add.at(window, mirrored[place : place + len(kernel)], kernel)
    return windows


def _compare(target: Floats, lightness: Floats, colour: Floats, visible: Mask) -> SurfaceAgreement:
    """Compare the aligned query, lightness [h, w] and colour [h, w, 2], with the candidate's CIELAB [h, w, 3]."""
    part = _bounds(visible)
    target, visible = np.ascontiguousarray(target[part].transpose(2, 0, 1)), visible[part]
    window, seen = _MaskedMeans(visible), visible[::_STEP, ::_STEP]
    weighted = window.weight * target
    target_mean, target_a, target_b, target_square = window.means(np.concatenate([weighted, weighted[:1] * target[0]]))
    target_variance = target_square - target_mean**2
    target_spread = np.sqrt(np.maximum(target_variance, 0) + _NOISE_VARIANCE)
    correlation = np.full(seen.shape, -1.0, np.float32)
    difference = np.full(seen.shape, np.inf, np.float32)
    for planes in _shifted(np.dstack([lightness[part], colour[part]]), window.weight, target[0]):
        mean, mean_a, mean_b, square, joint = window.means(planes)
        spread = np.sqrt(np.maximum(square - mean**2, 0) + _NOISE_VARIANCE)
        correlation = np.maximum(correlation, (joint - mean * target_mean) / spread / target_spread)
        difference = np.minimum(difference, np.maximum(np.abs(mean_a - target_a), np.abs(mean_b - target_b)))
    textured = seen & (target_variance > _MIN_TEXTURE_VARIANCE)
    enough = textured.sum() * _STEP**2 >= _MIN_VISIBLE_PIXELS / 2
    return SurfaceAgreement(float(correlation[textured].mean()) if enough else 0.0, float(difference[seen].mean()))


def _bounds(visible: Mask) -> tuple[slice, slice]:
    """Rows and columns around the visible pixels with all that their windows reach: the rest has no influence.

    They begin where a window of the whole picture has its centre, so that the same windows are compared.
    """
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    return _reach(rows), _reach(columns)


def _reach(visible: npt.NDArray[np.intp]) -> slice:
    start = max(0, int(visible[0]) - _WINDOW_RADIUS)
    return slice(start - start % _STEP, int(visible[-1]) + 1 + _WINDOW_RADIUS)


def _align(query: LocalFeatures, candidate: LocalFeatures, pairs: Floats) -> tuple[Mask, Floats, Floats, Floats] | None:
    """Warp the query onto the candidate's preview [h, w].

    Returns:
        where the query shows the candidate's object, bool [h, w], its lightness [h, w] and colour [h, w, 2] there, and
        the pairs' points on the preview [i, 2]; None where too little of the object is visible.
    """
    height, width = candidate.preview.pixels.shape[:2]
    points = (pairs[:, 2:] * (width, height)).astype(np.float32)
    high, wide = query.preview.pixels.shape[:2]
    # Scaled to the preview's scale first: a warp alone would skip pixels.
    scale = min(1.0, float(np.sqrt(_spread(points) / _spread(pairs[:, :2] * (wide, high)))))
    size = max(8, round(wide * scale)), max(8, round(high * scale))
    scaled = np.asarray(cv2.resize(query.preview.halved(scale), size, interpolation=cv2.INTER_AREA), np.uint8)
    # OpenCV's stubs do not say that the homography is None for points in a line.
    fitted: Sequence[Any] = cv2.findHomography(points, (pairs[:, :2] * size).astype(np.float32), 0)
    if fitted[0] is None:
        return None
    homography = np.asarray(fitted[0], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = np.asarray(cv2.warpPerspective(_lab(scaled), homography, (width, height), flags=flags), np.float32)
    opacity = np.asarray(cv2.warpPerspective(scaled[..., 3], homography, (width, height), flags=flags))
    visible: Mask = (opacity >= BACKGROUND - 4) & (candidate.preview.pixels[..., 3] >= _MIN_FOREGROUND)
    if visible.sum() < _MIN_VISIBLE_PIXELS:
        return None
    return visible, warped[..., 0], warped[..., 1:], points


def _lab(preview: npt.NDArray[np.uint8]) -> Floats:
    """CIELAB as OpenCV scales it to bytes, float32 [h, w, 3], of a preview [h, w, 4]."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(preview[..., :3]), cv2.COLOR_RGB2LAB), np.float32)


def _spread(points: npt.NDArray[np.floating]) -> float:
    """The area that points [i, 2] are spread over, in their units squared; never 0."""
    return float(np.sqrt(max(float(np.linalg.det(np.cov(points.T))), 0.0) + 1e-9))


def _around(points: Floats, shape: tuple[int, ...]) -> Mask:
    near = np.zeros(shape[:2], np.uint8)
    for x, y in points.astype(int).tolist():
        cv2.circle(near, (x, y), _LIGHT_RADIUS, 1, -1)
    return near > 0


def _shifted(values: Floats, weight: Floats, light: Floats) -> Iterator[Floats]:
    """Lightness and both colours [h, w, 3], once for each pair of the shifts, the edge repeated.

    Yields:
        times `weight` [h, w]: lightness, both colours, lightness squared, and lightness times `light` [h, w], as planes
        [5, h, w] that the next pair overwrites: fresh memory for each would take longer than what is computed.
    """
    height, width = values.shape[:2]
    border = max(_SHIFTS)
    padded = cv2.copyMakeBorder(values, border, border, border, border, cv2.BORDER_REPLICATE)
    source = np.ascontiguousarray(padded.transpose(2, 0, 1))
    planes = np.empty((5, height, width), np.float32)
    for right, down in product(_SHIFTS, _SHIFTS):
        moved = source[:, border - down :, border - right :][:, :height, :width]
        np.multiply(moved, weight, out=planes[:3])
        np.multiply(planes[0], moved[0], out=planes[3])
        np.multiply(planes[0], light, out=planes[4])
        yield planes
