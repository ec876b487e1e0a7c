"""Sanitised areas: the parts of a published crop that were blacked out, whited out, blurred or pixelated."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from embedding.image.foreground import foreground
from embedding.redaction.blurred_boxes import blurred_boxes
from embedding.redaction.boxes import max_difference
from embedding.redaction.painted_boxes import painted_boxes
from embedding.redaction.pixelated_boxes import pixelated_boxes

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_MAX_SIDE = 512  # pixels: longer pictures are scaled down before they are examined
_MIN_SIDE = 112  # pixels: in a smaller picture the blocks of JPEG look like pixelation
_FLAT_RANGE = 1  # levels: a pixel is flat if its 3 x 3 neighbourhood spans no more
_MAX_FLAT_SHARE = 0.5  # of the rest of a picture: with more it is a drawing
_MIN_REST_SHARE = 0.02  # of the picture: with less there is nothing to judge by
_FILL_LEVEL = 128


def mask(image: Image) -> Mask:
    """Where a picture was sanitised.

    Args:
        image: uint8 [h, w, 3], upright.

    Returns:
        bool [h, w], True where something was hidden. The plain background of a studio picture is not.
    """
    height, width = image.shape[:2]
    scale = min(1.0, _MAX_SIDE / max(height, width))
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    small = image
    if scale < 1.0:
        small = np.asarray(cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    found = np.zeros((high, wide), np.uint8)
    if min(wide, high) >= _MIN_SIDE:
        for box in (*painted_boxes(small), *blurred_boxes(small), *pixelated_boxes(small)):
            found[box.slices] = 1
        if found.any() and _is_drawn(small, found > 0):
            found[:] = 0
    return np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8) > 0


def _is_drawn(image: Image, found: Mask) -> bool:
    """Whether the rest of a picture has no grain either: in a drawing or a logo a flat area hides nothing.

    True too where nothing is left to judge by.
    """
    rest = ~found & (foreground(image) > 0.5)
    if rest.mean() < _MIN_REST_SHARE:
        return True
    kernel = np.ones((3, 3), np.uint8)
    flat = max_difference(np.asarray(cv2.dilate(image, kernel)), np.asarray(cv2.erode(image, kernel))) <= _FLAT_RANGE
    return float(flat[rest].mean()) > _MAX_FLAT_SHARE


def fill(image: Image, hidden: Mask) -> Image:
    """A copy of a picture [h, w, 3] in mid-grey where it is hidden [h, w].

    Models normalise grey to nearly zero, so it disturbs an embedding least: of photos of groceries with a third hidden
    29 % find their product first, 18 % filled with white or the mean colour of the rest, 17 % as they are.
    """
    if not hidden.any() or hidden.all():
        return image
    filled = image.copy()
    filled[hidden] = _FILL_LEVEL
    return filled
