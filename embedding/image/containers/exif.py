"""The orientation, the only EXIF tag that is used."""

from __future__ import annotations

import struct

_ORIENTATION, _SHORT, _LONG = 0x0112, 3, 4


def orientation(exif: bytes) -> int:
    """Read the orientation from an EXIF block, with or without its "Exif" prefix.

    Only the first directory is walked, one tag at a time, so a hostile block costs nothing; a damaged one gives 1.

    Returns:
        1..8 (EXIF 2.3, tag 0x0112); 1 where it is missing or invalid.
    """
    while exif.startswith(b"Exif\0"):
        exif = exif[6:]
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "L", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(order + "HH", exif, entry)
            if tag == _ORIENTATION and kind in (_SHORT, _LONG):
                (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "L"), exif, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
