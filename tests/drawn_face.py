"""A drawn face that a detector takes for one, so that no photograph of a person has to be kept here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter


def draw_face(size: int = 320) -> npt.NDArray[np.uint8]:
    """Head and shoulders before a grey wall, uint8 [size, size, 3]; the face fills about a third of the height."""
    picture = Image.new("RGB", (size, size), (150, 158, 165))
    draw = ImageDraw.Draw(picture)

    def oval(x: float, y: float, wide: float, high: float, colour: tuple[int, int, int]) -> None:
        draw.ellipse([(x - wide) * size, (y - high) * size, (x + wide) * size, (y + high) * size], fill=colour)

    oval(0.5, 1.0, 0.36, 0.3, (60, 70, 100))
    draw.rectangle([0.43 * size, 0.55 * size, 0.57 * size, 0.78 * size], fill=(196, 148, 122))
    oval(0.5, 0.36, 0.19, 0.22, (52, 36, 28))
    oval(0.5, 0.43, 0.155, 0.2, (222, 176, 150))
    for side in (-1, 1):
        oval(0.5 + side * 0.085, 0.5, 0.045, 0.035, (228, 168, 146))
        oval(0.5 + side * 0.064, 0.40, 0.032, 0.017, (244, 240, 236))
        oval(0.5 + side * 0.064, 0.40, 0.014, 0.016, (58, 42, 34))
        x = 0.5 + side * 0.064
        brow = [(x - 0.04) * size, 0.366 * size, (x + 0.04) * size, 0.362 * size]
        draw.line(brow, fill=(70, 48, 38), width=size // 60)
        oval(0.5 + side * 0.018, 0.487, 0.009, 0.006, (140, 92, 76))
    oval(0.5, 0.475, 0.024, 0.02, (206, 154, 130))
    draw.line([0.487 * size, 0.4 * size, 0.482 * size, 0.47 * size], fill=(198, 148, 124), width=size // 100)
    oval(0.5, 0.545, 0.052, 0.015, (176, 92, 88))
    draw.line([0.452 * size, 0.545 * size, 0.548 * size, 0.545 * size], fill=(120, 58, 56), width=size // 120)
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(size / 64)), np.uint8)
