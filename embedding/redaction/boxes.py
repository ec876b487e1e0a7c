"""Upright boxes of pixels, the largest of them in a map, and those that are but a studio's background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embedding.image.foreground import plain_border

Mask = npt.NDArray[np.bool_]

CELLS = 48  # along the long side of a picture, for the search of boxes
_BACKGROUND = 10.0  # levels from the colour of the picture's own plain border
_PLAIN = 0.6


@dataclass(frozen=True)
class Box:
    """Pixels or cells: left and top inside, right and bottom outside."""

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


def largest(chosen: Mask) -> Box | None:
    """The largest box of True in a map [rows, columns], the uppermost, then leftmost, of several; None without any."""
    if not chosen.any():
        return None
    rows, columns = chosen.shape
    # How far True goes up from each cell, and the least of that over each run of columns: the tallest box on that run.
    heights = np.zeros((rows, columns), np.int32)
    heights[0] = chosen[0]
    for row in range(1, rows):
        heights[row] = (heights[row - 1] + 1) * chosen[row]
    areas = np.zeros((rows, columns, columns), np.int32)
    for left in range(columns):
        lowest = np.minimum.accumulate(heights[:, left:], axis=1)
        areas[:, left, left:] = lowest * np.arange(1, columns - left + 1)
    row, left, last = (int(place) for place in np.unravel_index(int(areas.argmax()), areas.shape))
    tall = int(heights[row, left : last + 1].min())
    return Box(left, row + 1 - tall, last + 1, row + 1)


def largest_of_cells(chosen: Mask, share: float) -> Box | None:
    """The largest box, in pixels, of cells of a map [h, w] of which at least a share is True."""
    height, width = chosen.shape
    size = max(height, width) / CELLS
    rows, columns = max(1, int(height / size)), max(1, int(width / size))
    shares = cv2.resize(chosen.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    box = largest(np.asarray(shares) >= share)
    if box is None:
        return None
    x, y = width / columns, height / rows
    return Box(round(box.left * x), round(box.top * y), round(box.right * x), round(box.bottom * y))


def apart(one: npt.NDArray[Any], two: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The largest difference of a channel between two pictures [h, w, 3] of one dtype, [h, w]."""
    return lightest(np.asarray(cv2.absdiff(one, two)))


def lightest(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The largest channel of each pixel [h, w, 3], [h, w]: numpy takes ten times as long along so short an axis."""
    red, green, blue = cv2.split(image)
    return np.asarray(cv2.max(cv2.max(red, green), blue))


def darkest(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The smallest channel of each pixel [h, w, 3], [h, w]."""
    red, green, blue = cv2.split(image)
    return np.asarray(cv2.min(cv2.min(red, green), blue))


def plain_colour(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32] | None:
    """The one colour [3] of the border of a picture [h, w, 3]; None where it has several."""
    colour, share = plain_border(image)
    return colour if share >= _PLAIN else None


def is_background(box: Box, image: npt.NDArray[np.uint8], plain: npt.NDArray[np.float32] | None) -> bool:
    """Whether a box of a picture has the colour of the picture's plain border."""
    if plain is None:
        return False
    colours = image[box.slices].reshape(-1, 3)
    return bool(np.abs(np.median(colours, axis=0) - plain).max() <= _BACKGROUND)
