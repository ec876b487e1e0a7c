"""Regions: boxes on an image, in fractions of its upright width and height."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedding.errors import RegionInvalid


@dataclass(frozen=True, order=True)
class Region:
    """A box x0,y0,x1,y1 with 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1.

    Raises:
        RegionInvalid: the corners are not numbers, out of range, or in the wrong order.
    """

    x0: float = 0.0
    y0: float = 0.0
    x1: float = 1.0
    y1: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.x0 < self.x1 <= 1.0 and 0.0 <= self.y0 < self.y1 <= 1.0):
            raise RegionInvalid(
                f"box {self}: needs 0 <= X0 < X1 <= 1 and 0 <= Y0 < Y1 <= 1, as fractions of the upright picture"
            )

    def __str__(self) -> str:
        return f"{self.x0:g},{self.y0:g},{self.x1:g},{self.y1:g}"

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read "X0,Y0,X1,Y1"."""
        try:
            x0, y0, x1, y1 = (float(part) for part in text.split(","))
        except ValueError as error:
            raise RegionInvalid(f"box {text!r}: needs four numbers X0,Y0,X1,Y1, for example 0.1,0.2,0.6,0.9") from error
        return cls(x0, y0, x1, y1)

    def of(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The part of an image [h, w, 3] in this box, not copied, at least one pixel wide and high."""
        height, width = image.shape[:2]
        left, right = _span(self.x0, self.x1, width)
        top, bottom = _span(self.y0, self.y1, height)
        return image[top:bottom, left:right]


WHOLE = Region()


def _span(start: float, end: float, length: int) -> tuple[int, int]:
    """First pixel, and the one after the last, of a side of `length` pixels."""
    first = min(round(start * length), length - 1)
    return first, max(first + 1, round(end * length))
