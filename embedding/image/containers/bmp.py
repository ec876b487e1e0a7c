"""BMP: only its size is read; it has no metadata to remove."""

from __future__ import annotations

import struct

from embedding.image.containers.bare import BarePicture, broken, truncated, unsupported

_CORE_HEADER = 12
_HEADERS = (_CORE_HEADER, 40, 52, 56, 64, 108, 124)
_RUN_LENGTHS = (1, 2)
# Pillow decodes run lengths in Python, in up to a tenth of a microsecond a pixel.
MAX_RUN_LENGTH_PIXELS = 20_000_000


def is_header(head: bytes) -> bool:
    """Whether the first 18 bytes of a file are a BMP's: its two letters also begin many a text."""
    return len(head) >= 18 and int.from_bytes(head[14:18], "little") in _HEADERS


def read(data: bytes) -> BarePicture:
    """Read a BMP's size; a negative height means rows from top to bottom.

    Raises:
        ImageRefused: truncated, broken or unsupported.
    """
    try:
        (header,) = struct.unpack_from("<I", data, 14)
        if header not in _HEADERS:
            raise broken("BMP", "its header is wrong")
        if header == _CORE_HEADER:
            width, height = struct.unpack_from("<HH", data, 18)
            return BarePicture("BMP", data, size=(width, height))
        width, height, _, _, compression = struct.unpack_from("<iiHHI", data, 18)
    except struct.error as error:
        raise truncated("BMP") from error
    size = (width, abs(height))
    if compression in _RUN_LENGTHS and size[0] * size[1] > MAX_RUN_LENGTH_PIXELS:
        raise unsupported("BMP", f"run lengths over more than {MAX_RUN_LENGTH_PIXELS} pixels")
    return BarePicture("BMP", data, size=size)
