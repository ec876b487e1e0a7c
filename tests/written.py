"""Pictures with known words and codes, and a reader that reads what a test says."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from embedding.text.reading import Code, Corners, Mask, Reading, TextLine

Picture = npt.NDArray[np.uint8]


def written(
    *lines: str, size: int = 36, shape: tuple[int, int] = (300, 480), ink: int = 20, paper: int = 235
) -> Picture:
    """Lines of text, `size` pixels high, below one another on plain paper: uint8 [h, w, 3]."""
    picture = Image.new("RGB", (shape[1], shape[0]), (paper,) * 3)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    for number, line in enumerate(lines):
        draw.text((30, 30 + round(1.7 * size * number)), line, fill=(ink,) * 3, font=font)
    return np.asarray(picture)


def barcode(content: str, width: int, kind: str = "EAN13", margin: int = 60) -> Picture:
    """A barcode or QR code of a width in pixels, without its digits, on white paper: uint8 [h, w, 3]."""
    import zxingcpp

    drawn = np.array(zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind)).to_image(scale=8))
    dark = drawn < 128
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    bars = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height = width if kind == "QRCode" else round(0.6 * width)
    scaled = cv2.resize(bars, (width, height), interpolation=cv2.INTER_AREA)
    paper = np.full((height + 2 * margin, width + 2 * margin), 255, np.uint8)
    paper[margin : margin + height, margin : margin + width] = scaled
    return np.repeat(paper[..., None], 3, axis=2)


def rotated(picture: Picture, degrees: float) -> Picture:
    """A picture turned about its middle, on paper of the colour of its corner, large enough for all of it."""
    height, width = picture.shape[:2]
    side = int(np.hypot(height, width)) + 2
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    turn[:, 2] += (side - width) / 2, (side - height) / 2
    paper = tuple(map(int, picture[0, 0]))
    return np.asarray(cv2.warpAffine(picture, turn, (side, side), flags=cv2.INTER_CUBIC, borderValue=paper), np.uint8)


def line(
    words: str, confidence: float = 1.0, box: tuple[float, float, float, float] = (0.1, 0.1, 0.5, 0.2)
) -> TextLine:
    """A line of a reading."""
    return TextLine(words, confidence, corners(box))


def code(content: str, kind: str = "EAN-13") -> Code:
    """A code of a reading."""
    return Code(kind, content, corners((0.5, 0.5, 0.9, 0.7)))


def corners(box: tuple[float, float, float, float]) -> Corners:
    x0, y0, x1, y1 = box
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)


class FakeReader:
    """A TextReader that knows what is written on some pictures, compressed or not; it counts what it reads."""

    def __init__(self, version: str = "fake-1") -> None:
        self.version, self.count = version, 0
        self._known: list[tuple[npt.NDArray[np.float32], Reading]] = []

    def write(self, picture: Picture, reading: Reading) -> None:
        """From now on `reading` is on a picture."""
        self._known.append((_thumbnail(picture), reading))

    def read(self, picture: Picture, hidden: Mask | None = None) -> Reading:
        self.count += 1
        small = _thumbnail(picture)
        return next((reading for known, reading in self._known if np.abs(known - small).mean() < 3), Reading())


def _thumbnail(picture: Picture) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, (8, 8), interpolation=cv2.INTER_AREA), np.float32)
