"""AVIF and HEIC: pictures in boxes (ISO/IEC 14496-12 and 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from embedding.image.containers import av1
from embedding.image.containers.bare import BarePicture, Format, broken, truncated, unsupported
from embedding.image.hdr import HLG, PQ, HighDynamicRange

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_STILL = {b"avis": b"avif"}
_METADATA = {b"Exif", b"mime"}
MAX_BOXES = 20_000

# libavif gives up to 4 bytes a pixel to Pillow, which unpacks them to 4, and the array takes 3.
_AVIF_BYTES = 11
# dav1d: three planes of up to 16 bits, and its metadata of each block.
_AV1_BYTES = 8
# libde265's planes and libheif's RGB, per coded pixel: a file may display a small part of a large picture.
# libheif refuses a picture whose size or depth differs from the declared one, so the declared one is a bound.
# Deep samples are read with 16 bits each, and copied once, for they may have to be tone-mapped.
_HEVC_BYTES, _DEEP_HEVC_BYTES = 10, 22


def brand(data: bytes) -> Format | None:
    """AVIF or HEIC, by the brands in the first box; None for other files."""
    if data[4:8] != b"ftyp":
        return None
    size = min(int.from_bytes(data[:4], "big"), 512)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, size - 3, 4))]
    for name in brands:
        if name in _AVIF_BRANDS:
            return "AVIF"
        if name in _HEIC_BRANDS:
            return "HEIC"
    return None


def read(data: bytes) -> BarePicture:
    """Remove the metadata items from an AVIF or HEIC, and all but the still picture from an image sequence.

    Raises:
        ImageRefused: truncated, broken or unsupported.
    """
    format_ = brand(data)
    assert format_ in ("AVIF", "HEIC")
    try:
        return _read(data, format_)
    except (struct.error, IndexError) as error:
        raise broken(format_, "its boxes are wrong") from error


def _read(data: bytes, format_: Format) -> BarePicture:
    bare = bytearray(data)
    bare[8:12] = _STILL.get(data[8:12], data[8:12])
    # All boxes are read, because a picture that is cut anywhere decodes to nothing.
    outer = {kind: (start, end) for kind, start, end in reversed([*_boxes(data, 0, len(data), format_)])}
    if b"meta" not in outer:
        raise unsupported(format_, "no still picture")
    start, end = outer[b"meta"]
    inner = {kind: (start, end) for kind, start, end in _boxes(data, start + 4, end, format_)}
    items = dict(_items(data, *inner.get(b"iinf", (0, 0)), format_))
    for kind, at in items.values():
        if kind in _METADATA:
            bare[at : at + 4] = b"skip"
    if format_ == "HEIC":
        return BarePicture("HEIC", bytes(bare), size=None, extra_bytes=_hevc_bytes(data, inner.get(b"iprp", (0, 0))))
    coded = {number for number, (kind, _) in items.items() if kind == b"av01"}
    pixels = 0
    budget = av1.ParseBudget()
    for number, extents in _locations(data, inner, format_):
        if number in coded:
            pixels += av1.largest_frame(_payload(data, extents, budget), budget)
    return BarePicture(
        "AVIF",
        bytes(bare),
        size=None,
        orientation=None,
        decoding_bytes=_AVIF_BYTES,
        extra_bytes=_AV1_BYTES * pixels,
        hdr=_hdr(data, inner.get(b"iprp", (0, 0)), format_),
    )


def _boxes(data: bytes, start: int, end: int, format_: Format) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of each box between two places."""
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        elif size == 0:
            size = end - start
        if size < head:
            raise broken(format_, "its boxes are wrong")
        if start + size > end:
            raise truncated(format_)
        yield kind, start + head, start + size
        start += size
    raise broken(format_, "too many boxes")


def _items(data: bytes, start: int, end: int, format_: Format) -> Iterator[tuple[int, tuple[bytes, int]]]:
    """Item number -> its type and where the type is written (box iinf)."""
    if start == end:
        return
    for kind, at, _ in _boxes(data, start + (6 if data[start] == 0 else 8), end, format_):
        if kind == b"infe" and data[at] >= 2:
            wide = data[at] >= 3
            (number,) = struct.unpack_from(">I" if wide else ">H", data, at + 4)
            place = at + (10 if wide else 8)
            yield number, (data[place : place + 4], place)


def _hevc_bytes(data: bytes, properties: tuple[int, int]) -> int:
    """Bytes that decoding the largest coded picture takes (box ipco: ispe, and hvcC of ISO/IEC 14496-15, 8.3.3)."""
    largest, deep = 0, False
    for group, start, end in _boxes(data, *properties, "HEIC"):
        for kind, at, _ in _boxes(data, start, end, "HEIC") if group == b"ipco" else ():
            if kind == b"ispe":
                width, height = struct.unpack_from(">II", data, at + 4)
                largest = max(largest, width * height)
            elif kind == b"hvcC":
                deep = deep or bool(data[at + 17] & 7 or data[at + 18] & 7)
    return largest * (_DEEP_HEVC_BYTES if deep else _HEVC_BYTES)


def _hdr(data: bytes, properties: tuple[int, int], format_: Format) -> HighDynamicRange | None:
    """How samples of a high dynamic range are coded, where every colour box (ipco: colr) says the same."""
    found: set[HighDynamicRange | None] = set()
    for group, start, end in _boxes(data, *properties, format_):
        for kind, at, _ in _boxes(data, start, end, format_) if group == b"ipco" else ():
            if kind == b"colr":
                primaries, transfer = struct.unpack_from(">HH", data, at + 4)
                coded = data[at : at + 4] == b"nclx" and transfer in (PQ, HLG)
                found.add(HighDynamicRange(transfer, primaries) if coded else None)
    return found.pop() if len(found) == 1 else None


def _locations(
    data: bytes, inner: dict[bytes, tuple[int, int]], format_: Format
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Item number and its pieces, as begin and length in the file (box iloc, versions 0 to 2)."""
    if b"iloc" not in inner:
        raise broken(format_, "its picture has no place")
    at, end = inner[b"iloc"]
    version = data[at]
    sizes, more_sizes = data[at + 4], data[at + 5]
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more_sizes >> 4
    index_size = more_sizes & 15 if version else 0
    at += 6
    in_meta = inner.get(b"idat", (0, 0))[0]

    def take(size: int) -> int:
        nonlocal at
        if at + size > end:
            raise broken(format_, "its list of places is cut")
        at += size
        return int.from_bytes(data[at - size : at], "big")

    for _ in range(take(4 if version == 2 else 2)):
        number = take(4 if version == 2 else 2)
        construction = take(2) & 15 if version else 0
        if construction > 1:
            raise unsupported(format_, "pieces of other pictures in it")
        take(2)
        base = take(base_size) + (in_meta if construction else 0)
        extents = []
        for _ in range(take(2)):
            take(index_size)
            offset = base + take(offset_size)
            extents.append((offset, take(length_size)))
        yield number, extents


def _payload(data: bytes, extents: list[tuple[int, int]], budget: av1.ParseBudget) -> bytes:
    """An item's bytes; its pieces may overlap, so the bytes copied are counted."""
    pieces = []
    for start, length in extents:
        # A length of zero means: to the end of the file.
        piece = data[start : start + length] if length else data[start:]
        budget.spend(1 + len(piece) // 1000)
        pieces.append(piece)
    return b"".join(pieces)
