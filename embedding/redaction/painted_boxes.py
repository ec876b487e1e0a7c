"""Blacked-out and whited-out boxes: one colour from edge to edge, and another behind each edge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedding.redaction.boxes import CELLS, Box, darkest, is_background, largest_of_cells, lightest, plain_colour

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_BLACK, _WHITE = 24, 238  # levels; JPEG leaves ripples near the edges
_CELL_SHARE = 0.97
_LEAST_AREA = 0.02
_MOST_BOXES = 3
_EVEN = 3.0  # levels of deviation away from the edges
_RIM = 8  # pixels: a block of JPEG
_GAP, _STRIP = 3, 4  # pixels behind an edge that are skipped, and looked at
_OTHER = 0.7  # share of the pixels behind every edge that have another colour


def painted_boxes(image: Image) -> list[Box]:
    """The black and the white boxes of a picture uint8 [h, w, 3] of at most some 500 pixels a side."""
    plain = plain_colour(image)
    chosen: list[Box] = []
    for paint in (lightest(image) <= _BLACK, darkest(image) >= _WHITE):
        left_over = paint.copy()
        for _ in range(_MOST_BOXES):
            box = largest_of_cells(left_over, _CELL_SHARE)
            if box is None or box.area < _LEAST_AREA * paint.size:
                break
            left_over[box.slices] = False
            box = _grown(box, paint)
            if _is_even(box, image) and _ends(box, paint) and not is_background(box, image, plain):
                chosen.append(box)
    return chosen


def _grown(box: Box, paint: Mask) -> Box:
    """A box with each side moved outwards, by less than two cells, as long as most of the line is painted."""
    height, width = paint.shape
    reach = 2 * max(height, width) // CELLS
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    while left > max(0, box.left - reach) and paint[box.top : box.bottom, left - 1].mean() > 0.5:
        left -= 1
    while right < min(width, box.right + reach) and paint[box.top : box.bottom, right].mean() > 0.5:
        right += 1
    while top > max(0, box.top - reach) and paint[top - 1, box.left : box.right].mean() > 0.5:
        top -= 1
    while bottom < min(height, box.bottom + reach) and paint[bottom, box.left : box.right].mean() > 0.5:
        bottom += 1
    return Box(left, top, right, bottom)


def _is_even(box: Box, image: Image) -> bool:
    inside = image[box.top + _RIM : box.bottom - _RIM, box.left + _RIM : box.right - _RIM]
    return bool(inside.size) and float(inside.reshape(-1, 3).std(axis=0).max()) <= _EVEN


def _ends(box: Box, paint: Mask) -> bool:
    """Whether most pixels behind each edge that is not the picture's own have another colour."""
    rows, columns = box.slices
    first, last = _GAP, _GAP + _STRIP
    sides = [
        paint[rows, max(0, box.left - last) : max(0, box.left - first)],
        paint[rows, box.right + first : box.right + last],
        paint[max(0, box.top - last) : max(0, box.top - first), columns],
        paint[box.bottom + first : box.bottom + last, columns],
    ]
    shares = [1 - side.mean() for side in sides if side.size]
    return bool(shares) and min(shares) >= _OTHER
