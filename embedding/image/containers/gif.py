"""GIF: the first frame on its logical screen."""

from __future__ import annotations

import struct

from embedding.image.containers.bare import BarePicture, broken, truncated

SIGNATURES = (b"GIF87a", b"GIF89a")
MAX_BLOCKS = 200_000

_EXTENSION, _FRAME, _GRAPHIC_CONTROL = 0x21, 0x2C, 0xF9


def read(data: bytes) -> BarePicture:
    """Reduce a GIF to its screen, its first frame and that frame's transparent colour.

    The screen is widened where the first frame reaches beyond it, as viewers do.

    Raises:
        ImageRefused: truncated (before the pixels) or broken.
    """
    try:
        width, height, flags = struct.unpack_from("<HHB", data, 6)
        position = 13 + _palette_bytes(flags)
        control, position = _before_frame(data, position)
        left, top, across, down = struct.unpack_from("<HHHH", data, position + 1)
    except (struct.error, IndexError) as error:
        raise truncated("GIF") from error
    if not across or not down:
        raise broken("GIF", "an empty frame")
    size = max(width, left + across), max(height, top + down)
    if max(size) > 65_535:
        raise broken("GIF", "a frame outside of any screen")
    frame = (left, top, left + across, top + down)
    screen = data[:6] + struct.pack("<HH", *size) + data[10 : 13 + _palette_bytes(flags)]
    return BarePicture(
        "GIF",
        screen + control + data[position:],
        size=size,
        frame=None if frame == (0, 0, *size) else frame,
    )


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _before_frame(data: bytes, position: int) -> tuple[bytes, int]:
    """The first frame's graphic control extension, of which only the transparent colour is kept, and its position."""
    control = b""
    blocks = 0
    while data[position] != _FRAME:
        if data[position] != _EXTENSION:
            raise broken("GIF", "no picture in it")
        label = data[position + 1]
        position += 2
        if label == _GRAPHIC_CONTROL and data[position] >= 4:
            control = b"\x21\xf9\x04" + bytes((data[position + 1] & 1, 0, 0, data[position + 4])) + b"\0"
        while data[position]:
            position += 1 + data[position]
            blocks += 1
            if blocks > MAX_BLOCKS:
                raise broken("GIF", "too many blocks before its picture")
        position += 1
    return control, position
