"""TIFF (and BigTIFF): the first directory with only the tags that its pixels need."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from embedding.image.containers.bare import BarePicture, broken, truncated, unsupported

SIGNATURES = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}
MAX_PARTS = 500_000
MAX_PROFILE = 4_000_000

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 274, 277, 278, 279
_PLANAR, _T4, _T6, _PREDICTOR, _COLOUR_MAP = 284, 292, 293, 317, 320
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_EXTRA_SAMPLES, _SAMPLE_FORMAT, _JPEG_TABLES, _SUBSAMPLING, _REFERENCE = 338, 339, 347, 530, 532
_PROFILE = 34675

_STRIP_TAGS = (_STRIP_OFFSETS, _STRIP_BYTES, _ROWS_PER_STRIP)
_TILE_TAGS = (_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES)
_PARTS = {_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES}
# The tags that are passed to the decoder, and the most values each may have.
_KEPT = {
    **dict.fromkeys((_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _SAMPLES, _ROWS_PER_STRIP), 1),
    **dict.fromkeys((_PLANAR, _T4, _T6, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT), 1),
    **dict.fromkeys(_PARTS, MAX_PARTS),
    **dict.fromkeys((_BITS, _EXTRA_SAMPLES, _SAMPLE_FORMAT), 8),
    _COLOUR_MAP: 3 * 256,
    _JPEG_TABLES: 65_536,
    _SUBSAMPLING: 2,
    _REFERENCE: 6,
}
# None, CCITT (three kinds), LZW, JPEG, Deflate (two numbers), PackBits.
_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32946, 32773}
_BLACK_IS_WHITE, _YCBCR = 0, 6
_UNITS = {1: "B", 2: "B", 3: "H", 4: "L", 5: "LL", 6: "b", 7: "B", 8: "h", 9: "l", 10: "ll", 16: "Q"}


@dataclass(frozen=True)
class _Entry:
    """One tag: its own bytes in the directory, and where its values are."""

    tag: int
    kind: int
    count: int
    raw: bytes
    start: int
    end: int


def read(data: bytes) -> BarePicture:
    """Reduce a TIFF to its first picture.

    Raises:
        ImageRefused: truncated (before or in the directory), broken or unsupported.
    """
    try:
        return _read(data)
    except struct.error as error:
        raise truncated("TIFF") from error


def _read(data: bytes) -> BarePicture:
    order, big = SIGNATURES[data[:4]]
    (at,) = struct.unpack_from(order + ("Q" if big else "L"), data, 8 if big else 4)
    entries = _directory(data, at, order, big)

    def numbers(tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        return _numbers(data, entries[tag], order) if tag in entries else default

    def number(tag: int, default: int) -> int:
        return numbers(tag, (default,))[0]

    width, height = number(_WIDTH, 0), number(_HEIGHT, 0)
    bits, samples = numbers(_BITS, (1,)), number(_SAMPLES, 1)
    compression, photometric = number(_COMPRESSION, 1), number(_PHOTOMETRIC, 0)
    if compression not in _COMPRESSIONS:
        raise unsupported("TIFF", f"compression {compression}")
    if max(bits) > 16 or not 1 <= samples <= 8 or set(numbers(_SAMPLE_FORMAT, (1,))) != {1}:
        raise unsupported("TIFF", f"{samples} samples of {max(bits)} bits, format {numbers(_SAMPLE_FORMAT, (1,))}")
    if compression == 1 and photometric == _YCBCR and numbers(_SUBSAMPLING, (2, 2)) != (1, 1):
        raise unsupported("TIFF", "colour at half size without compression")
    if width <= 0 or height <= 0:
        raise broken("TIFF", "its size is missing")

    # With tags of both kinds in one file one decoder would read strips and another tiles.
    tiled = _TILE_OFFSETS in entries
    for tag in _STRIP_TAGS if tiled else _TILE_TAGS:
        entries.pop(tag, None)
    across = number(_TILE_WIDTH, 0) if tiled else width
    down = number(_TILE_HEIGHT, 0) if tiled else min(number(_ROWS_PER_STRIP, height), height)
    if across <= 0 or down <= 0:
        raise broken("TIFF", "its strips or tiles have no size")
    planes = samples if number(_PLANAR, 1) == 2 else 1
    parts = math.ceil(width / across) * math.ceil(height / down) * planes
    offsets = entries.get(_TILE_OFFSETS if tiled else _STRIP_OFFSETS)
    lengths = entries.get(_TILE_BYTES if tiled else _STRIP_BYTES)
    if offsets is None or offsets.count < parts or (lengths is not None and lengths.count < parts):
        raise broken("TIFF", "its strips or tiles are not all there")
    if parts > MAX_PARTS:
        raise unsupported("TIFF", f"over {MAX_PARTS} strips or tiles")
    ends = zip(_numbers(data, offsets, order), _numbers(data, lengths, order) if lengths else (), strict=False)

    profile = entries.pop(_PROFILE, None)
    orientation = number(_ORIENTATION, 1)
    return BarePicture(
        "TIFF",
        _with_directory(data, at, order, big, entries, parts),
        size=(width, height),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        profile=data[profile.start : profile.end] if profile else None,
        # One strip or tile is unpacked beside the picture, at 4 bytes a pixel if it is YCbCr; each has a Python object.
        extra_bytes=across * down * (32 if photometric == _YCBCR else samples * max(bits)) // 8 + 500 * parts,
        truncated=any(start + length > len(data) for start, length in ends),
        white_level=2 ** max(bits) - 1 if max(bits) > 8 else 65535,
        black_is_white=photometric == _BLACK_IS_WHITE and max(bits) > 8,
    )


def _directory(data: bytes, at: int, order: str, big: bool) -> dict[int, _Entry]:
    if at > len(data):
        raise truncated("TIFF")
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
    head, step, inline = ("HHQ", 20, 8) if big else ("HHL", 12, 4)
    if count > 65_535:
        raise broken("TIFF", "its directory is absurd")
    first = at + (8 if big else 2)
    entries: dict[int, _Entry] = {}
    for entry in range(first, first + step * count, step):
        tag, kind, values = struct.unpack_from(order + head, data, entry)
        if tag in entries or kind not in _UNITS or not values:
            continue
        if tag not in _KEPT and tag not in (_ORIENTATION, _PROFILE):
            continue
        size = struct.calcsize("=" + _UNITS[kind]) * values
        start = entry + step - inline
        if size > inline:
            (start,) = struct.unpack_from(order + ("Q" if big else "L"), data, start)
        if tag == _PROFILE and (size > MAX_PROFILE or start + size > len(data)):
            continue
        if tag in _KEPT and (values > _KEPT[tag] and tag not in _PARTS):
            raise broken("TIFF", f"tag {tag} has {values} values")
        if start + size > len(data):
            raise truncated("TIFF")
        entries[tag] = _Entry(tag, kind, values, data[entry : entry + step], start, start + size)
    return entries


def _numbers(data: bytes, entry: _Entry, order: str) -> tuple[int, ...]:
    unit = _UNITS[entry.kind]
    count = min(entry.count, MAX_PARTS)
    return struct.unpack_from(f"{order}{count * len(unit)}{unit[0]}", data, entry.start)


def _with_directory(data: bytes, at: int, order: str, big: bool, entries: dict[int, _Entry], parts: int) -> bytes:
    """The same file with a directory of only the kept tags, and no further directory."""
    entries = {tag: entry for tag, entry in entries.items() if tag in _KEPT}
    directory = struct.pack(order + ("Q" if big else "H"), len(entries))
    for entry in entries.values():
        raw = entry.raw
        if entry.tag in _PARTS and entry.count > parts:
            raw = _cut(data, entry, parts, order, big)
        directory += raw
    directory += struct.pack(order + ("Q" if big else "L"), 0)
    return b"".join((data[:at], directory, data[at + len(directory) :]))


def _cut(data: bytes, entry: _Entry, parts: int, order: str, big: bool) -> bytes:
    """A list of strips or tiles cut to those that the picture has."""
    head, inline = ("HHQ", 8) if big else ("HHL", 4)
    size = struct.calcsize("=" + _UNITS[entry.kind]) * parts
    place = struct.pack(order + ("Q" if big else "L"), entry.start)
    if size <= inline:
        place = data[entry.start : entry.start + size].ljust(inline, b"\0")
    return struct.pack(order + head, entry.tag, entry.kind, parts) + place
