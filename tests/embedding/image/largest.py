"""The most costly files that are still within the limits: each one is as large as its format may be."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.embedding.image.picture_bytes import (
    GREY,
    PNG_SIGNATURE,
    TRUECOLOUR,
    TRUECOLOUR_ALPHA,
    p3_profile,
    png_chunk,
    saved,
    tiff,
    tiff_tags,
)
from tests.embedding.image.picture_cases import bmp, heic

SIDE = 10_000
_SAMPLES = {GREY: 1, TRUECOLOUR: 3, TRUECOLOUR_ALPHA: 4}


def _deflated(size: int) -> bytes:
    """Zeros, compressed a thousand to one."""
    packer = zlib.compressobj(6)
    parts = [packer.compress(bytes(min(1 << 24, size - at))) for at in range(0, size, 1 << 24)]
    return b"".join(parts) + packer.flush()


def _png(depth: int, colour: int, *, interlaced: bool = False, before: bytes = b"") -> bytes:
    row = 1 + SIDE * _SAMPLES[colour] * depth // 8
    # Seven passes have at most seven filter bytes where a row has one.
    rows = _deflated(row * SIDE + (7 * SIDE if interlaced else 0))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, depth, colour, 0, 0, interlaced)
    return PNG_SIGNATURE + png_chunk(b"IHDR", header) + before + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def _tiff(bits: tuple[int, ...], photometric: int, rows: int = SIDE) -> bytes:
    strips = SIDE // rows
    strip = _deflated(SIDE * rows * sum(bits) // 8)
    tags = tiff_tags(
        SIDE,
        SIDE,
        bits,
        photometric,
        len(strip),
        compression=(259, 3, (8,)),
        offsets=(273, 4, (8,) * strips),
        rows=(278, 4, (rows,)),
        lengths=(279, 4, (len(strip),) * strips),
        **({"alpha": (338, 3, (2,))} if len(bits) in (2, 4) and photometric != 5 else {}),
    )
    return tiff(tags, strip)


def _flat(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (width, height), (200, 30, 60, 90)[: len(Image.new(mode, (1, 1)).getbands())])


def _profile() -> bytes:
    return png_chunk(b"iCCP", b"p3\0\0" + zlib.compress(p3_profile()))


def _scans(width: int, height: int, scans: int) -> bytes:
    data = saved(_flat(width, height, "L"), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * (scans - data.count(b"\xff\xda")) + data[-2:]


def _gif() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.zeros((SIDE, SIDE), np.uint8)).save(out, "GIF")
    return out.getvalue()


LARGEST: dict[str, Callable[[], bytes]] = {
    "png": lambda: _png(8, TRUECOLOUR),
    "png_alpha_and_profile": lambda: _png(8, TRUECOLOUR_ALPHA, before=_profile()),
    "png_16_bit_alpha": lambda: _png(16, TRUECOLOUR_ALPHA),
    "png_16_bit_grey": lambda: _png(16, GREY),
    "png_1_bit": lambda: _png(1, GREY),
    "png_interlaced": lambda: _png(8, TRUECOLOUR, interlaced=True),
    "png_turned": lambda: _png(
        8, TRUECOLOUR, before=png_chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0")
    ),
    "png_30000_wide": lambda: saved(_flat(30_000, 3_333), "PNG", compress_level=1),
    "jpeg": lambda: saved(_flat(SIDE, SIDE), "JPEG"),
    "jpeg_cmyk": lambda: saved(_flat(SIDE, SIDE, "CMYK"), "JPEG"),
    "jpeg_progressive": lambda: saved(_flat(9_400, 9_400), "JPEG", progressive=True, subsampling=0),
    "jpeg_progressive_cmyk": lambda: saved(_flat(8_600, 8_600, "CMYK"), "JPEG", progressive=True),
    "jpeg_of_20_scans": lambda: _scans(SIDE, SIDE, 20),
    "jpeg_of_100_scans": lambda: _scans(5_000, 4_000, 100),
    "gif": _gif,
    "bmp_run_lengths": lambda: bmp(20_000, 1_000, b"\1\1\0\0" * 1_000 + b"\0\1", 8, 1, bytes(range(256)) * 4),
    "tiff_one_strip": lambda: _tiff((8, 8, 8), 2),
    "tiff_lab": lambda: _tiff((8, 8, 8), 8, rows=100),
    "tiff_16_bit_alpha": lambda: _tiff((16,) * 4, 2, rows=100),
    "tiff_cmyk": lambda: _tiff((8,) * 4, 5, rows=1),
    "tiff_1_bit": lambda: _tiff((1,), 1),
    "webp": lambda: saved(_flat(6_700, 6_700), "WEBP", method=0),
    "webp_alpha": lambda: saved(_flat(6_700, 6_700, "RGBA"), "WEBP", lossless=True, quality=0, method=0),
    "heic": lambda: heic(np.full((4_000, 4_000, 3), 90, np.uint8), quality=10),
    "avif": lambda: saved(_flat(5_600, 5_600, "RGBA"), "AVIF", speed=10, quality=30, subsampling="4:4:4"),
}
