"""PNG: header, palette, transparency and pixels; the default picture of an animated one."""

from __future__ import annotations

import struct
import zlib

from embedding.image.containers import exif
from embedding.image.containers.bare import BarePicture, broken, truncated

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 200_000
MAX_PROFILE = 4_000_000

_GREY, _TRUECOLOUR = 0, 2


def read(data: bytes) -> BarePicture:
    """Reduce a PNG to IHDR, PLTE, tRNS and one IDAT.

    Raises:
        ImageRefused: truncated (before the pixels) or broken.
    """
    header, palette, transparency, exif_block = b"", b"", b"", b""
    profile: bytes | None = None
    pixels: list[bytes] = []
    position, complete, cut_pixels = len(SIGNATURE), False, False
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        cut = len(body) < length
        if not header and kind != b"IHDR":
            raise broken("PNG", "it does not begin with its header")
        if kind == b"IDAT":
            pixels.append(body)
            cut_pixels = cut
        if kind == b"IEND":
            complete = True
        if cut or complete:
            break
        if kind in (b"IHDR", b"PLTE", b"tRNS") and data[position + 8 + length : position + 12 + length] != _sum(
            kind, body
        ):
            raise broken("PNG", f"the check sum of {kind.decode()} is wrong")
        if kind == b"IHDR":
            if header or length != 13:
                raise broken("PNG", "its header is wrong")
            header = body
        elif kind == b"PLTE":
            palette = _chunk(kind, body)
        elif kind == b"tRNS":
            transparency = body
        elif kind == b"iCCP":
            profile = _profile(body)
        elif kind == b"eXIf":
            exif_block = exif_block or body
        position += 12 + length
    else:
        raise broken("PNG", "too many chunks")
    if not header or not pixels:
        raise broken("PNG", "no picture in it") if complete else truncated("PNG")
    parts = [SIGNATURE, _chunk(b"IHDR", header), palette]
    if transparency:
        parts.append(_chunk(b"tRNS", _as_decoded(transparency, depth=header[8], colour=header[9])))
    parts += [_chunk(b"IDAT", b"".join(pixels)), _chunk(b"IEND", b"")]
    width, height = struct.unpack_from(">II", header)
    return BarePicture(
        "PNG",
        b"".join(parts),
        size=(width, height),
        orientation=exif.orientation(exif_block),
        profile=profile,
        # Without its last chunk a PNG may have all its pixels: they are whole where their chunks are.
        truncated=not complete and cut_pixels,
    )


def _sum(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + _sum(kind, body)


def _profile(body: bytes) -> bytes | None:
    name, _, packed = body.partition(b"\0")
    if not name or packed[:1] != b"\0":
        return None
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(packed[1:], MAX_PROFILE)
    except zlib.error:
        return None
    return None if inflate.unconsumed_tail else profile


def _as_decoded(transparency: bytes, depth: int, colour: int) -> bytes:
    """The transparent colour in the depth that Pillow compares it in: 8 bits, save for 1 and 16 bits of grey."""
    if colour == _GREY and depth in (2, 4) and len(transparency) >= 2:
        (value,) = struct.unpack_from(">H", transparency)
        return struct.pack(">H", value * 255 // (2**depth - 1) & 0xFFFF)
    if colour == _TRUECOLOUR and depth == 16 and len(transparency) >= 6:
        return struct.pack(">HHH", *(value >> 8 for value in struct.unpack_from(">HHH", transparency)))
    return transparency
