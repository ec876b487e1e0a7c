"""Pixelated boxes: areas whose every edge lies on a few upright and level lines that run right through."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from embedding.boxes import Box, apart, largest

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_WINDOW = 40  # pixels: two blocks at least must fit in
_STEP = 8
_STRONGEST = 10  # of a window's lines: their share of all steps tells a grid from a texture
_STEEP = 30.0  # levels; a steeper step counts no more
_LEAST_STEPS = 1.0  # levels a pixel: an even area has no grid
_GRID = 0.5
_LEAST_AREA = 0.08
# How much smaller a picture is made, so that large blocks fit in a window too, and how much of a grid is asked there:
# the stripes of a shirt seen from afar are a little of one.
_SCALES = ((1.0, 0.56), (0.5, 0.66), (0.35, 0.66))


def pixelated_boxes(image: Image) -> list[Box]:
    """The pixelated box of a picture uint8 [h, w, 3] of at most some 500 pixels a side: one or none."""
    found = [box for scale, least in _SCALES for box in _at_scale(image, scale, least)]
    return [max(found, key=lambda box: box.area)] if found else []


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
    across, down = np.zeros(image.shape[:2], np.float32), np.zeros(image.shape[:2], np.float32)
    across[:, 1:] = apart(image[:, 1:], image[:, :-1])
    down[1:] = apart(image[1:], image[:-1])
    return np.minimum(_concentration(across), _concentration(down.T).T)


def _concentration(steps: Floats) -> Floats:
    """For each window of steps [h, w] along a row, the share of the strongest columns, float32 [rows, columns]."""
    upto = np.zeros((len(steps) + 1, steps.shape[1]), np.float32)
    np.cumsum(np.minimum(steps, _STEEP), axis=0, out=upto[1:])
    columns = (upto[_WINDOW:] - upto[:-_WINDOW])[::_STEP] / _WINDOW
    windows = np.partition(sliding_window_view(columns, _WINDOW, axis=1)[:, ::_STEP], -_STRONGEST, axis=-1)
    total = windows.sum(axis=-1)
    share = windows[..., -_STRONGEST:].sum(axis=-1) / np.maximum(total, 1e-6)
    return np.where(total >= _LEAST_STEPS * _WINDOW, share, 0).astype(np.float32)
