"""Blurred boxes: areas without grain that end at straight, axis-parallel edges.

Plain backgrounds, walls and skies lack grain too, but they end where the object happens to end; a box that merely
fits into such an area touches its outline in a few points only. And a blur hides something: what is left of it, light
and dark without grain, distinguishes it from a plain area.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from embedding.redaction.boxes import GRID_CELLS, Box, is_background, largest_box_of_cells

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_MIN_GRAIN = 2.0  # levels: a pixel that differs less from its surroundings has no grain
_MIN_CELL_SHARE = 0.9  # of a cell's pixels without grain: from here on the cell counts as blurred
_MIN_AREA = 0.02  # of the picture
_MAX_BOXES = 4
_SCRATCH_WIDTH = 7  # pixels: grain in a narrower line is closed, as a scratch
_STRIP = 4  # pixels inside and outside an edge that are compared
_RIM = 8  # pixels inside the edges that are ignored, because JPEG may have disturbed them
_MAX_TRIM = 0.45  # of a box's length that may be cut off at either end
_TRIM_COST = 0.5  # what moving an edge by the box's whole length costs, in shares of its side that are sharp
_MIN_SHARP_SHARE = 0.65  # of a line, along which grain begins right at the edge
_COARSE_SIGMA = 3.0  # pixels: what a smoothing of this width leaves is the content without grain
_JITTER = 1  # pixels by which an edge may be off its place
# A logistic of three signs that a box was blurred, fitted on photos of clothes, groceries, objects and toys, with a box
# blurred and as they are: the logarithm of the standard deviation of the content without grain, in levels; the share of
# the sides along which grain begins right at the edge; and how many sides lie inside the picture, three counting most.
_CONTENT_WEIGHT, _EDGE_WEIGHT, _SIDE_WEIGHT, _BIAS = 3.3, 4.5, 1.4, -15.7
_MIN_EVIDENCE = 1.5  # log-odds
# A box of less content than this was painted, since every camera leaves some; that counts as much as this content.
_MAX_PAINTED, _PAINTED_AS = 1.0, 20.0
_MAX_SIDES = 3
# Where all four sides lie inside the picture, and grain begins along this share of each and of all: no natural area.
_MIN_CLOSED, _MEAN_CLOSED = 0.62, 0.72
_MAX_GRAIN_SHARE = 0.05  # of pixels with grain in a box, away from its edges: JPEG leaves some


def blurred_boxes(image: Image) -> list[Box]:
    """The blurred boxes of a picture uint8 [h, w, 3] of at most some 500 pixels a side."""
    grain = _grain(image)
    smooth = _closed(~grain)
    chosen: list[Box] = []
    remaining = smooth.copy()
    for _ in range(_MAX_BOXES):
        box = largest_box_of_cells(remaining, _MIN_CELL_SHARE)
        if box is None or box.area < _MIN_AREA * smooth.size:
            break
        remaining[box.slices] = False
        box = _snap_sides(box, grain)
        certain = _is_smooth(box, grain) and _evidence(box, image, grain) >= _MIN_EVIDENCE
        if certain and not is_background(box, image):
            chosen.append(box)
    return chosen


def _grain(image: Image) -> Mask:
    """Where a picture [h, w, 3] has fine grain, bool [h, w]."""
    largest = np.zeros(image.shape[:2], np.float32)
    for channel in cv2.split(image):
        values = channel.astype(np.float32)
        # A light smoothing leaves a flat colour, and a blur strong enough to hide things, unchanged.
        difference = cv2.absdiff(values, cv2.GaussianBlur(values, (0, 0), 1.0))
        cv2.max(largest, difference, dst=largest)
    return largest > _MIN_GRAIN


def _closed(smooth: Mask) -> Mask:
    """Smooth areas [h, w], thin lines of grain in them closed: an edge that was blurred, a ripple of JPEG."""
    kernel = np.ones((_SCRATCH_WIDTH, _SCRATCH_WIDTH), np.uint8)
    return np.asarray(cv2.morphologyEx(smooth.astype(np.uint8), cv2.MORPH_CLOSE, kernel), np.uint8) > 0


def _snap_sides(box: Box, grain: Mask) -> Box:
    """A box with each side moved to the sharpest edge nearby; what that cuts off the box counts against it."""
    height, width = grain.shape
    reach = round(1.5 * max(height, width) / GRID_CELLS)
    right = _snap_end(grain[box.top : box.bottom], box.left, box.right, reach)
    left = width - _snap_end(grain[box.top : box.bottom, ::-1], width - right, width - box.left, reach)
    bottom = _snap_end(grain[:, left:right].T, box.top, box.bottom, reach)
    top = height - _snap_end(grain[::-1, left:right].T, height - bottom, height - box.top, reach)
    return Box(left, top, right, bottom)


def _snap_end(lines: Mask, start: int, end: int, reach: int) -> int:
    """The best end for a box from start to end along lines [n, length]; the picture's own edge where that is near."""
    length = lines.shape[1]
    if end >= length - reach // 2:
        end = length
    places = np.arange(
        max(start + _STRIP, end - round(_MAX_TRIM * (end - start))), min(length - _STRIP, end + reach) + 1
    )
    if not len(places) or not len(lines):
        return end
    quality = _edge_shares(lines, places) - _TRIM_COST * np.abs(end - places) / (end - start)
    required = _MIN_SHARP_SHARE if end == length else -1.0
    return int(places[int(quality.argmax())]) if quality.max() > required else end


def _edge_shares(lines: Mask, places: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """For each of some successive places, the share of lines [n, length] that are smooth before and grain right after.

    Before are three pixels but for the last, after four.
    """
    count, start = len(places), int(places[0]) - _STRIP
    # `at[k]`: each place's pixel of number k, counted from _STRIP before it.
    at = [lines[:, start + offset : start + offset + count] for offset in range(2 * _STRIP)]
    after = at[4] | at[5] | at[6] | at[7]
    before = at[0] | at[1] | at[2]
    return np.asarray((after & ~before).mean(axis=0), np.float64)


def _evidence(box: Box, image: Image, grain: Mask) -> float:
    """The log-odds that a box was blurred, by what is left in it and how sharply its sides end."""
    inside = image[box.top + _RIM : box.bottom - _RIM, box.left + _RIM : box.right - _RIM].astype(np.float32)
    height, width = grain.shape
    rows, columns = grain[box.top : box.bottom], grain[:, box.left : box.right].T
    ends = (
        (rows, box.right, width),
        (rows[:, ::-1], width - box.left, width),
        (columns, box.bottom, height),
        (columns[:, ::-1], height - box.top, height),
    )
    sides = [(lines, end) for lines, end, length in ends if _STRIP <= end <= length - _STRIP]
    if not inside.size or not sides or not all(len(lines) for lines, _ in sides):
        return -np.inf
    shares = [float(_edge_shares(lines, np.array([end]))[0]) for lines, end in sides]
    if len(sides) == len(ends) and min(shares) > _MIN_CLOSED and float(np.mean(shares)) > _MEAN_CLOSED:
        return np.inf
    coarse = np.asarray(cv2.GaussianBlur(inside, (0, 0), _COARSE_SIGMA), np.float32)
    content = float(coarse.reshape(-1, 3).std(axis=0).max())
    content = _PAINTED_AS if content < _MAX_PAINTED else content
    sharp = float(np.average([_sharp(lines, end) for lines, end in sides], weights=[len(lines) for lines, _ in sides]))
    seen = min(len(sides), _MAX_SIDES)
    return float(_CONTENT_WEIGHT * np.log(content) + _EDGE_WEIGHT * sharp + _SIDE_WEIGHT * seen + _BIAS)


def _sharp(lines: Mask, end: int) -> float:
    """The share of lines [n, length] that are smooth up to a side and have grain within two pixels behind it."""
    places = [at for at in range(end - _JITTER, end + _JITTER + 1) if _STRIP <= at <= lines.shape[1] - 2]
    steps = [(lines[:, at : at + 2].any(axis=1) & ~lines[:, at - _STRIP : at - 1].any(axis=1)).mean() for at in places]
    return max(map(float, steps), default=0.0)


def _is_smooth(box: Box, grain: Mask) -> bool:
    inside = grain[box.top + _RIM : box.bottom - _RIM, box.left + _RIM : box.right - _RIM]
    return bool(inside.size) and bool(inside.mean() <= _MAX_GRAIN_SHARE)
