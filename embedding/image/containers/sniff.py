"""The container format by the first bytes of a file; file names and media types are ignored."""

from __future__ import annotations

from collections.abc import Callable

from embedding.errors import ImageRefused
from embedding.image.containers import bmp, gif, iso_media, jpeg, png, tiff, webp
from embedding.image.containers.bare import BarePicture

# Enough of a file for `is_picture`.
SNIFFED_BYTES = 64


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with these SNIFFED_BYTES bytes is a picture in a format that is read here."""
    # Two letters begin a BMP, and many a text.
    return _reader(head) is not None and (not head.startswith(b"BM") or bmp.is_header(head))


def bare_picture(data: bytes) -> BarePicture:
    """Reduce a picture file to its bare picture. Nothing is decoded.

    Raises:
        ImageRefused: unknown_format, truncated, broken or unsupported.
    """
    reader = _reader(data)
    if reader is None:
        raise ImageRefused(
            "unknown_format",
            "this is not a picture in a format that is read here (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC): "
            "open it where it was made and save it as JPEG or PNG",
        )
    return reader(data)


def _reader(data: bytes) -> Callable[[bytes], BarePicture] | None:
    if data.startswith(b"\xff\xd8\xff"):
        return jpeg.read
    if data.startswith(png.SIGNATURE):
        return png.read
    if data.startswith(gif.SIGNATURES):
        return gif.read
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return webp.read
    if data[:4] in tiff.SIGNATURES:
        return tiff.read
    if iso_media.brand(data):
        return iso_media.read
    if data.startswith(b"BM"):
        return bmp.read
    return None
