"""Picture files assembled byte by byte, such as no encoder would write."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, TRUECOLOUR, PALETTE, GREY_ALPHA, TRUECOLOUR_ALPHA = 0, 2, 3, 4, 6


def scene(width: int = 48, height: int = 32) -> np.ndarray:
    """Four flat quarters that survive any coder and look different in each orientation."""
    image = np.empty((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    image[:top, :left], image[:top, left:] = (200, 40, 40), (40, 160, 40)
    image[top:, :left], image[top:, left:] = (40, 40, 200), (220, 200, 60)
    return image


def saved(image: np.ndarray | Image.Image, format_: str, **options: object) -> bytes:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    out = io.BytesIO()
    picture.save(out, format_, **options)
    return out.getvalue()


def exif_block(orientation: int, order: str = "<") -> bytes:
    """A TIFF-structured block with one tag, without the "Exif" prefix."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "LHHHLHHL", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


# PNG


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int,
    height: int,
    depth: int,
    colour: int,
    rows: bytes,
    *,
    before: bytes = b"",
    after: bytes = b"",
    level: int = 6,
) -> bytes:
    """A PNG; `rows` has the samples, each row with its leading filter byte."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + before + png_chunk(b"IDAT", zlib.compress(rows, level)) + after
    return PNG_SIGNATURE + chunks + png_chunk(b"IEND", b"")


def png_rows(samples: np.ndarray) -> bytes:
    """Rows of 8- or 16-bit samples [h, w * channels] with filter 0."""
    wide = samples.astype(">u2") if samples.dtype == np.uint16 else samples
    return b"".join(b"\0" + row.tobytes() for row in wide)


# JPEG


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """The JPEG with segments put in after its start."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def without_segments(jpeg: bytes, *markers: int) -> bytes:
    """The JPEG without the segments of some markers before its first scan."""
    kept, at = jpeg[:2], 2
    while jpeg[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] not in markers:
            kept += jpeg[at:end]
        at = end
    return kept + jpeg[at:]


# TIFF


def tiff(tags: list[tuple[int, int, tuple[int, ...]]], pixels: bytes, *, order: str = "<", following: int = 0) -> bytes:
    """A TIFF: header, pixels at 8, long values, directory. A strip offset of 0 in the tags becomes 8.

    `tags` are (tag, type 3 or 4, values), ascending.
    """
    mark = b"II*\0" if order == "<" else b"MM\0*"
    body = pixels + b"\0" * (len(pixels) % 2)
    entries = b""
    for tag, kind, values in tags:
        if tag in (273, 324) and values == (0,):
            values = (8,)
        packed = struct.pack(f"{order}{len(values)}{'HL'[kind - 3]}", *values)
        if len(packed) > 4:
            place = struct.pack(order + "L", 8 + len(body))
            body += packed + b"\0" * (len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHL", tag, kind, len(values)) + place
    directory = struct.pack(order + "H", len(tags)) + entries + struct.pack(order + "L", following)
    return mark + struct.pack(order + "L", 8 + len(body)) + body + directory


def tiff_tags(
    width: int,
    height: int,
    bits: tuple[int, ...],
    photometric: int,
    length: int,
    **more: tuple[int, int, tuple[int, ...]],
) -> list[tuple[int, int, tuple[int, ...]]]:
    """The tags of an uncompressed picture in one strip; `more` are added, or replace those of their number."""
    tags = {
        256: (256, 4, (width,)),
        257: (257, 4, (height,)),
        258: (258, 3, bits),
        259: (259, 3, (1,)),
        262: (262, 3, (photometric,)),
        273: (273, 4, (0,)),
        277: (277, 3, (len(bits),)),
        278: (278, 4, (height,)),
        279: (279, 4, (length,)),
    }
    tags |= {entry[0]: entry for entry in more.values()}
    return [tags[tag] for tag in sorted(tags)]


# ICC (ICC.1:2001, version 2)


def _icc(device: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        value += b"\0" * (-len(value) % 4)
        table += name + struct.pack(">II", at + len(body), len(value))
        body += value
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"\0\0\0\0", 0x02400000, device, space, connection)
    header = header.ljust(36, b"\0") + b"acsp"
    # The connection space's white, D50.
    return (header.ljust(68, b"\0") + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)).ljust(128, b"\0") + table + body


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(value * 65536) for value in values))


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


_DESCRIPTION = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 78
_COMMON = {b"desc": _DESCRIPTION, b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(0.9642, 1.0, 0.8249)}
# Display P3's primaries, adapted to D50; columns are red, green and blue.
P3_TO_XYZ = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
SRGB_TO_XYZ = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
P3_GAMMA = 563 / 256


def p3_profile() -> bytes:
    """An RGB monitor with P3's primaries and a gamma of 2.2."""
    columns = {name: _xyz(*P3_TO_XYZ[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(P3_GAMMA))
    return _icc(b"mntr", b"RGB ", b"XYZ ", _COMMON | columns | curves)


def linear_grey_profile() -> bytes:
    """A grey device whose values are linear in light."""
    return _icc(b"mntr", b"GRAY", b"XYZ ", _COMMON | {b"kTRC": _gamma(1.0)})


def grey_cyan_profile() -> bytes:
    """A CMYK printer whose cyan is a mid grey (L* = 50), whose black is black, and whose other inks are invisible."""
    # The first ink of the grid's 16 nodes varies slowest.
    light = [0 if node & 1 else 128 if node & 8 else 255 for node in range(16)]
    grid = b"".join(bytes((level, 128, 128)) for level in light)
    identity = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    return _icc(b"prtr", b"CMYK", b"Lab ", _COMMON | {b"A2B0": table + identity * 4 + grid + identity * 3})


def p3_as_srgb(image: np.ndarray) -> np.ndarray:
    """What a P3 picture looks like in sRGB, from the definitions (IEC 61966-2-1); for colours that sRGB has."""
    light = (image / 255.0) ** P3_GAMMA @ P3_TO_XYZ.T @ np.linalg.inv(SRGB_TO_XYZ).T
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255


def as_lab(image: np.ndarray) -> np.ndarray:
    """sRGB as TIFF's CIE L*a*b* of D50: L* times 2.55, and signed a* and b* (CIE 15, TIFF 6.0 section 23)."""
    share = image / 255.0
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4) @ SRGB_TO_XYZ.T
    f = np.cbrt(light / SRGB_TO_XYZ.sum(1))
    lab = np.stack([(116 * f[..., 1] - 16) * 2.55, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)
    return lab.round().astype(np.int16).astype(np.uint8)
