"""WebP: the canvas size from the header; Pillow reads the rest."""

from __future__ import annotations

import struct

from embedding.image.containers.bare import BarePicture, broken, truncated


def read(data: bytes) -> BarePicture:
    """Read the size of a WebP's canvas.

    Raises:
        ImageRefused: truncated or broken.
    """
    if len(data) < 30:
        raise truncated("WebP")
    (length,) = struct.unpack_from("<I", data, 4)
    if length + 8 > len(data):
        # libwebp decodes nothing of a picture that is cut.
        raise truncated("WebP")
    # Canvas and its copy, the frame, Pillow's bytes and picture: 16 bytes a pixel, and the array beside them.
    return BarePicture("WebP", data[: length + 8], size=_canvas(data), orientation=None, decoding_bytes=19)


def _canvas(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L" and data[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise broken("WebP", "its header is wrong")
