"""A tile one draws on: its edges meet, so whatever leaves on one side comes back on the other."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sample.mesh import curve
from sample.palettes import Colour
from sample.pixels import Field, Pixels, field, resize_pixels

FINE = 2
"""Tiles are drawn this many times larger, then averaged."""
_SHIFT = 4


class Canvas:
    """Drawing in tile units: the tile is 1 wide and 1 high, x right, y down. `picture` gives the pixels."""

    def __init__(self, ground: Colour, size: int = 512, aspect: float = 1.0, wrap: bool = True) -> None:
        self.size = size
        self.wrap = wrap
        self.aspect = aspect
        self._h, self._w = round(size * FINE), round(size * FINE * aspect)
        self._pixels = np.full((self._h, self._w, 3), ground, np.uint8)

    def picture(self) -> Pixels:
        """The finished tile, sRGB [size, size * aspect, 3]."""
        return resize_pixels(self._pixels, self._w // FINE, self._h // FINE)

    def _placed(self, points: Field) -> list[NDArray[np.int32]]:
        """The outline in pixels, and again wherever it crosses the tile's edges."""
        scaled = points * self._h
        if not self.wrap:
            return [np.rint(scaled * (1 << _SHIFT)).astype(np.int32)]
        low, high = scaled.min(axis=0), scaled.max(axis=0)
        across = range(-int(np.floor(high[0] / self._w)), -int(np.floor(low[0] / self._w)) + 1)
        along = range(-int(np.floor(high[1] / self._h)), -int(np.floor(low[1] / self._h)) + 1)
        copies = [scaled + field([i * self._w, j * self._h]) for i in across for j in along]
        return [np.rint(copy * (1 << _SHIFT)).astype(np.int32) for copy in copies]

    def fill(self, points: Field, tone: Colour) -> None:
        """A filled polygon, [k, 2]."""
        for copy in self._placed(points):
            cv2.fillPoly(self._pixels, [copy], tone, cv2.LINE_AA, _SHIFT)

    def line(self, points: Field, tone: Colour, width: float, closed: bool = False) -> None:
        """A line through points [k, 2], `width` in tile units."""
        thick = max(1, round(width * self._h))
        for copy in self._placed(points):
            cv2.polylines(self._pixels, [copy], closed, tone, thick, cv2.LINE_AA, _SHIFT)

    def blob(self, points: Sequence[Sequence[float]] | Field, tone: Colour) -> None:
        """A smooth closed outline through a few points."""
        self.fill(curve(np.asarray(points).tolist(), 8 * len(points), closed=True), tone)

    def stroke(self, points: Sequence[Sequence[float]] | Field, tone: Colour, width: float) -> None:
        """A smooth open line through a few points."""
        self.line(curve(np.asarray(points).tolist(), 12 * len(points)), tone, width)

    def disc(self, x: float, y: float, radius: float, tone: Colour, squash: float = 1.0, turn: float = 0.0) -> None:
        """A disc or an ellipse (`squash` is its height over its width), turned by `turn` radians."""
        self.fill(ellipse(x, y, radius, radius * squash, turn), tone)

    def box(self, x0: float, y0: float, x1: float, y1: float, tone: Colour) -> None:
        """An upright rectangle with crisp edges."""
        self.fill(field([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), tone)


def ellipse(x: float, y: float, a: float, b: float, turn: float = 0.0, count: int = 48) -> Field:
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    px, py = a * np.cos(t), b * np.sin(t)
    return field(np.stack([x + px * np.cos(turn) - py * np.sin(turn), y + px * np.sin(turn) + py * np.cos(turn)], -1))


def put(
    points: Sequence[Sequence[float]] | Field, x: float, y: float, scale: float, turn: float = 0.0, flip: bool = False
) -> Field:
    """A motif's points scaled, turned by `turn` radians and moved to x, y; `flip` mirrors it left to right."""
    p = field(points) * (field([-scale, scale]) if flip else field([scale, scale]))
    c, s = np.cos(turn), np.sin(turn)
    return field(np.stack([x + p[:, 0] * c - p[:, 1] * s, y + p[:, 0] * s + p[:, 1] * c], axis=-1))
