"""JPEG: the first picture of the file without its metadata, and the memory to decode it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from embedding.image.containers import exif
from embedding.image.containers.bare import BarePicture, broken, truncated, unsupported

# An empty progressive scan takes a few bytes and a pass over the whole picture; encoders use about ten scans.
MAX_SCANS = 100
MAX_SCANNED_PIXELS = 2_000_000_000
MAX_SEGMENTS = 10_000

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}  # Huffman, arithmetic coding, quantisation, restart interval
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xDA)}
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODABLE_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA}
_PROGRESSIVE = {0xC2, 0xCA}
# What a decoder takes for data that is missing, where it would take zeros otherwise.
_OTHER_BITS = bytes(range(0x11, 0xEE, 7)) * 4
# Any number of FF may precede a marker; a pattern that matched them all would be quadratic on a file of FF.
_MARKER = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)
_MARKER_IN_SCAN = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)


@dataclass
class _Header:
    """The content of the segments before the first scan."""

    kept: list[bytes] = field(default_factory=lambda: [b"\xff\xd8"])
    frame: int = 0
    size: tuple[int, int] = (0, 0)
    sampling: list[tuple[int, int]] = field(default_factory=list)
    exif: bytes = b""
    profile: list[tuple[int, bytes]] = field(default_factory=list)


def read(data: bytes) -> BarePicture:
    """Reduce a JPEG to its tables, its frame and its scans.

    Raises:
        ImageRefused: truncated (before the first scan), broken or unsupported.
    """
    header = _Header()
    first_scan = _read_header(data, header)
    end, scans, ended = _end_of_picture(data, first_scan)
    coded = b"".join([*header.kept, data[first_scan:end]])
    # Without an end marker the data may be all there nevertheless: only decoding can tell.
    alternative = b"" if ended or not _covers_all(data, first_scan, end, header) else _stripped(coded)
    if scans > 1 and scans * header.size[0] * header.size[1] > MAX_SCANNED_PIXELS:
        raise unsupported("JPEG", f"{scans} scans of so many pixels")
    whole = header.frame not in _PROGRESSIVE and scans == 1
    return BarePicture(
        "JPEG",
        (alternative or coded) + b"\xff\xd9",
        size=header.size,
        orientation=exif.orientation(header.exif),
        profile=b"".join(part for _, part in sorted(header.profile)) or None,
        # Several scans are gathered as 16-bit coefficients before the first pixel is made.
        decoding_bytes=4 + (0 if whole else 2 * _samples_per_pixel(header.sampling)) + (3 if alternative else 0),
        truncated=not ended,
        alternative=alternative + _OTHER_BITS + b"\xff\xd9" if alternative else b"",
    )


def _read_header(data: bytes, header: _Header) -> int:
    """Read the segments up to the first scan; returns the position of its marker."""
    position = 2
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if found is None:
            raise truncated("JPEG")
        marker, position = found[1][0], found.end()
        if marker == _EOI:
            raise broken("JPEG", "no picture in it")
        if marker in _WITHOUT_LENGTH:
            continue
        body, end = _segment(data, position)
        if marker == _SOS:
            if not header.frame:
                raise broken("JPEG", "a scan before the frame")
            return position - 2
        _take(marker, body, header)
        position = end
    raise broken("JPEG", "too many segments")


def _segment(data: bytes, position: int) -> tuple[bytes, int]:
    length = int.from_bytes(data[position : position + 2], "big")
    end = position + length
    if end > len(data) or position + 2 > len(data):
        raise truncated("JPEG")
    if length < 2:
        raise broken("JPEG", "a segment of impossible length")
    return data[position + 2 : end], end


def _take(marker: int, body: bytes, header: _Header) -> None:
    if marker == 0xE1 and body.startswith(b"Exif\0"):
        header.exif = header.exif or body
    elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
        header.profile.append((body[12] if len(body) > 12 else 0, body[14:]))
    elif marker in _FRAMES:
        _take_frame(marker, body, header)
    # JFIF and Adobe segments say how colours are coded; other application segments and comments are dropped.
    jfif = marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14
    adobe = marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12
    if jfif or adobe:
        body = body[:14]
    elif marker not in _FRAMES and marker not in _TABLES:
        return
    header.kept.append(bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body)


def _take_frame(marker: int, body: bytes, header: _Header) -> None:
    if header.frame:
        raise broken("JPEG", "more than one frame")
    try:
        precision, height, width, components = struct.unpack_from(">BHHB", body)
        header.sampling = [divmod(body[7 + 3 * i], 16) for i in range(components)]
    except (struct.error, IndexError) as error:
        raise broken("JPEG", "its frame header is cut") from error
    if marker not in _DECODABLE_FRAMES or precision != 8 or components not in (1, 3, 4):
        raise unsupported("JPEG", f"{components} components of {precision} bits, coded as SOF{marker - 0xC0}")
    if not all(1 <= across <= 4 and 1 <= down <= 4 for across, down in header.sampling):
        raise broken("JPEG", "impossible sampling factors")
    header.frame, header.size = marker, (width, height)


def _samples_per_pixel(sampling: list[tuple[int, int]]) -> float:
    area = max(across for across, _ in sampling) * max(down for _, down in sampling)
    return sum(across * down for across, down in sampling) / area


def _stripped(coded: bytes) -> bytes:
    """Coded data without the half of an end marker and the zeros that a broken copy may leave behind it.

    A scan's last byte is filled up with ones, so that it never ends in zeros of its own, but for the zero after FF.
    """
    while coded.endswith((b"\xff", b"\0")) and not coded.endswith(b"\xff\0"):
        coded = coded[:-1]
    return coded


def _covers_all(data: bytes, first_scan: int, end: int, header: _Header) -> bool:
    """Whether the scans that there are have every coefficient of every component to the last bit."""
    left: dict[int, set[int]] = {}
    for components, first, last, low in _scans(data, first_scan, end):
        for component in components:
            missing = left.setdefault(component, set(range(64)))
            if low == 0:
                missing -= set(range(first, last + 1))
    if header.frame not in _PROGRESSIVE:
        return len(left) == len(header.sampling)
    return len(left) == len(header.sampling) and not any(left.values())


def _scans(data: bytes, first_scan: int, end: int) -> Iterator[tuple[tuple[int, ...], int, int, int]]:
    """Of each scan its components, first and last coefficient, and the lowest bit that it has (ITU-T T.81, B.2.3)."""
    position = first_scan
    while (found := _MARKER_IN_SCAN.search(data, position, end)) is not None:
        marker, position = found[1][0], found.end()
        if marker in _WITHOUT_LENGTH:
            continue
        body, position = _segment(data, position)
        if marker == _SOS:
            count = body[0] if body else 0
            if len(body) < 4 + 2 * count:
                raise broken("JPEG", "a scan's header is cut")
            first, last, bits = body[1 + 2 * count : 4 + 2 * count]
            yield tuple(body[1 : 1 + 2 * count : 2]), first, last, bits & 15


def _end_of_picture(data: bytes, first_scan: int) -> tuple[int, int, bool]:
    """Where the picture ends (its end marker excluded), how many scans it has, and whether it is complete."""
    position, scans = first_scan, 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER_IN_SCAN.search(data, position)
        if found is None:
            return len(data), scans, False
        marker, position = found[1][0], found.end()
        if marker in (_EOI, _SOI):
            return found.start(), scans, marker == _EOI
        if marker in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if position + max(2, length) > len(data):
            return len(data), scans, False
        position += length
        scans += marker == _SOS
        if scans > MAX_SCANS:
            raise broken("JPEG", f"over {MAX_SCANS} scans")
    raise broken("JPEG", "too many segments")
