"""Untrusted bytes -> upright RGB, within limits.

The container is read first (see containers): nothing is decoded before its size, and the memory that decoding
would take, are known to be within the limits, and the decoder is given the bare picture, without metadata, further
frames or trailing bytes. The decoders are those of Pillow and pillow-heif for eight formats, called by name, so no
other plugin can be reached. No global setting of Pillow is changed: decode runs in any number of threads.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from embedding.errors import ImageRefused
from embedding.image.containers import exif
from embedding.image.containers.bare import BarePicture, Format, broken, truncated
from embedding.image.containers.sniff import bare_picture
from embedding.image.upright import paint_outside, upright_rgb

_DECODERS: dict[Format, Callable[[io.BytesIO], ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "AVIF": AvifImageFile,
    "HEIC": HeifImageFile,
}
# The decoded picture at up to 4 bytes a pixel, and the array.
_LEAST_BYTES = 7


@dataclass(frozen=True)
class Limits:
    """What is refused before a pixel is decoded.

    Attributes:
        bytes: the file.
        pixels: width times height.
        side: width, and height.
        memory: bytes that decoding may take at its peak. JPEG, PNG, GIF, BMP and TIFF reach the limit of pixels first;
            this one comes first for a progressive JPEG of full colour (at about 87 million pixels), HEIC (62 million;
            43 million with more than 8 bits), WebP and AVIF (46 million; 32 million for AVIF with alpha).
    """

    bytes: int = 25_000_000
    pixels: int = 100_000_000
    side: int = 30_000
    memory: int = 900_000_000


DEFAULT_LIMITS = Limits()


def decode(
    data: bytes,
    *,
    limits: Limits = DEFAULT_LIMITS,
    small_side: int | None = None,
    allow_truncated: bool = False,
) -> npt.NDArray[np.uint8]:
    """Decode one picture: JPEG, PNG, WebP, GIF (first frame), BMP, TIFF (first page), AVIF or HEIC.

    The EXIF orientation is applied (that of the container in AVIF and HEIC), transparency is laid on white, colours go
    to sRGB by the picture's ICC profile, 16-bit grey is scaled.

    Args:
        limits: what to refuse; the limits hold for the picture in the file, whatever `small_side` says.
        small_side: only a picture whose short side has at least this many pixels is needed; a JPEG is then decoded at a
            half, a quarter or an eighth of its size where that is enough, in a fraction of the time. The model's input
            size suits every `Fit`; twice that keeps closer to the full picture; 1024 suits a
            copy of long side 1024. Other formats, and small JPEGs, come in full size: their decoders cannot do less
            (HEIC offers its embedded thumbnail, which need not show the same picture).
        allow_truncated: accept a picture whose file ends too early, if its decoder gives what is there (JPEG, PNG, GIF,
            BMP, TIFF); what is missing is grey, black or white.

    Returns:
        uint8 [h, w, 3], C-contiguous.

    Raises:
        ImageRefused: with the reason empty, too_large_bytes, unknown_format, too_long_side, too_many_pixels,
            too_much_memory, truncated, unsupported or broken.
    """
    if not data:
        raise ImageRefused("empty", "this file is empty: get it again from where it came")
    if len(data) > limits.bytes:
        raise ImageRefused(
            "too_large_bytes",
            f"this file has {len(data)} bytes, over the limit of {limits.bytes}: save it smaller, as JPEG",
        )
    try:
        bare = bare_picture(data)
    except ImageRefused:
        raise
    except Exception as error:
        raise ImageRefused(
            "broken", "this picture is damaged at its beginning: get it again from its source"
        ) from error
    if bare.size is not None:
        _check(bare.size, bare, len(data), limits)
    if bare.truncated and not allow_truncated:
        raise truncated(bare.format)
    try:
        picture = _DECODERS[bare.format](io.BytesIO(bare.data))
    except Exception as error:
        raise _refusal(error, bare) from error
    size = picture.size
    if bare.size not in (None, size):
        raise broken(bare.format, f"its size is declared as {bare.size} and as {size}")
    _check(size, bare, len(data), limits)
    _load(picture, bare, small_side, allow_truncated)
    if small_side is None and picture.size != size:
        raise broken(bare.format, f"its size is declared as {size} and is {picture.size}")
    try:
        return _upright(picture, bare)
    except Exception as error:
        raise _refusal(error, bare) from error


def _check(size: tuple[int, int], bare: BarePicture, file_bytes: int, limits: Limits) -> None:
    width, height = size
    shown = f"this {bare.format} picture is {width} x {height} pixels"
    if min(size) <= 0:
        raise broken(bare.format, f"{width} x {height} pixels")
    if max(size) > limits.side:
        raise ImageRefused(
            "too_long_side", f"{shown}, over the limit of {limits.side} a side: make it smaller, or cut it"
        )
    if width * height > limits.pixels:
        raise ImageRefused("too_many_pixels", f"{shown}, over the limit of {limits.pixels} in all: make it smaller")
    decoding = bare.decoding_bytes * width * height + bare.extra_bytes
    memory = int(max(_LEAST_BYTES * width * height, decoding)) + 2 * file_bytes
    if memory > limits.memory:
        raise ImageRefused(
            "too_much_memory",
            f"{shown} and would take {memory} bytes to decode, over the limit of {limits.memory}: "
            "make it smaller, or save it as an ordinary (not progressive) JPEG",
        )


def _load(picture: ImageFile, bare: BarePicture, small_side: int | None, allow_truncated: bool) -> None:
    try:
        if small_side is not None and bare.format == "JPEG":
            picture.draft(None, (max(1, small_side), max(1, small_side)))
        if bare.format == "TIFF":
            # Pillow would check the size against its own global limit, and warn.
            picture.im = Image.new(picture.mode, picture.size, None).im
        picture.load()
    except Exception as error:
        refusal = _refusal(error, bare)
        if not allow_truncated or refusal.reason != "truncated" or not picture.tile:
            raise refusal from error
        # What was decoded stays; without work left to do, Pillow takes the picture as it is.
        picture.tile = []


def _upright(picture: ImageFile, bare: BarePicture) -> npt.NDArray[np.uint8]:
    orientation = bare.orientation
    if orientation is None:
        orientation = exif.orientation(picture.info.get("exif") or b"")
    profile = bare.profile or picture.info.get("icc_profile")
    image = upright_rgb(
        picture,
        orientation,
        profile if isinstance(profile, bytes) else None,
        white_level=bare.white_level,
        black_is_white=bare.black_is_white,
    )
    if bare.frame is not None:
        paint_outside(image, bare.frame)
    return image


def _refusal(error: Exception, bare: BarePicture) -> ImageRefused:
    if isinstance(error, MemoryError):
        return ImageRefused("too_much_memory", "there is not enough memory to decode this picture: make it smaller")
    if bare.truncated or "truncated" in str(error).lower():
        return truncated(bare.format)
    return broken(bare.format, " ".join(str(error).split()) or type(error).__name__)
