"""Upright boxes of pixels, the largest of them in a mask, and whether one is the plain background of a studio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embedding.image.foreground import plain_border

Mask = npt.NDArray[np.bool_]

GRID_CELLS = 48  # cells along the long side of a picture, in which boxes are searched for
_BACKGROUND_TOLERANCE = 10.0  # levels from the colour of the picture's own plain border
_MIN_PLAIN_BORDER = 0.6  # share of border pixels of one colour


@dataclass(frozen=True)
class Box:
    """A box of pixels or cells: left and top inclusive, right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Width times height."""
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def largest_box(cells: Mask) -> Box | None:
    """The largest box of True in a mask [rows, columns], the uppermost, then leftmost, of several; None without any."""
    if not cells.any():
        return None
    rows, columns = cells.shape
    # `heights`: how many cells upwards from each are True; their minimum over columns is the height of a box on those.
    heights = np.zeros((rows, columns), np.int32)
    heights[0] = cells[0]
    for row in range(1, rows):
        heights[row] = (heights[row - 1] + 1) * cells[row]
    areas = np.zeros((rows, columns, columns), np.int32)
    for left in range(columns):
        lowest = np.minimum.accumulate(heights[:, left:], axis=1)
        areas[:, left, left:] = lowest * np.arange(1, columns - left + 1)
    row, left, last = (int(place) for place in np.unravel_index(int(areas.argmax()), areas.shape))
    tall = int(heights[row, left : last + 1].min())
    return Box(left, row + 1 - tall, last + 1, row + 1)


def largest_box_of_cells(pixels: Mask, share: float) -> Box | None:
    """The largest box, in pixels, of those cells of a mask [h, w] of which at least a share is True."""
    height, width = pixels.shape
    size = max(height, width) / GRID_CELLS
    rows, columns = max(1, int(height / size)), max(1, int(width / size))
    shares = cv2.resize(pixels.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    box = largest_box(np.asarray(shares) >= share)
    if box is None:
        return None
    x, y = width / columns, height / rows
    return Box(round(box.left * x), round(box.top * y), round(box.right * x), round(box.bottom * y))


def max_difference(one: npt.NDArray[Any], two: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The largest difference of a channel between two pictures [h, w, 3] of one dtype, [h, w]."""
    return max_channel(np.asarray(cv2.absdiff(one, two)))


def max_channel(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The largest channel of each pixel [h, w, 3], [h, w], in a tenth of the time of NumPy's maximum over that axis."""
    red, green, blue = cv2.split(image)
    return np.asarray(cv2.max(cv2.max(red, green), blue))


def min_channel(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The smallest channel of each pixel [h, w, 3], [h, w]."""
    red, green, blue = cv2.split(image)
    return np.asarray(cv2.min(cv2.min(red, green), blue))


def plain_colour(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32] | None:
    """The one colour [3] of the border of a picture [h, w, 3]; None where it has several."""
    colour, share = plain_border(image)
    return colour if share >= _MIN_PLAIN_BORDER else None


def is_background(box: Box, image: npt.NDArray[np.uint8], plain: npt.NDArray[np.float32] | None) -> bool:
    """Whether a box of a picture has the colour of the picture's plain border."""
    if plain is None:
        return False
    colours = image[box.slices].reshape(-1, 3)
    return bool(np.abs(np.median(colours, axis=0) - plain).max() <= _BACKGROUND_TOLERANCE)
