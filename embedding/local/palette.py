"""A histogram of the colours of an object: it distinguishes colourways, which keypoints of grey pictures cannot."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from embedding.image.foreground import foreground, plain_border
from embedding.local.features import PALETTE_SIZE, LocalFeatures

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

_LONG_SIDE = 112
# Bins are coarse and blurred, so that another light does not move a colour to a bin that nothing is shared with.
_BINS = (5, 10, 10)
_LIGHTNESS_STEP, _CHROMA_STEP = 51, 16  # width of a bin in levels of lightness, and of either chroma around neutral
_BLUR_SIGMA = 0.7
_MIN_PLAIN_BORDER = 0.5  # share of the border that makes it a studio picture
_CENTRE_SPREAD = 0.5  # of the weight around the middle of a picture without a plain border, in half sides squared


def palette(image: Image, mask: Mask | None = None) -> tuple[npt.NDArray[np.uint8], float]:
    """The colours of a picture's object.

    Args:
        image: uint8 [h, w, 3]. Where its border is of one colour, that colour is the background and does not count;
            elsewhere the middle counts most.
        mask: bool [h, w], True for pixels to ignore.

    Returns:
        uint8 [500]: 255 times the square roots of the shares of 5 x 10 x 10 bins of CIELAB, all zero where nothing
        counts; and the share of the border that is of one colour.
    """
    height, width = image.shape[:2]
    scale = _LONG_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    _, plainness = plain_border(small)
    weights = _weights(small, plainness)
    if mask is not None:
        hidden = np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA))
        weights = np.where(hidden <= 0.5, weights, 0).astype(np.float32)
    counts = np.bincount(_bins(small), weights.ravel(), PALETTE_SIZE).reshape(_BINS)
    softened = cv2.GaussianBlur(np.moveaxis(counts, 0, -1).astype(np.float32), (3, 3), _BLUR_SIGMA)
    shares = np.moveaxis(np.asarray(softened, np.float64), -1, 0).ravel()
    shares = shares / max(float(shares.sum()), 1e-6)
    colours = np.round(255 * np.sqrt(shares)).astype(np.uint8)
    assert colours.shape == (PALETTE_SIZE,)
    return colours, plainness


def _bins(image: Image) -> npt.NDArray[np.intp]:
    """The bin of each pixel of a picture [h, w, 3], [h * w]; values beyond the outermost bins fall into those."""
    lab = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), np.intp).reshape(-1, 3)
    chroma = np.clip((lab[:, 1:] - 128) // _CHROMA_STEP + _BINS[1] // 2, 0, _BINS[1] - 1)
    lightness = np.minimum(lab[:, 0] // _LIGHTNESS_STEP, _BINS[0] - 1)
    return (lightness * _BINS[1] + chroma[:, 0]) * _BINS[2] + chroma[:, 1]


def _weights(image: Image, plainness: float) -> Floats:
    """How much each pixel of a picture [h, w, 3] counts."""
    if plainness > _MIN_PLAIN_BORDER:
        return foreground(image)
    high, wide = image.shape[:2]
    y, x = np.linspace(-1, 1, high)[:, None], np.linspace(-1, 1, wide)[None, :]
    return np.exp(-(x * x + y * y) / _CENTRE_SPREAD).astype(np.float32)


def palette_similarity(query: LocalFeatures, candidates: Sequence[LocalFeatures]) -> Floats:
    """Similarity of the query's and the candidates' colours, float32 [n] in 0..1: the Bhattacharyya coefficient."""
    if not candidates:
        return np.empty(0, np.float32)
    palettes = np.stack([candidate.palette for candidate in candidates]).astype(np.float32)
    products: Floats = palettes @ query.palette.astype(np.float32) / np.float32(255 * 255)
    return products
