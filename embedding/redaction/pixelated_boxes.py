"""Pixelated boxes: areas all of whose edges lie on a few vertical and horizontal lines that run through the box."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from embedding.redaction.boxes import Box, largest_box

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# A step is the difference between two neighbouring pixels; a line, a row or column of steps; gridness, the share of all
# steps in a window that lies on its strongest lines.
_WINDOW = 40  # pixels: at least two blocks must fit in
_STRIDE = 8
_STRONGEST_LINES = 10  # of a window: their share of all steps distinguishes a grid from a texture
_MAX_STEP = 30  # levels: a larger step counts as this
_MIN_MEAN_STEP = 1.0  # levels per pixel: a window of less is uniform and has no grid
_MIN_GRIDNESS = 0.5
_MIN_AREA = 0.08  # of the picture
_MIN_SIDE = 2 * _WINDOW  # pixels: in a narrower strip the blocks of JPEG and the edges of an object pass for a grid
_MIN_GRAIN = 1.0  # levels per pixel between the lines of a grid: JPEG leaves that much
_MIN_LINE = 1.5  # levels per pixel: weaker is no line
_MIN_LINE_SHARE = 0.2  # of the strong lines: weaker is no line
_EDGE_TOLERANCE = 4  # pixels between where grain begins and the line that is the box's edge
_MAX_LAST_BLOCK = 1.6  # largest block at the picture's own edge, in blocks
# By how much a picture is scaled, so that large blocks fit in a window too, and the mean gridness required then: more
# at the small scales, where the stripes of a shirt resemble a grid.
_SCALES = ((1.0, 0.56), (0.5, 0.66), (0.35, 0.66))


def pixelated_boxes(image: Image) -> list[Box]:
    """The pixelated box of a picture uint8 [h, w, 3] of at most some 500 pixels a side: one or none."""
    found = [box for scale, least in _SCALES for box in _at_scale(image, scale, least)]
    snapped = [_snap_sides(max(found, key=lambda box: box.area), image)] if found else []
    return [box for box in snapped if min(box.right - box.left, box.bottom - box.top) >= _MIN_SIDE]


def _at_scale(image: Image, scale: float, least: float) -> list[Box]:
    """What is found in a picture made smaller, in the pixels of the picture itself."""
    height, width = image.shape[:2]
    size = (round(width * scale), round(height * scale))
    smaller = image if scale == 1.0 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return [
        Box(
            round(box.left / scale),
            round(box.top / scale),
            min(width, round(box.right / scale)),
            min(height, round(box.bottom / scale)),
        )
        for box in _box_of_grid(smaller, least)
    ]


def _box_of_grid(image: Image, least: float) -> list[Box]:
    """The largest box of windows that show a grid, their mean gridness at least `least`: one or none."""
    height, width = image.shape[:2]
    if min(height, width) < 3 * _WINDOW:
        return []
    across, down = _steps(image)
    one_way = _concentration(across)
    # Where vertical lines alone fill no box that is large enough, a grid does not either.
    if _largest_grid(one_way, image) is None:
        return []
    grid = np.minimum(one_way, _concentration(down.T).T)
    found = _largest_grid(grid, image)
    return [] if found is None or grid[found[0].slices].mean() < least else [found[1]]


def _largest_grid(grid: Floats, image: Image) -> tuple[Box, Box] | None:
    """The largest box of windows of MIN_GRIDNESS, and what it covers of a picture; None where that is too small."""
    height, width = image.shape[:2]
    # Holes of one cell are closed: they do not end a box.
    cells = cv2.morphologyEx((grid >= _MIN_GRIDNESS).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    box = largest_box(np.asarray(cells) > 0)
    if box is None:
        return None
    # Cells are centres of windows, and a window over the box's edge shows less of a grid: the box extends three eighths
    # of a window beyond the outermost cells.
    start, beyond = _WINDOW // 2, 3 * _WINDOW // 8
    found = Box(
        max(0, start + box.left * _STRIDE - beyond),
        max(0, start + box.top * _STRIDE - beyond),
        min(width, start + (box.right - 1) * _STRIDE + beyond),
        min(height, start + (box.bottom - 1) * _STRIDE + beyond),
    )
    return (box, found) if found.area >= _MIN_AREA * height * width else None


def _steps(image: Image) -> tuple[Floats, Floats]:
    """The difference of each pixel of a picture [h, w, 3] to the one on its left, and to the one above: [h, w] each."""
    across, down = np.zeros(image.shape[:2], np.uint8), np.zeros(image.shape[:2], np.uint8)
    for channel in cv2.split(image):
        cv2.max(across[:, 1:], cv2.absdiff(channel[:, 1:], channel[:, :-1]), dst=across[:, 1:])
        cv2.max(down[1:], cv2.absdiff(channel[1:], channel[:-1]), dst=down[1:])
    return np.minimum(across, _MAX_STEP).astype(np.float32), np.minimum(down, _MAX_STEP).astype(np.float32)


def _concentration(steps: Floats) -> Floats:
    """The gridness of windows of steps [h, w], by the strongest of their columns, float32 [rows, columns]."""
    columns = _rows_of_windows(len(steps)) @ steps / _WINDOW
    windows = np.partition(sliding_window_view(columns, _WINDOW, axis=1)[:, ::_STRIDE], -_STRONGEST_LINES, axis=-1)
    total = windows.sum(axis=-1)
    share = windows[..., -_STRONGEST_LINES:].sum(axis=-1) / np.maximum(total, 1e-6)
    return np.where(total >= _MIN_MEAN_STEP * _WINDOW, share, 0).astype(np.float32)


@lru_cache(64)
def _rows_of_windows(height: int) -> Floats:
    """Which of `height` rows lie in each window, 0 or 1, float32 [windows, height]."""
    starts = np.arange(0, height - _WINDOW + 1, _STRIDE)[:, None]
    rows = np.arange(height)
    return ((rows >= starts) & (rows < starts + _WINDOW)).astype(np.float32)


def _snap_sides(box: Box, image: Image) -> Box:
    """A box that lies in a grid, its sides moved to the lines where that grid ends."""
    across, down = _steps(image)
    for _ in range(2):  # the second pass uses the whole height and width that the first found
        left, right = _grid_ends(across, down, box)
        if right - left < _WINDOW:
            return box
        top, bottom = _grid_ends(down.T, across.T, Box(box.top, left, box.bottom, right))
        if bottom - top < _WINDOW:
            return box
        box = Box(left, top, right, bottom)
    return box


def _grid_ends(across: Floats, down: Floats, box: Box) -> tuple[int, int]:
    """Left and right end of the grid that a box lies in, of steps [h, w] as _steps gives them.

    Rows between the horizontal lines of a grid have no vertical steps; beyond the ends of the grid they have.
    """
    margin = (box.bottom - box.top) // 6, (box.right - box.left) // 4
    rows = slice(box.top + margin[0], box.bottom - margin[0])
    between = down[rows, box.left + margin[1] : box.right - margin[1]].mean(axis=1)
    uniform = np.argsort(between, kind="stable")[: max(1, len(between) // 2)]
    grain, lines = down[rows][uniform].mean(axis=0), across[rows].mean(axis=0)
    least = max(_MIN_GRAIN, 2 * float(np.median(grain[box.left : box.right])) + 0.5)
    middle, width = (box.left + box.right) // 2, across.shape[1]
    # In the mirrored picture the line between two pixels belongs to the other of them.
    mirrored = np.append(lines[1:], 0)[::-1]
    left = width - _grid_end(grain[::-1], mirrored, width - middle, least)
    return left, _grid_end(grain, lines, middle, least)


def _grid_end(grain: Floats, lines: Floats, start: int, least: float) -> int:
    """Where the grid around `start` ends, going right: at the line nearest to where grain begins, or the last before.

    Args:
        grain: [w], of each column; lines: [w], how strong a line runs before each column.
        least: from this level on a column has grain.
    """
    begins = start + int(np.cumsum(least - np.minimum(grain[start:], 4 * least)).argmax()) + 1
    window = lines[start : begins + _EDGE_TOLERANCE + 1]
    strong = max(_MIN_LINE, _MIN_LINE_SHARE * float(np.quantile(window, 0.9)))
    peak = window >= np.asarray(cv2.dilate(window[None], np.ones((1, 5), np.uint8)))[0]
    places = start + np.flatnonzero(peak & (window >= strong))
    near = places[np.abs(places - begins) <= _EDGE_TOLERANCE]
    before = places[places <= begins]
    if begins >= len(grain) - _EDGE_TOLERANCE + 1 and len(before):
        # Grain never began: the last block ends with the picture, unless a uniform background follows it.
        block = float(np.median(np.diff(before))) if len(before) > 1 else float(begins - start)
        return len(grain) if len(grain) - before[-1] <= _MAX_LAST_BLOCK * block else int(before[-1])
    if len(near):
        return int(near[lines[near].argmax()])
    return int(before[-1]) if len(before) else begins
