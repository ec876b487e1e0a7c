"""A test case of decoding, and the pictures and pieces that many cases are made of."""

import io
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pillow_heif
from PIL import Image

from tests.embedding.image.picture_bytes import TRUECOLOUR, png, png_rows, saved, scene

Outcome = str | np.ndarray
SCENE = scene()
CODED = 6  # levels that a lossy coder may be off in the middle of a flat quarter


@dataclass(frozen=True)
class Case:
    """A file, and the expected result of decoding it.

    Attributes:
        data: the file.
        outcome: the reason for which it has to be refused, or the picture that it has to give.
        tolerance: how far a value may be from that; from CODED up, only the middles of the four quarters count.
    """

    data: bytes
    outcome: Outcome
    tolerance: float = 0


Cases = dict[str, Callable[[], Case]]


def cases(name: str, variants: Cases) -> Cases:
    """Cases under a common name, each made once, on first use."""
    return {f"{name}_{variant}": cache(maker) for variant, maker in variants.items()}


def middles(image: np.ndarray) -> np.ndarray:
    """The middle of each quarter, where no coder blurs: [2, 2, 3]."""
    height, width = image.shape[:2]
    return image[height // 4 :: height // 2, width // 4 :: width // 2][:2, :2]


def jpeg(**options: object) -> bytes:
    return saved(SCENE, "JPEG", **{"quality": 95} | options)


def heic(image: np.ndarray = SCENE, **options: object) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(image)).save(out, **{"quality": 95, "chroma": 444} | options)
    return out.getvalue()


def orientations() -> dict[int, np.ndarray]:
    """The scene as each EXIF orientation stores it, rotated without the code under test."""
    return {
        1: SCENE,
        2: np.fliplr(SCENE),
        3: np.rot90(SCENE, 2),
        4: np.flipud(SCENE),
        5: SCENE.transpose(1, 0, 2),
        6: np.rot90(SCENE, 1),
        7: np.rot90(SCENE, 2).transpose(1, 0, 2),
        8: np.rot90(SCENE, -1),
    }


# Pieces

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
RAMP = np.linspace(0, 65_535, 48 * 32).astype(np.uint16).reshape(32, 48)
RAMP_8 = np.repeat((np.round(RAMP / 257.0)).astype(np.uint8)[..., None], 3, axis=2)


def zip_file() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.txt"), "a" * 1000)
    return out.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A header of any size before sixty-four kilobytes of zeros."""
    return png(width, height, 8, TRUECOLOUR, bytes(65_536))


def of_size(maker: Callable[[int, int], bytes], width: int, height: int, reason: str) -> Callable[[], Case]:
    return lambda: Case(maker(width, height), reason)


def webp_of_size(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + size + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def bmp(
    width: int, height: int, pixels: bytes = b"", bits: int = 24, compression: int = 0, palette: bytes = b""
) -> bytes:
    header = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(pixels), 0, 0, len(palette) // 4, 0
    )
    return (
        b"BM"
        + struct.pack("<IHHI", 54 + len(palette) + len(pixels), 0, 0, 54 + len(palette))
        + header
        + palette
        + pixels
    )


def jpeg_of_size(width: int, height: int) -> bytes:
    data = jpeg()
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def with_box_size(data: bytes, width: int, height: int) -> bytes:
    return re.sub(rb"ispe.{12}", b"ispe" + struct.pack(">III", 0, width, height), data, flags=re.DOTALL)


def flat_rows(image: np.ndarray) -> bytes:
    return png_rows(image.reshape(image.shape[0], -1))


def four_colours() -> Image.Image:
    return Image.fromarray(SCENE).quantize(4)


def png_with(*chunks: bytes) -> bytes:
    return png(48, 32, 8, TRUECOLOUR, flat_rows(SCENE), before=b"".join(chunks))
