"""Words on things: set in the typeface that Pillow carries, so that no machine's own fonts change the picture."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sample.palettes import Colour
from sample.pixels import Field, Pixels, field, resize_field


@lru_cache(maxsize=256)
def word_mask(text: str, weight: int = 0, tracking: float = 0.0, size: int = 120) -> Field:
    """The ink of a line of text, cropped to it, float32 [h, w] in 0..1. `weight` thickens; `tracking` is in ems."""
    font = ImageFont.load_default(size)
    tracking += weight * 1.7 / size
    widths = [font.getlength(letter) + tracking * size for letter in text]
    canvas = Image.new("L", (int(sum(widths)) + 2 * size, 2 * size), 0)
    pen = ImageDraw.Draw(canvas)
    if tracking:
        x = float(size // 2)
        for letter, width in zip(text, widths, strict=True):
            pen.text((x, size * 0.3), letter, fill=255, font=font, stroke_width=weight)
            x += width
    else:
        pen.text((size // 2, size * 0.3), text, fill=255, font=font, stroke_width=weight)
    box = canvas.getbbox() or (0, 0, 1, 1)
    return field(np.asarray(canvas.crop(box), np.float32) / 255.0)


def stamp(picture: Pixels, mask: Field, tone: Colour, x: float, y: float, width: float, height: float) -> None:
    """Lays a mask in `tone` on the picture, stretched to `width` x `height` pixels with its centre at x, y."""
    w, h = max(round(width), 1), max(round(height), 1)
    ink = np.clip(resize_field(mask, w, h), 0.0, 1.0)
    left, top = round(x - w / 2), round(y - h / 2)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + w, picture.shape[1]), min(top + h, picture.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    alpha = ink[y0 - top : y1 - top, x0 - left : x1 - left, None]
    under = picture[y0:y1, x0:x1].astype(np.float32)
    picture[y0:y1, x0:x1] = np.rint(under + (field(tone) - under) * alpha).astype(np.uint8)


def write(
    picture: Pixels,
    text: str,
    centre: tuple[float, float],
    width: float,
    height: float,
    tone: Colour,
    weight: int = 0,
    tracking: float = 0.0,
    narrow: float = 1.0,
) -> None:
    """Sets a line as large as fits `width` x `height` (shares of the picture); `narrow` condenses it."""
    mask = word_mask(text, weight, tracking)
    tall, wide = picture.shape[:2]
    aspect = mask.shape[1] / mask.shape[0] * narrow
    h = min(height * tall, width * wide / aspect)
    stamp(picture, mask, tone, centre[0] * wide, centre[1] * tall, h * aspect, h)


def arc(
    picture: Pixels, text: str, centre: tuple[float, float], radius: float, size: float, tone: Colour, top: bool = True
) -> None:
    """Sets a line around a circle (shares of the picture's height), over its top or under its foot."""
    tall, wide = picture.shape[:2]
    letters = [word_mask_of(letter) for letter in text]
    # The line box is stretched by 1.6; its em is 96 of 120.
    advance = [size * tall * w * 1.38 for _, w in letters]
    reach = radius * tall
    angle = -sum(advance) / 2 / reach
    for (mask, _), step in zip(letters, advance, strict=True):
        middle = angle + step / 2 / reach
        angle += step / reach
        if mask.size < 4:
            continue
        turn = middle if top else -middle
        x = centre[0] * wide + reach * np.sin(middle)
        y = centre[1] * tall + (-reach if top else reach) * np.cos(middle)
        scale = size * tall * 1.6 / mask.shape[0]
        image = Image.fromarray((mask * 255).astype(np.uint8)).resize(
            (max(int(mask.shape[1] * scale), 1), max(int(mask.shape[0] * scale), 1)), Image.Resampling.LANCZOS
        )
        turned = image.rotate(-np.degrees(turn), expand=True, resample=Image.Resampling.BICUBIC)
        ink = field(np.asarray(turned, np.float32) / 255)
        stamp(picture, ink, tone, float(x), float(y), ink.shape[1], ink.shape[0])


@lru_cache(maxsize=128)
def word_mask_of(letter: str) -> tuple[Field, float]:
    """One letter on a common line box, and its advance in ems."""
    font = ImageFont.load_default(96)
    width = max(int(font.getlength(letter)), 1)
    canvas = Image.new("L", (width + 8, 120), 0)
    ImageDraw.Draw(canvas).text((4, 4), letter, fill=255, font=font, stroke_width=2)
    return field(np.asarray(canvas, np.float32) / 255), (width + 6) / 96
