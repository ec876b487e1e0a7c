"""What every figure of a print is drawn with."""

from __future__ import annotations

from sample.palettes import Colour
from sample.pixels import Field

WHITE: Colour = (252, 250, 245)


def spot(points: Field) -> tuple[float, float]:
    """The first of some points, as two numbers."""
    return float(points[0, 0]), float(points[0, 1])
