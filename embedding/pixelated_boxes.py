"""Pixelated boxes: areas whose every edge lies on a few upright and level lines that run right through."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from embedding.boxes import Box, largest

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_WINDOW = 40  # pixels: two blocks at least must fit in
_STEP = 8
_STRONGEST = 10  # of a window's lines: their share of all steps tells a grid from a texture
_STEEP = 30.0  # levels; a steeper step counts no more
_LEAST_STEPS = 1.0  # levels a pixel: an even area has no grid
_GRID = 0.5
_GRID_MEAN = 0.56
_LEAST_AREA = 0.08


def pixelated_boxes(image: Image) -> list[Box]:
    """The pixelated box of a picture uint8 [h, w, 3] of at most some 500 pixels a side: one or none."""
    height, width = image.shape[:2]
    if min(height, width) < 2 * _WINDOW:
        return []
    grid = _gridness(image)
    # A window half over the edge of the box sees less of a grid; a hole of one cell is no end of the box.
    cells = cv2.morphologyEx((grid >= _GRID).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    box = largest(np.asarray(cells) > 0)
    if box is None or grid[box.slices].mean() < _GRID_MEAN:
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
    values = image.astype(np.float32)
    across, down = np.zeros(image.shape[:2], np.float32), np.zeros(image.shape[:2], np.float32)
    across[:, 1:] = np.abs(np.diff(values, axis=1)).max(axis=2)
    down[1:] = np.abs(np.diff(values, axis=0)).max(axis=2)
    return np.minimum(_concentration(across), _concentration(down.T).T)


def _concentration(steps: Floats) -> Floats:
    """For each window of steps [h, w] along a row, the share of the strongest columns, float32 [rows, columns]."""
    columns = sliding_window_view(np.minimum(steps, _STEEP), _WINDOW, axis=0)[::_STEP].mean(axis=-1)
    windows = np.sort(sliding_window_view(columns, _WINDOW, axis=1)[:, ::_STEP], axis=-1)
    total = windows.sum(axis=-1)
    share = windows[..., -_STRONGEST:].sum(axis=-1) / np.maximum(total, 1e-6)
    return np.where(total >= _LEAST_STEPS * _WINDOW, share, 0).astype(np.float32)
