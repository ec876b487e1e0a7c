"""Small text in large pictures: the picture is cut into overlapping tiles, each of which is looked at enlarged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from embedding.text.detection import SIDE, TextBox

# From so many times the detector's side on, a picture is large; text lower than this, in pixels of the picture scaled
# to that side, is small.
_LARGE = 1.5
_SMALL_HEIGHT = 14.0
# Tiles along the long side, and how far they overlap, as a share of a tile: a line in the overlap is whole in one.
_TILES = 2
_OVERLAP = 0.2
_EDGE = 3  # pixels from its edge within which a tile may have cut a line


@dataclass(frozen=True)
class Tile:
    """A part of a picture of `width` and `height` pixels."""

    left: int
    top: int
    right: int
    bottom: int
    width: int
    height: int

    def cuts(self, box: TextBox) -> bool:
        """Whether a box, in pixels of the whole picture, reaches an edge of the tile that is not the picture's."""
        (left, top), (right, bottom) = box.corners.min(axis=0), box.corners.max(axis=0)
        return bool(
            (self.left > 0 and left < self.left + _EDGE)
            or (self.top > 0 and top < self.top + _EDGE)
            or (self.right < self.width and right > self.right - _EDGE)
            or (self.bottom < self.height and bottom > self.bottom - _EDGE)
        )

    def contains(self, box: TextBox) -> bool:
        """Whether the centre of a box lies in the tile."""
        x, y = box.corners.mean(axis=0)
        return bool(self.left <= x < self.right and self.top <= y < self.bottom)


def tiles(height: int, width: int, boxes: Sequence[TextBox]) -> list[Tile]:
    """The tiles that show small text, by the boxes found in the whole picture: four at most, none in a small one."""
    longest = max(height, width)
    if longest < _LARGE * SIDE:
        return []
    small = [box for box in boxes if min(box.width, box.height) * SIDE / longest < _SMALL_HEIGHT]
    spans = [_spans(length, _TILES if length > longest / _TILES else 1) for length in (height, width)]
    cut = [Tile(left, top, right, bottom, width, height) for (top, bottom), (left, right) in product(*spans)]
    return [tile for tile in cut if any(tile.contains(box) for box in small)]


def _spans(length: int, count: int) -> list[tuple[int, int]]:
    """So many overlapping spans of a side, as first pixel and the one after the last."""
    size = length / (count - (count - 1) * _OVERLAP)
    starts = np.linspace(0, length - size, count)
    return [(round(start), min(length, round(start + size))) for start in starts]
