"""The result of every container reader, and the errors that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from embedding.errors import ImageRefused
from embedding.image.hdr import HighDynamicRange

Format = Literal["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]


@dataclass(frozen=True)
class BarePicture:
    """One picture, ready for its decoder.

    Attributes:
        data: the bytes for the decoder.
        size: width and height as stored, before `orientation`; None where only the decoder knows it (it is checked
            before decoding).
        orientation: 1..8 as in EXIF; None where the decoder knows it.
        profile: the ICC profile; None where there is none or the decoder knows it.
        decoding_bytes: memory per pixel while decoding, the decoded picture included.
        extra_bytes: further memory while decoding that does not depend on the size.
        truncated: the file ends before its picture does, or may do so.
        alternative: of a picture that may be truncated: the same with other bits behind its data. Where both decode to
            the same pixels, nothing is missing.
        hdr: how samples of a high dynamic range are coded; None where they are not, or the decoder knows it.
        white_level: the sample value of white in pictures of more than 8 bits, if not 65535.
        black_is_white: a grey sample of 0 is white, and the decoder does not invert it.
        frame: left, top, right, bottom of the part that the file's frame covers; None for all of it.
    """

    format: Format
    data: bytes
    size: tuple[int, int] | None
    orientation: int | None = 1
    profile: bytes | None = None
    decoding_bytes: float = 4.0
    extra_bytes: int = 0
    truncated: bool = False
    alternative: bytes = b""
    hdr: HighDynamicRange | None = None
    white_level: int = 65535
    black_is_white: bool = False
    frame: tuple[int, int, int, int] | None = None


def broken(format_: Format, what: str) -> ImageRefused:
    return ImageRefused(
        "broken", f"this {format_} picture is damaged ({what}): get it again from where it came, or save it anew"
    )


def truncated(format_: Format) -> ImageRefused:
    return ImageRefused(
        "truncated", f"this {format_} picture ends before it is complete: download or copy it again from its source"
    )


def unsupported(format_: Format, what: str) -> ImageRefused:
    return ImageRefused(
        "unsupported", f"this {format_} picture has {what}, which is not read here: save it as an ordinary JPEG or PNG"
    )
