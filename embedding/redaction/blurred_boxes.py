"""Blurred boxes: areas without grain that end at straight, upright edges.

Plain backgrounds, walls and skies lack grain too, but they end where the object happens to end; a box that merely
fits into such an area touches its outline in a few points only.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from embedding.redaction.boxes import CELLS, Box, apart, is_background, largest_of_cells, plain_colour

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_GRAIN = 2.0  # levels; less than this off its surroundings, a pixel has no grain
_CELL_SHARE = 0.9
_LEAST_AREA = 0.02
_MOST_BOXES = 4
_LINE = 7  # pixels: grain of a box narrower than this is taken for a scratch
_STRIP = 4  # pixels before and behind an edge
_RIM = 8  # pixels inside the edges that JPEG may have disturbed
_MOST_CUT = 0.45  # of a box's length, from either end
_CUT_COST = 0.5
_SIDES = 0.65  # share of a box's sides along which grain begins at once
_SIDES_BY_AREA = 0.5  # how much less is asked of a box that is the whole picture
_EMPTY = 0.05  # share of grain that JPEG may leave in a box, away from its edges


def blurred_boxes(image: Image) -> list[Box]:
    """The blurred boxes of a picture uint8 [h, w, 3] of at most some 500 pixels a side."""
    grain = _grain(image)
    rough = ~_closed(~grain)
    plain = plain_colour(image)
    chosen: list[Box] = []
    left_over = ~rough
    for _ in range(_MOST_BOXES):
        box = largest_of_cells(left_over, _CELL_SHARE)
        if box is None or box.area < _LEAST_AREA * rough.size:
            break
        left_over[box.slices] = False
        box = _snapped(box, grain)
        if _ends_sharply(box, grain) and _is_empty(box, grain) and not is_background(box, image, plain):
            chosen.append(box)
    return chosen


def _grain(image: Image) -> Mask:
    """Where a picture [h, w, 3] has fine grain, bool [h, w]."""
    values = image.astype(np.float32)
    # A flat colour, and a blur strong enough to hide things, come through a light smoothing as they are.
    grain: Mask = apart(values, np.asarray(cv2.GaussianBlur(values, (0, 0), 1.0))) > _GRAIN
    return grain


def _closed(smooth: Mask) -> Mask:
    """Smooth areas [h, w] with thin lines of grain taken in: an edge that was blurred, a ripple of JPEG."""
    kernel = np.ones((_LINE, _LINE), np.uint8)
    return np.asarray(cv2.morphologyEx(smooth.astype(np.uint8), cv2.MORPH_CLOSE, kernel), np.uint8) > 0


def _snapped(box: Box, grain: Mask) -> Box:
    """A box with each side moved to the line along which grain begins most at once, for little of its area."""
    height, width = grain.shape
    reach = round(1.5 * max(height, width) / CELLS)
    right = _snap(grain[box.top : box.bottom], box.left, box.right, reach)
    left = width - _snap(grain[box.top : box.bottom, ::-1], width - right, width - box.left, reach)
    bottom = _snap(grain[:, left:right].T, box.top, box.bottom, reach)
    top = height - _snap(grain[::-1, left:right].T, height - bottom, height - box.top, reach)
    return Box(left, top, right, bottom)


def _snap(lines: Mask, start: int, end: int, reach: int) -> int:
    """The best end for a run from start to end of lines [n, length]; the picture's own edge where that is near."""
    length = lines.shape[1]
    if end >= length - reach // 2:
        end = length
    places = np.arange(
        max(start + _STRIP, end - round(_MOST_CUT * (end - start))), min(length - _STRIP, end + reach) + 1
    )
    if not len(places) or not len(lines):
        return end
    worth = _steps(lines, places) - _CUT_COST * np.abs(end - places) / (end - start)
    at_edge = _SIDES if end == length else -1.0
    return int(places[int(worth.argmax())]) if worth.max() > at_edge else end


def _steps(lines: Mask, places: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """For each place, the share of lines [n, length] that are smooth before it and have grain right behind it."""
    first = int(places.min()) - _STRIP
    upto = np.zeros((len(lines), int(places.max()) + _STRIP - first + 1), np.int32)
    np.cumsum(lines[:, first : first + upto.shape[1] - 1], axis=1, out=upto[:, 1:])
    at = places - first
    behind = upto[:, at + _STRIP] > upto[:, at]
    before = upto[:, at - 1] > upto[:, at - _STRIP]
    return np.asarray((behind & ~before).mean(axis=0), np.float64)


def _ends_sharply(box: Box, grain: Mask) -> bool:
    """Whether grain begins at once along a box's sides; a large box that fits by chance is rarer than a small one."""
    height, width = grain.shape
    rows, columns = grain[box.top : box.bottom], grain[:, box.left : box.right].T
    ends = (
        (rows, box.right, width),
        (rows[:, ::-1], width - box.left, width),
        (columns, box.bottom, height),
        (columns[:, ::-1], height - box.top, height),
    )
    sides = [(lines, end) for lines, end, length in ends if _STRIP <= end <= length - _STRIP]
    if not sides or not all(len(lines) for lines, _ in sides):
        return False
    steps = [_steps(lines, np.array([end]))[0] for lines, end in sides]
    share = float(np.average(steps, weights=[len(lines) for lines, _ in sides]))
    return share >= _SIDES - _SIDES_BY_AREA * box.area / grain.size


def _is_empty(box: Box, grain: Mask) -> bool:
    inside = grain[box.top + _RIM : box.bottom - _RIM, box.left + _RIM : box.right - _RIM]
    return bool(inside.size) and bool(inside.mean() <= _EMPTY)
