"""Upright boxes of pixels, and the largest of them in a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


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


def largest(chosen: npt.NDArray[np.bool_]) -> Box | None:
    """The largest box of True in a map [rows, columns]: for each row, the largest that ends there. None without any."""
    rows, columns = chosen.shape
    heights = np.zeros(columns, np.intp)
    best: Box | None = None
    for row in range(rows):
        heights = np.where(chosen[row], heights + 1, 0)
        for left in range(columns):
            lowest = np.minimum.accumulate(heights[left:])
            areas = lowest * np.arange(1, columns - left + 1)
            right = int(areas.argmax())
            if areas[right] > (best.area if best else 0):
                best = Box(left, row + 1 - int(lowest[right]), left + right + 1, row + 1)
    return best
