"""Blacked-out and whited-out boxes: one colour from edge to edge, and another behind each edge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedding.redaction.boxes import (
    GRID_CELLS,
    Box,
    is_background,
    largest_box_of_cells,
    max_channel,
    min_channel,
)

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_MAX_BLACK, _MIN_WHITE = 24, 238  # levels; not 0 and 255, because JPEG leaves ripples near edges
_MIN_CELL_SHARE = 0.97  # of a cell's pixels: from here on the cell is painted
_MIN_AREA = 0.02  # of the picture
_MAX_BOXES = 3  # of either colour
# Standard deviation of levels inside a box, away from its edges: of pure black or white, and of another level, where
# a shadow or a lamp is more likely.
_MAX_DEVIATION, _MAX_DEVIATION_IMPURE = 3.0, 1.0
_PURE = 1  # levels from 0 or 255
_RIM = 8  # pixels inside the edges that are ignored: a block of JPEG
_GAP, _STRIP = 3, 4  # pixels outside an edge that are skipped, and that are compared
_MIN_CONTRAST_SHARE = 0.7  # of the pixels outside every edge that have another colour


def painted_boxes(image: Image) -> list[Box]:
    """The black and the white boxes of a picture uint8 [h, w, 3] of at most some 500 pixels a side."""
    chosen: list[Box] = []
    for paint in (max_channel(image) <= _MAX_BLACK, min_channel(image) >= _MIN_WHITE):
        # Cells are rounded to pixels; with half of the smallest box painted there is none for certain.
        if np.count_nonzero(paint) < _MIN_AREA * paint.size / 2:
            continue
        remaining = paint.copy()
        for _ in range(_MAX_BOXES):
            box = largest_box_of_cells(remaining, _MIN_CELL_SHARE)
            if box is None or box.area < _MIN_AREA * paint.size:
                break
            remaining[box.slices] = False
            box = _grow(box, paint)
            if _is_uniform(box, image) and _has_contrasting_edges(box, paint) and not is_background(box, image):
                chosen.append(box)
    return chosen


def _grow(box: Box, paint: Mask) -> Box:
    """A box with each side moved outwards, by less than two cells, as long as most of the line is painted."""
    height, width = paint.shape
    reach = 2 * max(height, width) // GRID_CELLS
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


def _is_uniform(box: Box, image: Image) -> bool:
    inside = image[box.top + _RIM : box.bottom - _RIM, box.left + _RIM : box.right - _RIM]
    if not inside.size:
        return False
    level = np.median(inside.reshape(-1, 3), axis=0)
    pure = level.max() <= _PURE or level.min() >= 255 - _PURE
    deviation = float(inside.reshape(-1, 3).std(axis=0).max())
    return deviation <= (_MAX_DEVIATION if pure else _MAX_DEVIATION_IMPURE)


def _has_contrasting_edges(box: Box, paint: Mask) -> bool:
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
    return bool(shares) and min(shares) >= _MIN_CONTRAST_SHARE
