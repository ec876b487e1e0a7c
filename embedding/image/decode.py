"""Untrusted bytes -> upright RGB, within limits.

The container is read first (see containers): nothing is decoded before its size, and the memory that decoding
would take, are known to be within the limits, and the decoder gets the bare picture, without metadata, further
frames or trailing bytes. The decoders are those of Pillow and pillow-heif for eight formats, called by name, so no
other plugin can be reached. No global setting of Pillow is changed: decode runs in any number of threads.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace

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
from pillow_heif import HeifImageFile, open_heif

from embedding.errors import ImageRefused
from embedding.image.containers import exif
from embedding.image.containers.bare import BarePicture, Format, broken, truncated
from embedding.image.containers.sniff import bare_picture
from embedding.image.hdr import BT2020, HLG, PQ, HighDynamicRange, to_sdr
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
# The reasons for which a picture is refused.
REFUSAL_REASONS = (
    *("empty", "too_large_bytes", "unknown_format", "too_long_side", "too_many_pixels", "too_much_memory"),
    *("truncated", "unsupported", "broken"),
)
# Bytes a pixel that any decoding takes: the decoded picture at up to 4, and the array.
_MIN_DECODING_BYTES = 7


@dataclass(frozen=True)
class DecodeLimits:
    """Limits above which a picture is refused before a pixel is decoded.

    Attributes:
        bytes: the file.
        pixels: width times height.
        side: width, and height.
        memory: bytes that decoding may take at its peak. JPEG, PNG, GIF, BMP and TIFF reach the limit of pixels first;
            this one comes first for a progressive JPEG of full colour (at about 87 million pixels), HEIC (62 million;
            34 million with more than 8 bits), WebP and AVIF (46 million; 32 million for AVIF with alpha).
    """

    bytes: int = 25_000_000
    pixels: int = 100_000_000
    side: int = 30_000
    memory: int = 900_000_000


DEFAULT_LIMITS = DecodeLimits()


def decode(
    data: bytes,
    *,
    limits: DecodeLimits = DEFAULT_LIMITS,
    small_side: int | None = None,
    allow_truncated: bool = False,
) -> npt.NDArray[np.uint8]:
    """Decode one picture: JPEG, PNG, WebP, GIF (first frame), BMP, TIFF (first page), AVIF or HEIC.

    The EXIF orientation is applied (that of the container in AVIF and HEIC), transparency is composited on white,
    colours are converted to sRGB by the picture's ICC profile, 16-bit grey is scaled, AVIF and HEIC in PQ or HLG are
    tone-mapped (see hdr). A JPEG that lacks only its end marker, or a PNG that lacks its last chunk, is read.

    Args:
        limits: they apply to the picture in the file, whatever `small_side` is.
        small_side: only a picture whose short side has at least this many pixels is needed; a JPEG is then decoded at a
            half, a quarter or an eighth of its size where that is enough, in a fraction of the time. The model's input
            size suits every `Fit`; twice that is closer to the full picture; 1024 suits a copy of long side 1024. Other
            formats, and small JPEGs, are decoded in full size: their decoders cannot do less (HEIC offers its embedded
            thumbnail, which need not show the same picture).
        allow_truncated: accept a picture whose file ends too early, if its decoder returns the first part (JPEG, PNG,
            GIF, BMP, TIFF); the rest is grey, black or white.

    Returns:
        uint8 [h, w, 3], C-contiguous.

    Raises:
        ImageRefused: with one of REFUSAL_REASONS.
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
        if not bare.alternative:
            raise truncated(bare.format)
        return _if_nothing_is_missing(bare, len(data), limits, small_side)
    return _decoded(bare, len(data), limits, small_side, allow_truncated)


def _if_nothing_is_missing(
    bare: BarePicture, file_bytes: int, limits: DecodeLimits, small_side: int | None
) -> npt.NDArray[np.uint8]:
    """Decode a picture that may be truncated.

    Raises:
        ImageRefused: as decode: truncated where its pixels depend on what is made up for missing data.
    """
    image = _decoded(bare, file_bytes, limits, small_side, allow_truncated=True)
    other = _decoded(replace(bare, data=bare.alternative), file_bytes, limits, small_side, allow_truncated=True)
    if not np.array_equal(image, other):
        raise truncated(bare.format)
    return image


def _decoded(
    bare: BarePicture, file_bytes: int, limits: DecodeLimits, small_side: int | None, allow_truncated: bool
) -> npt.NDArray[np.uint8]:
    try:
        picture = _DECODERS[bare.format](io.BytesIO(bare.data))
    except Exception as error:
        raise _refusal(error, bare) from error
    size = picture.size
    if bare.size not in (None, size):
        raise broken(bare.format, f"its size is given as {bare.size} and as {size}")
    _check(size, bare, file_bytes, limits)
    if (coded := _deep_hdr(picture, bare)) is not None:
        return _tone_mapped(bare, coded)
    _load(picture, bare, small_side, allow_truncated)
    if small_side is None and picture.size != size:
        raise broken(bare.format, f"its size is given as {size} and is {picture.size}")
    try:
        return _upright(picture, bare)
    except Exception as error:
        raise _refusal(error, bare) from error


def _check(size: tuple[int, int], bare: BarePicture, file_bytes: int, limits: DecodeLimits) -> None:
    width, height = size
    description = f"this {bare.format} picture is {width} x {height} pixels"
    if min(size) <= 0:
        raise broken(bare.format, f"{width} x {height} pixels")
    if max(size) > limits.side:
        raise ImageRefused(
            "too_long_side", f"{description}, over the limit of {limits.side} a side: make it smaller, or cut it"
        )
    if width * height > limits.pixels:
        raise ImageRefused(
            "too_many_pixels", f"{description}, over the limit of {limits.pixels} in all: make it smaller"
        )
    decoding = bare.decoding_bytes * width * height + bare.extra_bytes
    memory = int(max(_MIN_DECODING_BYTES * width * height, decoding)) + 2 * file_bytes
    if memory > limits.memory:
        raise ImageRefused(
            "too_much_memory",
            f"{description} and would take {memory} bytes to decode, over the limit of {limits.memory}: "
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
        # Without tiles left to decode, Pillow accepts the part that was decoded.
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
    return image if bare.hdr is None else to_sdr(image, bare.hdr)


def _deep_hdr(picture: ImageFile, bare: BarePicture) -> HighDynamicRange | None:
    """How the samples of a HEIC of high dynamic range are coded, as the colour box of its primary picture has it."""
    colours = picture.info.get("nclx_profile") if bare.format == "HEIC" else None
    if not isinstance(colours, dict) or colours.get("transfer_characteristics") not in (PQ, HLG):
        return None
    return HighDynamicRange(int(colours["transfer_characteristics"]), int(colours.get("color_primaries", BT2020)))


def _tone_mapped(bare: BarePicture, coded: HighDynamicRange) -> npt.NDArray[np.uint8]:
    """A HEIC of high dynamic range, read with all its bits; what is transparent is laid on white."""
    try:
        samples = np.asarray(open_heif(io.BytesIO(bare.data), convert_hdr_to_8bit=False))
        if samples.ndim == 2:
            samples = np.repeat(samples[..., None], 3, axis=2)
        image = to_sdr(samples[..., :3], coded)
    except Exception as error:
        raise _refusal(error, bare) from error
    if samples.shape[2] == 4:
        alpha = samples[..., 3:].astype(np.float32) / np.iinfo(samples.dtype).max
        image = np.rint(image * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return image


def _refusal(error: Exception, bare: BarePicture) -> ImageRefused:
    if isinstance(error, MemoryError):
        return ImageRefused("too_much_memory", "there is not enough memory to decode this picture: make it smaller")
    if bare.truncated or "truncated" in str(error).lower():
        return truncated(bare.format)
    return broken(bare.format, " ".join(str(error).split()) or type(error).__name__)
