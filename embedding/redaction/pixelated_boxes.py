"""Pixelated boxes: areas whose every edge lies on a few upright and level lines that run right through."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from embedding.redaction.boxes import Box, apart, largest

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_WINDOW = 40  # pixels: two blocks at least must fit in
_STEP = 8
_STRONGEST = 10  # of a window's lines: their share of all steps tells a grid from a texture
_STEEP = 30.0  # levels; a steeper step counts no more
_LEAST_STEPS = 1.0  # levels a pixel: an even area has no grid
_GRID = 0.5
_LEAST_AREA = 0.08
_NO_GRAIN = 1.0  # levels a pixel that JPEG leaves between the lines of a grid
_LINE = 1.5  # levels a pixel: a fainter line is none
_LINE_SHARE = 0.2  # of the strong ones: a fainter line is none
_NEAR = 4  # pixels from where grain begins to the line that is the box's edge
_LAST_BLOCK = 1.6  # blocks that a block at the picture's own edge may measure
# How much smaller a picture is made, so that large blocks fit in a window too, and how much of a grid is asked there:
# the stripes of a shirt seen from afar are a little of one.
_SCALES = ((1.0, 0.56), (0.5, 0.66), (0.35, 0.66))


def pixelated_boxes(image: Image) -> list[Box]:
    """The pixelated box of a picture uint8 [h, w, 3] of at most some 500 pixels a side: one or none."""
    found = [box for scale, least in _SCALES for box in _at_scale(image, scale, least)]
    return [_snapped(max(found, key=lambda box: box.area), image)] if found else []


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
    """The largest box of windows that show a grid, its share at least `least` on average: one or none."""
    height, width = image.shape[:2]
    if min(height, width) < 3 * _WINDOW:
        return []
    grid = _gridness(image)
    # A window half over the edge of the box sees less of a grid; a hole of one cell is no end of the box.
    cells = cv2.morphologyEx((grid >= _GRID).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    box = largest(np.asarray(cells) > 0)
    if box is None or grid[box.slices].mean() < least:
        return []
    # Cells are centres of windows: the box goes on for three eighths of a window beyond the outermost.
    start, beyond = _WINDOW // 2, 3 * _WINDOW // 8
    found = Box(
        max(0, start + box.left * _STEP - beyond),
        max(0, start + box.top * _STEP - beyond),
        min(width, start + (box.right - 1) * _STEP + beyond),
        min(height, start + (box.bottom - 1) * _STEP + beyond),
    )
    return [found] if found.area >= _LEAST_AREA * height * width else []


def _gridness(image: Image) -> Floats:
    """For windows across a picture [h, w, 3], the share of all steps that lies on the strongest lines, both ways."""
    across, down = _steps(image)
    return np.minimum(_concentration(across), _concentration(down.T).T)


def _steps(image: Image) -> tuple[Floats, Floats]:
    """How far each pixel of a picture [h, w, 3] is from the one to its left, and from the one above: [h, w] each."""
    across, down = np.zeros(image.shape[:2], np.float32), np.zeros(image.shape[:2], np.float32)
    across[:, 1:] = apart(image[:, 1:], image[:, :-1])
    down[1:] = apart(image[1:], image[:-1])
    return np.minimum(across, _STEEP), np.minimum(down, _STEEP)


def _concentration(steps: Floats) -> Floats:
    """For each window of steps [h, w] along a row, the share of the strongest columns, float32 [rows, columns]."""
    upto = np.zeros((len(steps) + 1, steps.shape[1]), np.float32)
    np.cumsum(steps, axis=0, out=upto[1:])
    columns = (upto[_WINDOW:] - upto[:-_WINDOW])[::_STEP] / _WINDOW
    windows = np.partition(sliding_window_view(columns, _WINDOW, axis=1)[:, ::_STEP], -_STRONGEST, axis=-1)
    total = windows.sum(axis=-1)
    share = windows[..., -_STRONGEST:].sum(axis=-1) / np.maximum(total, 1e-6)
    return np.where(total >= _LEAST_STEPS * _WINDOW, share, 0).astype(np.float32)


def _snapped(box: Box, image: Image) -> Box:
    """A box that lies in a grid, its sides moved to the lines where that grid ends."""
    across, down = _steps(image)
    for _ in range(2):  # the second time along all of what the first found
        left, right = _ends(across, down, box)
        if right - left < _WINDOW:
            return box
        top, bottom = _ends(down.T, across.T, Box(box.top, left, box.bottom, right))
        if bottom - top < _WINDOW:
            return box
        box = Box(left, top, right, bottom)
    return box


def _ends(across: Floats, down: Floats, box: Box) -> tuple[int, int]:
    """Left and right end of the grid that a box lies in, of steps [h, w] as _steps gives them.

    Along rows between the level lines of a grid nothing steps up or down; beyond its ends the picture does.
    """
    margin = (box.bottom - box.top) // 6, (box.right - box.left) // 4
    rows = slice(box.top + margin[0], box.bottom - margin[0])
    between = down[rows, box.left + margin[1] : box.right - margin[1]].mean(axis=1)
    even = np.argsort(between, kind="stable")[: max(1, len(between) // 2)]
    grain, lines = down[rows][even].mean(axis=0), across[rows].mean(axis=0)
    least = max(_NO_GRAIN, 2 * float(np.median(grain[box.left : box.right])) + 0.5)
    middle, width = (box.left + box.right) // 2, across.shape[1]
    # Seen from the other side, the line between two pixels belongs to the other one.
    mirrored = np.append(lines[1:], 0)[::-1]
    left = width - _end(grain[::-1], mirrored, width - middle, least)
    return left, _end(grain, lines, middle, least)


def _end(grain: Floats, lines: Floats, start: int, least: float) -> int:
    """Where the grid around `start` ends, going right: at the line nearest to where grain begins, or the last before.

    Args:
        grain: [w], of each column; lines: [w], how strong a line runs before each column.
        least: what counts as grain.
    """
    begins = start + int(np.cumsum(least - np.minimum(grain[start:], 4 * least)).argmax()) + 1
    seen = lines[start : begins + _NEAR + 1]
    strong = max(_LINE, _LINE_SHARE * float(np.quantile(seen, 0.9)))
    peak = seen >= np.asarray(cv2.dilate(seen[None], np.ones((1, 5), np.uint8)))[0]
    places = start + np.flatnonzero(peak & (seen >= strong))
    near = places[np.abs(places - begins) <= _NEAR]
    before = places[places <= begins]
    if begins >= len(grain) - _NEAR + 1 and len(before):
        # Grain never began: the last block ends with the picture, unless an even background goes on from it.
        block = float(np.median(np.diff(before))) if len(before) > 1 else float(begins - start)
        return len(grain) if len(grain) - before[-1] <= _LAST_BLOCK * block else int(before[-1])
    if len(near):
        return int(near[lines[near].argmax()])
    return int(before[-1]) if len(before) else begins
