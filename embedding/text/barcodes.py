"""Barcodes and QR codes: found by OpenCV, straightened, read by zxing-cpp.

zxing-cpp reads a barcode along the picture's rows and columns, sharp and of two pixels or more to its narrowest bar.
Others are located by OpenCV's detector, cut out upright and enlarged, and read several times with their edges sharpened
by different amounts. Only a number that comes out more than once counts: an EAN's check digit lets every tenth misread
one through, and what a barcode says decides a search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embedding.text.reading import MAX_CODES, Code, Corners

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Pixels: a larger picture is scaled down to this before codes are looked for.
_MAX_SIDE = 1600
_MAX_LOCATED = 8
_MAX_CONTENT = 500  # characters: a QR code can contain 4,296
# A barcode this wide, in pixels, is read reliably as it is, should the detector miss it.
_PLAIN_WIDTH = 190
# A straightened barcode: its width in pixels, how far it is enlarged, the quiet zone beside it, and which part of its
# height is taken, without the digits below it.
_MIN_WIDTH, _MAX_WIDTH, _ENLARGEMENT = 400, 900, 4.0
_QUIET_SHARE = 0.12
_BAND = (0.15, 0.85)
_AVERAGED_ROWS = 20
# By how much edges are sharpened, and over how many of the original pixels.
_SHARPENINGS = ((0.0, 0.0), (1.5, 0.6), (2.5, 1.0), (3.0, 1.4))
_MIN_VOTES = 2
_KINDS = {"EAN-13": "EAN-13", "EAN-8": "EAN-8", "UPC-A": "UPC-A", "Code 128": "Code 128", "QR Code": "QR"}


def read_codes(picture: Image) -> tuple[Code, ...]:
    """The codes of an upright picture uint8 [h, w, 3], RGB: MAX_CODES at most."""
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY), np.uint8)
    if (scale := _MAX_SIDE / max(grey.shape)) < 1:
        grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    found: dict[tuple[str, str], Code] = {}
    for code in (*_located(grey), *_as_they_are(grey)):
        found.setdefault((code.kind, code.content), code)
    return tuple(found.values())[:MAX_CODES]


def _as_they_are(grey: Image) -> Iterator[Code]:
    """QR codes, and barcodes that are wide enough to be trusted."""
    for barcode in _zxing(grey, try_rotate=True):
        at = barcode.position
        corners = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
        points = np.array([(corner.x, corner.y) for corner in corners], np.float32)
        width = float(np.linalg.norm(points[1] - points[0]))
        if (code := _code(barcode, points, grey)) is not None and (code.kind == "QR" or width >= _PLAIN_WIDTH):
            yield code


def _located(grey: Image) -> Iterator[Code]:
    """Barcodes that OpenCV locates, at any angle."""
    located, corners = cv2.barcode.BarcodeDetector().detect(grey)
    for quad in corners[:_MAX_LOCATED] if located else ():
        # The detector does not say along which sides the bars run.
        for points in (np.asarray(quad, np.float32), np.roll(np.asarray(quad, np.float32), -1, axis=0)):
            votes: Counter[str] = Counter()
            codes = {}
            for straight in _straightened(grey, points):
                for barcode in _zxing(straight, try_rotate=False):
                    if (code := _code(barcode, points, grey)) is not None and code.kind != "QR":
                        votes[code.content] += 1
                        codes[code.content] = code
            (content, count), (_, second) = (*votes.most_common(2), ("", 0), ("", 0))[:2]
            if count >= max(_MIN_VOTES, 2 * second):
                yield codes[content]


def _straightened(grey: Image, corners: Floats) -> Iterator[Image]:
    """A located barcode upright, enlarged and sharpened by several amounts; as it is, and with its rows averaged."""
    wide = float(np.linalg.norm(corners[1] - corners[0]))
    high = float(np.linalg.norm(corners[2] - corners[1]))
    if min(wide, high) < 4:
        return
    width = float(np.clip(wide * _ENLARGEMENT, _MIN_WIDTH, _MAX_WIDTH))
    enlargement, quiet = width / wide, round(_QUIET_SHARE * width)
    (top, bottom), size = _BAND, (round(width) + 2 * quiet, max(_AVERAGED_ROWS, round(0.7 * high * enlargement)))
    left, right = corners[3] - corners[0], corners[2] - corners[1]
    band = [corners[0] + top * left, corners[1] + top * right, corners[1] + bottom * right, corners[0] + bottom * left]
    to = [[quiet, 0], [quiet + width, 0], [quiet + width, size[1]], [quiet, size[1]]]
    warp = cv2.getPerspectiveTransform(np.array(band, np.float32), np.array(to, np.float32))
    size = (size[0], min(size[1], _MAX_WIDTH))
    cut = cv2.warpPerspective(grey, warp, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    for amount, pixels in _SHARPENINGS:
        sharp = cut
        if amount:
            sharp = cv2.addWeighted(cut, 1 + amount, cv2.GaussianBlur(cut, (0, 0), pixels * enlargement), -amount, 0)
        yield np.asarray(sharp, np.uint8)
        yield np.repeat(sharp.mean(axis=0, keepdims=True), _AVERAGED_ROWS, axis=0).astype(np.uint8)


def _zxing(grey: Image, *, try_rotate: bool) -> list[Any]:
    import zxingcpp

    formats = zxingcpp.BarcodeFormat
    wanted = zxingcpp.BarcodeFormats([formats.EAN13, formats.EAN8, formats.UPCA, formats.Code128, formats.QRCode])
    picture = np.ascontiguousarray(grey)
    return list(
        zxingcpp.read_barcodes(picture, formats=wanted, try_rotate=try_rotate, try_downscale=False, try_invert=False)
    )


def _code(barcode: Any, points: Floats, grey: Image) -> Code | None:
    """A code that was read, or None if it is of another kind or empty; `points` in pixels of `grey`."""
    kind = _KINDS.get(str(barcode.format))
    content = "".join(letter for letter in barcode.text if letter.isprintable())[:_MAX_CONTENT]
    height, width = grey.shape
    return None if kind is None or not content else Code(kind, content, corners_of(points, width, height))


def corners_of(points: Floats, width: int, height: int) -> Corners:
    """Points float32 [4, 2] in pixels, as fractions of a picture of that size, rounded to a ten-thousandth."""
    first, second, third, fourth = (
        (round(float(x) / width, 4), round(float(y) / height, 4)) for x, y in points.tolist()
    )
    return first, second, third, fourth
