"""Sanitised areas: the parts of a published crop that were blacked out, whited out, blurred or pixelated."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from embedding.blurred_boxes import blurred_boxes
from embedding.boxes import largest
from embedding.foreground import foreground
from embedding.painted_boxes import painted_boxes
from embedding.pixelated_boxes import pixelated_boxes
from embedding.regions import WHOLE, Region

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_SIDE = 512  # pictures are examined at most this long
_SMALLEST = 112  # below, the blocks of JPEG look like a picture that was pixelated
_CELLS = 48
_LEAST_CLEAN = 0.08
_EVEN = 1  # levels within 3 x 3 pixels
_DRAWN = 0.5


def mask(image: Image) -> Mask:
    """Where a picture was sanitised.

    Args:
        image: uint8 [h, w, 3], upright.

    Returns:
        bool [h, w], True where something was hidden. The plain background of a studio picture is not.
    """
    height, width = image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    small = image
    if scale < 1.0:
        small = np.asarray(cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    found = np.zeros((high, wide), np.uint8)
    if min(wide, high) >= _SMALLEST:
        for box in (*painted_boxes(small), *blurred_boxes(small), *pixelated_boxes(small)):
            found[box.slices] = 1
        if found.any() and _is_drawn(small, found > 0):
            found[:] = 0
    return np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8) > 0


def _is_drawn(image: Image, found: Mask) -> bool:
    """Whether the rest of a picture has no grain either: in a drawing or a logo an even area hides nothing."""
    rest = ~found & (foreground(image) > 0.5)
    lightest = np.asarray(cv2.dilate(image, np.ones((3, 3), np.uint8))).astype(np.int16)
    darkest = np.asarray(cv2.erode(image, np.ones((3, 3), np.uint8)))
    even = (lightest - darkest).max(axis=2) <= _EVEN
    return bool(rest.any()) and float(even[rest].mean()) > _DRAWN


def fill(image: Image, hidden: Mask) -> Image:
    """A copy of a picture [h, w, 3] with what is hidden [h, w] in the mean colour of what is not."""
    if not hidden.any() or hidden.all():
        return image
    filled = image.copy()
    filled[hidden] = np.round(image[~hidden].mean(axis=0)).astype(np.uint8)
    return filled


def clean_regions(hidden: Mask, most: int = 3) -> list[Region]:
    """The largest boxes of a picture that have nothing hidden [h, w] in them and do not overlap, largest first.

    The whole where nothing is hidden; none where what is left is in small pieces.
    """
    if not hidden.any():
        return [WHOLE]
    height, width = hidden.shape
    rows, columns = min(_CELLS, height), min(_CELLS, width)
    share = cv2.resize(hidden.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    clean = np.asarray(share) <= 0.0
    found: list[Region] = []
    while len(found) < most:
        box = largest(clean)
        if box is None or box.area < _LEAST_CLEAN * rows * columns:
            break
        clean[box.slices] = False
        found.append(Region(box.left / columns, box.top / rows, box.right / columns, box.bottom / rows))
    return found
